//! docs/ineligible.md says what becomes of the calls of a function that has a reason; and so it is.

use std::{collections::BTreeSet, ffi::c_void, ptr::NonNull};

use springboard::{BindError, Engine, Path, Reason, abi, ir::Prototype};

const PAGE: &str = include_str!("../../../docs/ineligible.md");

extern "C" fn never_called() {}

/// A row of the page's second table.
struct Row {
    codes: Vec<&'static str>,
    /// C text, where a function of its own can have the reason.
    function: Option<&'static str>,
    calls: &'static str,
}

fn rows() -> Vec<Row> {
    let table = PAGE.split("| its calls |").nth(1).expect("the page has a table of calls");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [code, function, calls] = cells[..] else { panic!("three cells: {line}") };
        let text = |cell: &'static str| cell.strip_prefix('`')?.strip_suffix('`');
        let codes = code.split(", ").map(|code| text(code).expect("a code")).collect();
        Row { codes, function: text(function), calls }
    });
    rows.collect()
}

#[test]
fn the_page_says_what_becomes_of_each_reason() {
    let codes: BTreeSet<_> = rows().iter().flat_map(|row| row.codes.clone()).collect();
    let all = abi::Ineligible::examples();
    assert_eq!(codes, all.iter().map(abi::Ineligible::code).collect());

    let engine = Engine::new();
    let address = NonNull::new((never_called as *const ()).cast_mut().cast::<c_void>()).expect("an address");
    let mut seen = BTreeSet::new();
    for Row { codes, function, calls } in rows() {
        let (Some(text), [code]) = (function, &codes[..]) else {
            assert!(calls.is_empty(), "{codes:?}: {calls}");
            continue;
        };
        let prototype = Prototype::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let plan = engine.target().map(|target| abi::plan(&prototype.signature, target, abi::Entry::Slots));
        let plan = plan.expect("a machine whose convention is known");
        let bound = engine.function_at(address, prototype);
        match plan {
            Ok(_) => assert!(matches!(bound.expect(text).path(), Path::Native), "{text}"),
            Err(reason) => {
                assert_eq!(reason.code(), *code, "{text}");
                seen.insert(*code);
                match (calls, bound) {
                    ("libffi", Ok(function)) => {
                        let path = function.path();
                        assert!(
                            matches!(&path, Path::Libffi(Reason::Ineligible(why)) if *why == reason),
                            "{path}"
                        );
                    }
                    ("no way", Err(BindError::NoPath { reason: Reason::Ineligible(why), .. })) => {
                        assert_eq!(why, reason, "{text}");
                    }
                    (calls, Ok(bound)) => panic!("{text}: {calls} by the page, and {}", bound.path()),
                    (calls, Err(error)) => panic!("{text}: {calls} by the page, and {error}"),
                }
            }
        }
    }
    // Elsewhere these functions have stubs.
    let own = if cfg!(target_arch = "x86_64") { Some("x87-result") } else { None };
    let own = if cfg!(target_arch = "s390x") { Some("vector-abi") } else { own };
    let expected: BTreeSet<_> = ["stack-arguments", "compilers"].into_iter().chain(own).collect();
    assert_eq!(seen, expected);
}
