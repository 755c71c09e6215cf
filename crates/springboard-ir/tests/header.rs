//! Preprocessed headers: what is read of them, and from where.

use springboard_ir::{DataModel, Declarations, Header, Linkage, Skipped};

const TEXT: &str = r#"# 0 "<stdin>"
# 1 "/usr/include/outer.h" 1 3 4
/* a comment */ typedef unsigned long size_type;
extern int first (size_type __n, char *const __restrict __argv[]) __attribute__ ((__nothrow__ , __leaf__));
# 7 "/usr/include/inner.h" 2 3
__extension__ typedef struct { unsigned low : 3, : 0; union { int a; float b; }; enum { A = 1 << 4, B = A | sizeof(long) } e; } inner_type;

static __inline__ __attribute__((__always_inline__)) int twice(int x) { if (x) { return x * 2; } return 0; }
extern int scanned (const char *__format, ...) __asm__ ("" "__isoc99_scanned") __attribute__((format(scanf, 1, 2)));
extern _Float128 wide (_Float128 __x) __attribute__ ((__nothrow__)); extern int first (size_type n, char *const restrict *argv);
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
            ("vfirst", "", place("/usr/include/outer.h:91"), Linkage::External),
        ]
    );
    let first = header.prototype(&header.functions()[0]).unwrap();
    assert_eq!(first.to_string(), "int first(unsigned long __n, char *const *__argv)");
    assert_eq!(header.declarations().constant("B"), Some(24));
}

/// What is left out of a text: names, lines and reasons.
fn left_out(text: &str) -> Vec<(Option<String>, usize, String)> {
    let header = Header::scan(text, &DataModel::LP64);
    let row = |skipped: &Skipped| (skipped.name.clone(), skipped.place.line, skipped.error.kind.to_string());
    header.skipped().iter().map(row).collect()
}

#[test]
fn what_was_left_out_has_a_name_a_place_and_a_reason() {
    let header = Header::scan(TEXT, &DataModel::LP64);
    let [wide] = header.skipped() else { panic!("{:?}", header.skipped()) };
    assert_eq!(wide.name.as_deref(), Some("wide"));
    assert_eq!(wide.place.to_string(), "/usr/include/inner.h:11");
    assert_eq!(wide.error.kind.to_string(), "`_Float128` is not supported here");
}

#[test]
fn each_name_that_was_left_out_is_told() {
    let why = "`_Float128` is not supported here";
    for (text, names) in [
        ("extern __attribute__((visibility(\"default\"))) _Float128 f(int);", &["f"][..]),
        ("[[nodiscard]] _Float128 f(int) __attribute__((x(1)));", &["f"]),
        ("const char *(f)(_Float128);", &["f"]),
        ("size_t (f)(_Float128);", &["f"]),
        ("void (*f(int a, _Float128 (*)(int)))(int);", &["f"]),
        ("typedef int (*f)(_Float128);", &["f"]),
        ("int ok(int), f(_Float128), (*g)(int), h[3] = { 1, 2 };", &["f", "g", "h"]),
        ("struct s { int a; _Float128 b; };", &["s"]),
        ("typedef struct s { _Float128 b; } t, *u;", &["t", "u"]),
        ("static inline int f(_Float128 x) { return g(x); }", &["f"]),
        ("_Alignas(16) _Float128 f;", &["f"]),
        ("_Float128 (((((f)))));", &["f"]),
    ] {
        let left_out = left_out(text);
        let told: Vec<_> = left_out.iter().filter_map(|(name, ..)| name.as_deref()).collect();
        assert_eq!(told, names, "{text}");
        assert!(left_out.iter().all(|(.., because)| because == why), "{text}: {left_out:?}");
    }
    assert_eq!(left_out("_Float128 (int);"), [(None, 1, why.to_owned())]);
}

#[test]
fn what_could_not_be_read_is_why_others_cannot_be() {
    let text = "typedef _Float128 wide; typedef struct s { wide w; } t, u[2];\nint f(t); int g(struct s); int h(t *);";
    let why = |name: &str| format!("`{name}` could not be read: `_Float128` is not supported here");
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        left_out(text),
        [
            (name("wide"), 1, "`_Float128` is not supported here".into()),
            (name("t"), 1, why("wide")),
            (name("u"), 1, why("wide")),
            (name("f"), 2, why("t")),
            (name("g"), 2, why("struct s")),
            (name("h"), 2, why("t")),
        ]
    );
}

