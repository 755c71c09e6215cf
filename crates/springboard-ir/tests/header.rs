//! Preprocessed headers: what is read of them, and from where.

use springboard_ir::{DataModel, Header, Linkage};

const TEXT: &str = r#"# 0 "<stdin>"
# 1 "/usr/include/outer.h" 1 3 4
/* a comment */ typedef unsigned long size_type;
extern int first (size_type __n, char *const __restrict __argv[]) __attribute__ ((__nothrow__ , __leaf__));
# 7 "/usr/include/inner.h" 2 3
__extension__ typedef struct { unsigned low : 3, : 0; union { int a; float b; }; enum { A = 1 << 4, B = A | sizeof(long) } e; } inner_type;

static __inline__ __attribute__((__always_inline__)) int twice(int x) { if (x) { return x * 2; } return 0; }
extern int scanned (const char *__format, ...) __asm__ ("" "__isoc99_scanned") __attribute__((format(scanf, 1, 2)));
extern _Float128 wide (_Float128 __x) __attribute__ ((__nothrow__)); extern int first (size_type n, char **argv);
_Noreturn void leave(int (*at_exit)(void), inner_type *);
#line 90 "/usr/include/outer.h"
typedef __builtin_va_list va_list;
int vfirst(const char *, va_list);
extern const char version[], *other;
"#;

#[test]
fn functions_have_their_places_symbols_and_linkage() {
    let header = Header::scan(TEXT, &DataModel::LP64);
    let functions: Vec<_> = header
        .functions()
        .iter()
        .map(|function| {
            let symbol = function.symbol.as_deref().unwrap_or("");
            (function.name.as_str(), symbol, function.place.to_string(), function.linkage)
        })
        .collect();
    let place = |text: &str| text.to_owned();
    assert_eq!(
        functions,
        [
            ("first", "", place("/usr/include/outer.h:2"), Linkage::External),
            ("twice", "", place("/usr/include/inner.h:9"), Linkage::Internal),
            ("scanned", "__isoc99_scanned", place("/usr/include/inner.h:10"), Linkage::External),
            ("leave", "", place("/usr/include/inner.h:12"), Linkage::External),
        ]
    );
    let first = header.prototype(&header.functions()[0]).unwrap();
    assert_eq!(first.to_string(), "int first(unsigned long __n, char *const *__argv)");
    assert_eq!(header.declarations().constant("B"), Some(24));
}

#[test]
fn what_was_left_out_has_a_name_a_place_and_a_reason() {
    let header = Header::scan(TEXT, &DataModel::LP64);
    let skipped: Vec<_> = header
        .skipped()
        .iter()
        .map(|skipped| (skipped.name.as_deref(), skipped.place.to_string(), skipped.error.kind.to_string()))
        .collect();
    let row = |name, place: &str, why: &str| (Some(name), place.to_owned(), why.to_owned());
    assert_eq!(
        skipped,
        [
            row("wide", "/usr/include/inner.h:11", "`_Float128` is not supported here"),
            row("va_list", "/usr/include/outer.h:90", "`__builtin_va_list` is not supported here"),
            row("vfirst", "/usr/include/outer.h:91", "`va_list` is no known type"),
        ]
    );
}

#[test]
fn texts_without_markers_have_lines() {
    let header = Header::scan("int a(void);\n\nint b(strange);", &DataModel::LP64);
    assert_eq!(header.functions()[0].place.to_string(), "line 1");
    assert_eq!(header.skipped()[0].place.to_string(), "line 3");
    assert_eq!(header.skipped()[0].name.as_deref(), Some("b"));
    assert!(Header::scan("", &DataModel::LP64).functions().is_empty());
    // A marker with a line that no file has.
    let header = Header::scan("# 18446744073709551615 \"f\"\n\n\nint a(void);", &DataModel::LP64);
    assert_eq!(header.functions()[0].place.line, usize::MAX);
}
