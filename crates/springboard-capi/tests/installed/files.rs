//! What is installed: symbols with their versions, the library's name, no executable stack.

use std::{collections::BTreeSet, path::Path, process::Command};

use crate::tool::{prefix, succeed};

fn printed(program: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).arg(file);
    String::from_utf8(succeed(command).stdout).expect("text")
}

/// Names of symbols of ours that nm prints.
fn symbols(listing: &str) -> BTreeSet<String> {
    let names = listing.lines().filter_map(|line| line.rsplit(' ').next());
    names.filter(|name| name.starts_with("sb_")).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a library installed for Windows: cargo xtask test windows"]
fn symbols_of_the_dll_are_those_of_the_script() {
    let script = include_str!("../../springboard.map").lines();
    let wanted: BTreeSet<_> = script
        .filter_map(|line| line.trim().strip_suffix(';'))
        .filter(|name| name.starts_with("sb_"))
        .collect();
    assert!(wanted.len() > 50);
    let printed = printed("x86_64-w64-mingw32-objdump", &["-p"], &prefix().join("bin/springboard.dll"));
    let (_, exports) = printed.split_once("[Ordinal/Name Pointer] Table").expect("it has exports");
    let names = exports.lines().skip(1).map_while(|line| line.split_whitespace().last());
    let names: BTreeSet<_> = names.skip_while(|name| !name.starts_with("sb_")).collect();
    assert_eq!(names, wanted);
}

#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn symbols_are_those_of_the_script() {
    let text = include_str!("../../springboard.map");
    let mut version = String::new();
    let mut wanted = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(" {") {
            version = name.to_owned();
        }
        if let Some(name) = line.trim().strip_suffix(';').filter(|name| name.starts_with("sb_")) {
            wanted.insert(format!("{name}@@{version}"));
        }
    }
    assert!(wanted.len() > 50);
    let library = prefix().join("lib/libspringboard.so");
    let exported = printed("nm", &["-D", "--defined-only"], &library);
    assert_eq!(symbols(&exported), wanted);
    // Nothing else is offered, except the name of the version.
    assert_eq!(exported.lines().filter(|line| !line.contains(" sb_")).count(), 1, "{exported}");
    let plain: BTreeSet<_> =
        wanted.iter().filter_map(|name| Some(name.split_once('@')?.0.to_owned())).collect();
    let archive = printed("nm", &["--defined-only", "--extern-only"], &prefix().join("lib/libspringboard.a"));
    assert_eq!(symbols(&archive), plain);
}

#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn the_library_has_its_name_and_stays() {
    let library = prefix().join("lib/libspringboard.so");
    let dynamic = printed("readelf", &["-dW"], &library);
    for words in ["Library soname: [libspringboard.so.0]", "NODELETE", "SYMBOLIC", "NOW"] {
        assert!(dynamic.contains(words), "{words} is not in:\n{dynamic}");
    }
    assert!(!dynamic.contains("TEXTREL"), "{dynamic}");
    let segments = printed("readelf", &["-lW"], &library);
    let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("it says what the stack is");
    assert!(stack.contains(" RW ") && !stack.contains("RWE"), "{stack}");
}
