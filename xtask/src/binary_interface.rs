//! `cargo xtask abi`: the C library's binary interface, compared with the one that programs were built for.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use crate::{
    project::{self, quietly},
    tools,
};

/// The interface of the last release, by libabigail.
const LAST: &str = "crates/springboard-capi/springboard.abi";
const HEADER: &str = "crates/springboard-capi/include/springboard.h";

/// Compares functions and types of springboard.h with those of the last release, by abidiff.
///
/// More functions are fine. Whatever a program that was built before would call, read or mean otherwise is listed, and the exit
/// code is 1: functions, structures, and constants, of which new ones among the old are listed too.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the interface of today down as the one that later ones are compared with: at a release
    #[arg(long)]
    bless: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let ended = if arguments.bless { describe(&project::root().join(LAST)) } else { compare() };
    project::exit(ended)
}

fn compare() -> Result<(), String> {
    let now = project::root().join("target/abi/now.abi");
    describe(&now)?;
    let mut differ = Command::new("abidiff");
    differ
        .args(["--no-added-syms", "--harmless", "--non-reachable-types"])
        .arg(project::root().join(LAST))
        .arg(&now);
    let output = differ.output().map_err(|error| format!("abidiff: {error}"))?;
    if output.status.success() {
        println!("the interface of {HEADER} is the one of {LAST}, or has more functions");
        return Ok(());
    }
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    Err(format!("{}\nprograms built for {LAST} do not fit this interface", said.concat().trim_end()))
}

/// Has abidw describe a library of C that has a function for each declaration of the header. (The debug information of
/// springboard's own library would say the same in types of Rust.)
fn describe(to: &Path) -> Result<(), String> {
    if let Some(missing) = tools::ABIGAIL.missing() {
        return Err(missing);
    }
    let (root, folder) = (project::root(), Path::new("target/abi"));
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(root.join(folder)).map_err(failed)?;
    let (source, list) = (folder.join("springboard.c"), folder.join("prototypes"));
    let include = format!("#include \"{HEADER}\"\n");
    fs::write(root.join(&source), &include).map_err(failed)?;
    // In the project's root, so that the description has no path of this machine.
    let gcc = || {
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=c2x", "-w", "-I."]).current_dir(root);
        gcc
    };
    quietly("reading the header", gcc().args(["-fsyntax-only", "-aux-info"]).arg(&list).arg(&source))?;
    let listed = fs::read_to_string(root.join(list)).map_err(failed)?;
    let functions = defined(&listed);
    if functions.is_empty() {
        return Err(format!("gcc lists no function of {HEADER}"));
    }
    fs::write(root.join(&source), include + &functions).map_err(failed)?;
    let library = folder.join("libspringboard.so");
    quietly(
        "compiling it",
        gcc()
            .args(["-g", "-fno-eliminate-unused-debug-types", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(&source),
    )?;
    let mut describe = Command::new("abidw");
    describe.args([
        "--load-all-types",
        "--no-corpus-path",
        "--no-comp-dir-path",
        "--no-show-locs",
        "--out-file",
    ]);
    describe.arg(to).current_dir(root);
    quietly("describing it", describe.arg(&library))
}

/// A definition for each function of ours in what gcc's `-aux-info` lists.
fn defined(listed: &str) -> String {
    let ours = listed.lines().filter_map(|line| line.split_once("*/ extern "));
    let ours = ours.filter(|(place, _)| place.contains("/springboard.h:"));
    ours.map(|(_, declaration)| format!("{} {{ __builtin_trap(); }}\n", declaration.trim_end_matches(';')))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn functions_of_the_header_alone_are_defined() {
        let listed = "/* /usr/include/string.h:3:NC */ extern void *memcpy (void *);\n\
            /* /x/springboard.h:56:NC */ extern int sb_version (void);\n";
        assert_eq!(super::defined(listed), "int sb_version (void) { __builtin_trap(); }\n");
    }
}
