//! What it says of stubs of each entry, and of mistakes.

use super::*;

const LINUX: &str = "x86_64-unknown-linux-gnu";

fn arguments(entry: &str, prototype: &str) -> Arguments {
    let (prototype, entry, target) = (prototype.to_owned(), entry.to_owned(), Some(LINUX.to_owned()));
    Arguments { prototype, entry, target, buffers: Vec::new(), host: None }
}

/// The line that begins with this, without its spaces.
fn line(text: &str, start: &str) -> String {
    let found = text.lines().map(str::trim).find(|line| line.starts_with(start));
    found.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn slots_go_to_registers() {
    let text =
        explain(&arguments("slots", "struct p { double x; long y; }; struct p f(struct p, char)")).unwrap();
    assert_eq!(line(&text, "slots:"), "slots: compiled");
    assert_eq!(line(&text, "1 "), "1 struct p memory at slot 0 rdi (bytes 8..16), xmm0 (bytes 0..8)");
    assert_eq!(line(&text, "2 "), "2 char slot 1 rsi");
    assert_eq!(line(&text, "result"), "result struct p [slot 2][0..8] <- xmm0[0..8], [slot 2][8..16] <- rax");
    let text = explain(&arguments("slots", "struct p { long a, b, c; }; struct p f(void)")).unwrap();
    assert_eq!(line(&text, "result"), "result struct p memory at slot 0, by the function itself");
}

#[test]
fn registers_go_to_slots_of_a_callback() {
    let text =
        explain(&arguments("callback", "struct p { double x; long y; }; int f(struct p, char)")).unwrap();
    assert_eq!(line(&text, "1 "), "1 struct p rdi (bytes 8..16), xmm0 (bytes 0..8) memory at slot 0");
    assert_eq!(line(&text, "2 "), "2 char rsi[0..1] sign-extended slot 1");
    assert!(line(&text, "result").starts_with("result int rax <- slot 2"), "{text}");
}

#[test]
fn a_host_sees_how_values_are_unboxed() {
    let text = explain(&arguments("boxed", "int f(double)")).unwrap();
    assert!(line(&text, "boxed:").starts_with("boxed: compiled"), "{text}");
    assert_eq!(
        line(&text, "1 "),
        "1 double [8] == @1: double at [16], or [8] == @0: digit at [24], size at [16] xmm0"
    );
    assert_eq!(line(&text, "result"), "result int @7(rax sign-extended from 4 bytes)");
    let text =
        explain(&Arguments { host: Some("doubles".into()), ..arguments("boxed", "double f(long)") }).unwrap();
    assert_eq!(
        line(&text, "boxed:"),
        "boxed: every call by the slow twin: the host does not say how parameter 1 is unboxed (unboxing)"
    );
}

#[test]
fn what_is_not_compiled_has_a_reason() {
    for (entry, instead) in
        [("slots", "no stub"), ("callback", "no stub"), ("boxed", "every call by the slow twin")]
    {
        let text = explain(&arguments(entry, "long double f(void)")).unwrap();
        let start = format!("{entry}: {instead}: the result comes back on the x87 stack");
        assert!(line(&text, &format!("{entry}:")).starts_with(&start), "{text}");
        assert!(text.contains("(x87-result)"), "{text}");
    }
}

#[test]
fn both_verdicts_of_v8_and_the_registers_are_shown() {
    let text = explain(&arguments("v8", "int f(int, double)")).unwrap();
    for line in ["  Node: eligible", "  full: eligible"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(line(&text, "receiver"), "receiver value rdi -");
    assert_eq!(line(&text, "1 "), "1 int 32 bits rsi rdi");
    assert_eq!(line(&text, "2 "), "2 double float64 xmm0 xmm0");
}

#[test]
fn what_node_refuses_is_explained() {
    let target = Some("aarch64-unknown-linux-gnu".to_owned());
    let text =
        explain(&Arguments { target, buffers: vec![1], ..arguments("v8", "int f(void *, double)") }).unwrap();
    assert!(
        text.contains("Node: refused: a buffer beside a floating point argument (buffer-and-float)"),
        "{text}"
    );
    assert!(text.contains("full: eligible") && text.contains("unwrapped, x0"), "{text}");
    let options = text.lines().find(|line| line.contains("options")).unwrap();
    assert!(options.contains("x2") && options.contains("the host's helpers"), "{text}");
}

#[test]
fn mistakes_are_the_callers() {
    let refused = |arguments: Arguments| explain(&arguments).unwrap_err();
    let buffers = |buffers: &[u16], entry: &str| Arguments {
        buffers: buffers.into(),
        ..arguments(entry, "int f(int)")
    };
    assert!(refused(arguments("v8", "int f(")).contains('^'));
    assert!(
        refused(Arguments { target: Some("pdp11".into()), ..arguments("v8", "int f(int)") })
            .contains("pdp11")
    );
    assert!(refused(arguments("sockets", "int f(int)")).contains("known are slots, callback, boxed, v8"));
    assert_eq!(refused(buffers(&[2], "v8")), "there is no parameter 2 to be a buffer; there are 1");
    assert_eq!(refused(buffers(&[1], "v8")), "parameter 1 is declared a buffer but is not a pointer");
    assert!(refused(buffers(&[1], "slots")).contains("--buffer is for the entry v8"));
    let host =
        |name: &str, entry: &str| Arguments { host: Some(name.into()), ..arguments(entry, "int f(int)") };
    assert!(refused(host("lisp", "boxed")).contains("lisp"));
    assert!(refused(host("objects", "slots")).contains("--host is for the entry boxed"));
}