#[test]
fn a_structure_may_be_defined_after_its_names() {
    let text = "
        typedef struct point point; typedef const struct point fixed; typedef struct point *place;
        struct point middle(point, place, fixed); int later(union id);
        struct point { double x, y; }; union id { int number; }; typedef struct point point;
        point moved(point, fixed, place); struct pair { point a; fixed b; };
        typedef union none none; int never(none);";
    let header = Header::scan(text, &DataModel::LP64);
    let names: Vec<_> = header.functions().iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["middle", "later", "moved"], "in the order of the text");
    let declarations = header.declarations();
    let moved = declarations.function("moved").unwrap().to_string();
    assert_eq!(moved, "struct point moved(struct point, struct point, struct point *)");
    assert_eq!(
        declarations.function("middle").unwrap().signature.params()[0].ty,
        declarations.tagged("point").unwrap()
    );
    assert_eq!(declarations.named("point"), declarations.tagged("point"));
    assert_eq!(declarations.tagged("pair").unwrap().layout(&DataModel::LP64).unwrap().size, 32);
    let written = declarations.to_string();
    assert_eq!(Declarations::parse(&written).as_ref(), Ok(declarations), "{written}");
    let why = "`union none` is not defined here; only a pointer to it can be used";
    assert_eq!(left_out(text), [(Some("never".into()), 6, why.into())]);
}

#[test]
fn what_compilers_add_is_understood() {
    let text = r#"
        __extension__ _Static_assert(sizeof(int) == 4, "int");
        typedef union { struct in *in; struct un *__un; } address __attribute__((__transparent_union__));
        typedef union { const char *text; int *number; } __attribute__((transparent_union)) any;
        int connect(int, address, unsigned); int take(any *, any);
        typedef _Atomic(int) counter; typedef _Atomic unsigned long wide_counter;
        typedef float _Float32; typedef double _Float64; _Float32 half(_Float64, _Complex _Float32);
        typedef long double _Float64x; _Complex _Float64x wide(_Float64x);
        typedef _Atomic struct { _Bool set; } flag;
        int count(counter *, wide_counter, int *_Atomic), test(flag *);
        [[nodiscard, gnu::malloc]] void *allocate(int size [[maybe_unused]]) [[gnu::cold]];
        struct [[gnu::packed]] packed { char a; int b; };
        struct log { int level; void (*write)(const char *, __builtin_va_list); };
        int vlog(struct log, const char *, __builtin_va_list), pass(va_list *);
    "#;
    let header = Header::scan(text, &DataModel::LP64);
    assert_eq!(header.skipped(), []);
    let functions: Vec<_> = header.declarations().functions().iter().map(|f| f.to_string()).collect();
    assert_eq!(
        functions,
        [
            "int connect(int, struct in *, unsigned int)",
            "int take(union { const char *text; int *number; } *, const char *)",
            "float half(double, float _Complex)",
            "long double _Complex wide(long double)",
            "int count(int *, unsigned long, int *)",
            "int test(struct { _Bool set; } *)",
            "void *allocate(int size)",
            "int vlog(struct log, const char *, struct __va_list_tag *)",
            "int pass(struct __va_list_tag *)",
        ]
    );
    let size = |tag| header.declarations().tagged(tag).unwrap().layout(&DataModel::LP64).unwrap().size;
    assert_eq!((size("packed"), size("log")), (5, 16));
    let written = header.declarations().to_string();
    assert_eq!(Declarations::parse(&written).as_ref(), Ok(header.declarations()), "{written}");
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

#[test]
fn old_style_definitions_swallow_nothing() {
    let text =
        "int first(a, b) int a; char b; { return a; } int second(int); extern __typeof__(second) third;";
    let header = Header::scan(text, &DataModel::LP64);
    let names: Vec<_> = header.functions().iter().map(|function| &*function.name).collect();
    assert_eq!(names, ["second", "third"]);
    assert_eq!(header.skipped().len(), 1);
    assert_eq!(header.skipped()[0].name.as_deref(), Some("first"));
}

/// After a pragma that is not understood no structure is read, because its layout is not known.
#[test]
fn what_follows_an_unknown_packing_is_reported() {
    let text = "struct before { char c; int i; };
#pragma ms_struct on
int first(struct before);
struct after { char c; int i; };
int second(struct after);
int third(struct before *);";
    let header = Header::scan(text, &DataModel::LP64);
    let names: Vec<_> = header.functions().iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["first", "third"]);
    let skipped: Vec<_> = header
        .skipped()
        .iter()
        .map(|skipped| format!("{}: {}", skipped.name.as_deref().unwrap_or("?"), skipped.error.kind))
        .collect();
    let expected = [
        "?: `pragma ms_struct` is not supported here",
        "after: `pragma ms_struct` is not supported here",
        "second: `struct after` could not be read: `pragma ms_struct` is not supported here",
    ];
    assert_eq!(skipped, expected);
}

#[test]
fn what_is_declared_like_something_unread_is_told_by_its_own_name() {
    let text = "int old(a) int a; { return a; }\nextern __typeof__(old) like, *pointer;";
    let told: Vec<_> = left_out(text).into_iter().filter_map(|(name, ..)| name).collect();
    assert_eq!(told, ["old", "like", "pointer"]);
    let why = "`f` was declared otherwise before";
    assert_eq!(left_out("int f(int);\nint f(long);"), [(Some("f".to_owned()), 2, why.to_owned())]);
}
