//! The signatures that libffi's advisories of November 2026 are about (docs/security.md), each after arguments that use
//! up registers: in registers, at the last one, and on the stack.

use springboard_ir::Signature;

/// What an advisory is about, as a parameter and as a result.
const TYPES: [&str; 16] = [
    // Aligned beyond the stack, or to it (GHSA-rwpw-56v4-44r3).
    "struct { _Alignas(16) long a; }",
    "struct { _Alignas(16) long a; long b; }",
    "struct { _Alignas(32) long a; }",
    "struct { _Alignas(64) long a; char b; }",
    "struct { _Alignas(32) double a; }",
    "struct { _Alignas(16) float a; }",
    // One floating-point number (GHSA-2xrh-7r9c-rwmf).
    "struct { float a; }",
    "struct { double a; }",
    "struct { struct { float a; } b; }",
    // Large ones, and those aligned to 16 bytes beside them (GHSA-wc36-xxj4-cxh5).
    "struct { char a[100]; }",
    "long double",
    "__int128",
    // As many numbers as registers are left for, and one more.
    "struct { double a, b, c, d; }",
    "struct { float a, b, c, d; }",
    "struct { long a; double b; }",
    // A result in memory.
    "struct { long a[40]; }",
];

/// What comes before.
const BEFORE: [(usize, &str); 12] = [
    (0, "long"),
    (1, "long"),
    (4, "long"),
    (5, "long"),
    (6, "long"),
    (7, "long"),
    (8, "long"),
    (9, "long"),
    (5, "double"),
    (7, "double"),
    (8, "double"),
    (8, "long, double"),
];

/// How a type is used.
const USES: u64 = 4;

/// How many there are.
pub(crate) const CASES: u64 = USES * (TYPES.len() * BEFORE.len()) as u64;

pub(crate) fn signature(number: u64) -> Signature {
    let (usage, rest) = (number % USES, (number / USES) as usize);
    let (ty, (count, before)) = (TYPES[rest / BEFORE.len()], BEFORE[rest % BEFORE.len()]);
    let before = vec![before; count].join(", ");
    let comma = if count == 0 { "" } else { ", " };
    let text = match usage {
        0 => format!("void(*)({before}{comma}{ty})"),
        1 => format!("{ty}(*)({before}{comma}{ty}, int)"),
        2 => format!("long(*)({before}{comma}{ty}, struct {{ char a[100]; }}, {ty}, __int128, char)"),
        _ => format!("long(*)(int, ...{comma}{before}, {ty}, long)"),
    };
    Signature::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
