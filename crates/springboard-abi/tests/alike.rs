//! Which types each convention cannot tell apart, asked on any host.

use springboard_abi::{Target, passed_alike};
use springboard_ir::Prototype;

#[test]
fn structures_of_numbers() {
    let same = [
        ("riscv64gc-unknown-linux-gnu", "struct { float f; }", "float"),
        ("riscv64gc-unknown-linux-gnu", "struct { double d[1]; }", "double"),
        ("riscv64gc-unknown-linux-gnu", "double _Complex", "struct { double re, im; }"),
        ("x86_64-unknown-linux-gnu", "struct { long double d; }", "long double"),
        ("s390x-unknown-linux-gnu", "struct { int i[1]; }", "struct { int i; }"),
        ("aarch64-apple-darwin", "struct { float f; }", "float"),
    ];
    let different = [
        ("s390x-unknown-linux-gnu", "struct { float f[1]; }", "struct { float f; }"),
        // As parameters they are the same; the structure comes back in memory.
        ("s390x-unknown-linux-gnu", "struct { float f; }", "float"),
        ("x86_64-unknown-linux-gnu", "long double _Complex", "struct { long double re, im; }"),
        ("x86_64-pc-windows-gnu", "struct { float f; }", "float"),
        // Registers hold both; on the stack the structure begins at a multiple of 8.
        ("aarch64-apple-darwin", "struct { int i; }", "int"),
    ];
    for (cases, expected) in [(&same[..], true), (&different[..], false)] {
        for (triple, a, b) in cases {
            let target = Target::of(&triple.parse().expect("a triple")).expect("a known target");
            let text = format!("void f({a} a, {b} b)");
            let signature =
                Prototype::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}")).signature;
            let [a, b] = signature.params() else { panic!("{text}: two parameters") };
            assert_eq!(passed_alike(&a.ty, &b.ty, &target), expected, "{text} on {triple}");
        }
    }
}
