//! Definitions as headers write them, what they mean, and how they are written back.

use springboard_ir::{
    AggregateKind, DataModel, Declarations, Definitions, Layout, ParseErrorKind, Pointee, Prototype,
    Signature, Type,
};

/// What is read, and what is written for it.
const CASES: &[(&str, &str)] = &[
    ("struct point { double x, y; };", "struct point { double x; double y; };\n"),
    (
        "struct point; union u; struct point *f(union u *);",
        "struct point;\nunion u;\nstruct point *f(union u *);\n",
    ),
    ("struct node { struct node *next; int v; };", "struct node { struct node *next; int v; };\n"),
    (
        "struct a { struct b *p; }; struct b { struct a a; };",
        "struct a;\nstruct b;\nstruct a { struct b *p; };\nstruct b { struct a a; };\n",
    ),
    (
        "struct s { char a[2][3], *b[4], (*c)[5]; int (*d)(int), *(*e[6])(void); };",
        "struct s { char a[2][3]; char *b[4]; char (*c)[5]; int (*d)(int); int *(*e[6])(void); };\n",
    ),
    (
        "struct s { unsigned a : 3, : 5, b : 1 + 1; int : 0; _Bool c : 1; };",
        "struct s { unsigned int a : 3; unsigned int : 5; unsigned int b : 2; int : 0; _Bool c : 1; };\n",
    ),
    (
        "struct s { struct { int a; union { int b; float c; }; } d; struct { char e; }; };",
        "struct s { struct { int a; union { int b; float c; }; } d; struct { char e; }; };\n",
    ),
    (
        "struct s { enum e { A } a; struct t { int b; } c; };",
        "struct s;\nenum e { A = 0 };\nstruct t { int b; };\nstruct s { enum e a; struct t c; };\n",
    ),
    ("struct s { int n; char data[]; };", "struct s { int n; char data[]; };\n"),
    (
        "struct __attribute__((packed)) s { int a; } __attribute__((aligned(2)));",
        "struct __attribute__((packed, aligned(2))) s { int a; };\n",
    ),
    (
        "struct s { int a __attribute__((aligned)), b; _Alignas(double) char c; _Alignas(0) int d; };",
        "struct s { __attribute__((aligned(16))) int a; int b; __attribute__((aligned(8))) char c; int d; };\n",
    ),
    (
        "struct s { _Alignas(16) struct { int a; }; __attribute__((aligned(16))) struct { int b; }; };",
        "struct s { _Alignas(16) struct { int a; }; struct { int b; }; };\n",
    ),
    ("struct s { };", "struct s { };\n"),
    (
        "struct s { int *_Atomic p, *const _Atomic q[2]; char *restrict (*r)[2]; };",
        "struct s { _Atomic(int *) p; _Atomic(int *) q[2]; char *(*r)[2]; };\n",
    ),
    (
        "typedef int *T[2]; struct t; int f(T restrict, struct t *[static restrict 2], va_list []), a[]; extern int a[3];",
        "typedef int *T[2];\nstruct t;\nstruct __va_list_tag;\nint f(int **, struct t **, struct __va_list_tag *);\nextern int a[];\n",
    ),
    (
        "struct s; extern struct s x; struct s { int a; }; extern struct s x; _Static_assert(sizeof(x.a) == 4, \"\");",
        "struct s { int a; };\nextern struct s x;\n",
    ),
    ("enum e { A, B = 5, C, D = -'a', E = C << 2 };", "enum e { A = 0, B = 5, C = 6, D = -97, E = 24 };\n"),
    (
        "enum { A = 0x8000000000000000, B = 1 }; enum e { C = -0x7fffffffffffffff - 1 };",
        "enum { A = 0x8000000000000000, B = 1 };\nenum e { C = -9223372036854775807 - 1 };\n",
    ),
    (
        "typedef struct point point_t; typedef int (*cmp)(const void*, const void*);",
        "struct point;\ntypedef struct point point_t;\ntypedef int (*cmp)(const void *, const void *);\n",
    ),
    (
        "typedef const char *const str, text[2]; typedef int fn(int), (*pfn)(fn);",
        "typedef const char *const str;\ntypedef const char text[2];\ntypedef int fn(int);\ntypedef int (*pfn)(int (*)(int));\n",
    ),
    (
        "typedef float v4 __attribute__((vector_size(16))); struct s { v4 v; };",
        "typedef float __attribute__((vector_size(16))) v4;\nstruct s { float __attribute__((vector_size(16))) v; };\n",
    ),
    (
        "typedef int a16 __attribute__((aligned(16))); struct s { char c; a16 x; };",
        "typedef int a16 __attribute__((aligned(16)));\nstruct s { char c; __typeof__(__attribute__((aligned(16))) int) x; };\n",
    ),
    (
        "typedef unsigned u_int8_t __attribute__((__mode__(__QI__))); u_int8_t f(void);",
        "typedef uint8_t u_int8_t;\nuint8_t f(void);\n",
    ),
    (
        "typedef unsigned long size_t; typedef int int32_t; typedef int bool; size_t f(int32_t, bool);",
        "typedef int bool;\nsize_t f(int32_t, int);\n",
    ),
    (
        "#pragma pack(push, 1)\nstruct s { char c; int i; };\n#pragma pack(pop)\nstruct t { char c; int i; };",
        "_Pragma(\"pack(push, 1)\") struct s { char c; int i; }; _Pragma(\"pack(pop)\")\nstruct t { char c; int i; };\n",
    ),
    (
        "int f(int), *g(void), x; extern int y[], z; static const int w[] = { 1, 2 };",
        "int f(int);\nint *g(void);\nextern int x;\nextern int y[];\nextern int z;\nextern const __typeof__(int []) w;\n",
    ),
    (
        "static const int answer = 42; char *const name; const char *text;",
        "static const __typeof__(int) answer = 42;\nextern const __typeof__(char *) name;\nextern const char *text;\n",
    ),
    ("static inline int f(int x) { return x; } int g(int);;", "int f(int x);\nint g(int);\n"),
    ("int f(int); int f(int x); _Static_assert(1, \"x\"); asm(\"nop\");", "int f(int);\n"),
    ("int f(); int f(int, double); int f();", "int f(int, double);\n"),
    (
        "enum e : short; int f(enum e); enum e : short { A }; int g(enum e, nullptr_t, typeof(nullptr) *);",
        "int f(short);\nenum e : short { A = 0 };\nint g(enum e, void *, void **);\n",
    ),
    (
        "enum e { A }; size_t f(enum e); unsigned long f(unsigned); int g(int [3], va_list); int g(int *, va_list);",
        "enum e { A = 0 };\nsize_t f(enum e);\nstruct __va_list_tag;\nint g(int *, struct __va_list_tag *);\n",
    ),
    ("struct s { int a; }; struct s { int a; };", "struct s { int a; };\n"),
];

#[test]
fn declarations_are_read_and_written_back() {
    for (text, written) in CASES {
        match Declarations::parse(text) {
            Ok(declarations) => assert_eq!(declarations.to_string(), *written, "of {text}"),
            Err(error) => panic!("{error}\n{}", error.excerpt(text)),
        }
    }
}

/// Constant expressions, with their values.
const CONSTANTS: &[(&str, i128)] = &[
    ("1 + 2 * 3 - 4 / 2 % 3", 5),
    ("'ABCD'", 0x4142_4344),
    ("L'x' + u'y' + U'\\u00e9'", 120 + 121 + 233),
    ("u8'a'", 97),
    ("'\\xff'", -1),
    ("u8'\\xff'", 255),
    ("1'000'000 + 0x1'F", 1_000_031),
    ("true + true", 2),
    ("(1 + 2) * -3", -9),
    ("1 << 4 | 3 & 6 ^ 1", 19),
    ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("-8 >> 1", -4),
    ("~0", -1),
    ("~0u", 0xFFFF_FFFF),
    ("~0ul", 0xFFFF_FFFF_FFFF_FFFF),
    ("-1 < 0u", 0),
    ("-1 < 0", 1),
    ("0xFFFFFFFF + 1", 0),
    ("4294967295 + 1", 0x1_0000_0000),
    ("0777 + 0b101 + 0x1F", 511 + 5 + 31),
    ("2147483647 + 1", -0x8000_0000),
    ("!3 + !0", 1),
    ("1 ? 2 : 3", 2),
    ("0 || 2 && 1 == 1", 1),
    ("3 != 2 <= 1", 1),
    ("(char)300", 44),
    ("(unsigned char)-1", 255),
    ("(_Bool)5 + (long)1", 2),
    ("sizeof(int) * 2", 8),
    ("sizeof(\"ab\" \"\\n\") + sizeof u8\"é\"", 4 + 3),
    ("sizeof(void) + _Alignof(int(int)) + sizeof(void(void))", 3),
    ("sizeof(struct { char c; double d; })", 16),
    ("sizeof(char *[3])", 24),
    ("_Alignof(long double)", 16),
    ("(1024 / (8 * sizeof (unsigned long int)))", 16),
    ("15 * sizeof (int) - 4 * sizeof (void *) - sizeof (size_t)", 20),
    ("'a' + '\\n' + '\\x41' + '\\101' + '\\0'", 97 + 10 + 65 + 65),
    ("'\\xff'", -1),
];

#[test]
fn constants_have_the_values_of_c() {
    for (expression, value) in CONSTANTS {
        let text = format!("enum {{ A = {expression} }};");
        match Declarations::parse(&text) {
            Ok(declarations) => assert_eq!(declarations.constant("A"), Some(*value), "{expression}"),
            Err(error) => panic!("{error}\n{}", error.excerpt(&text)),
        }
    }
}

#[test]
fn what_was_declared_can_be_asked_for() {
    let text = "struct point { double x, y; }; typedef struct point point_t; enum e { A = 7 }; struct open;
        typedef int handler(int); typedef int strict __attribute__((aligned(8))); double norm(point_t);";
    let declarations = Declarations::parse(text).unwrap();
    let point = declarations.tagged("point").unwrap();
    assert_eq!(point.layout(&DataModel::LP64), Ok(Layout { size: 16, align: 8 }));
    assert_eq!(declarations.named("point_t"), Some(point.clone()));
    assert_eq!(declarations.tagged("open"), None);
    assert_eq!(declarations.named("handler"), None);
    assert_eq!(declarations.named("strict"), None);
    assert_eq!(declarations.constant("A"), Some(7));
    assert_eq!(declarations.function("norm").unwrap().to_string(), "double norm(struct point)");
    assert_eq!(declarations.functions().len(), 1);
    let tags: Vec<&str> = declarations.tagged_types().map(|(tag, _)| tag).collect();
    assert_eq!(tags, ["e", "point"]);
    let prototype =
        Prototype::parse_in("double dist(point_t a, struct point b, int c[A])", &declarations).unwrap();
    assert_eq!(prototype.signature.params()[0].ty, point);
    assert_eq!(Type::parse_in("point_t", &declarations), Ok(point));
    assert_eq!(Signature::parse_in("handler", &declarations).unwrap().to_string(), "int (*)(int)");
}

#[test]
fn a_pointer_knows_an_aggregate_by_its_tag() {
    let before = Prototype::parse("int f(struct s *p)").unwrap();
    let after = Prototype::parse("struct s { int a; }; int f(struct s *p)").unwrap();
    assert_eq!(before, after);
    let by_tag = Type::Incomplete(AggregateKind::Struct, "s".into());
    assert_eq!(before.signature.params()[0].ty, Type::pointer_to(Pointee::Object(by_tag)));
}

#[test]
fn the_model_decides_sizes() {
    let windows = DataModel::of(&"x86_64-pc-windows-gnu".parse().unwrap()).unwrap();
    let text = "enum { LONG = sizeof(long), WIDE = sizeof(wchar_t), MAX = 0xFFFFFFFFl };";
    let here = Declarations::parse(text).unwrap();
    let there = Declarations::parse_for(text, &windows).unwrap();
    assert_eq!((here.constant("LONG"), here.constant("WIDE")), (Some(8), Some(4)));
    assert_eq!((there.constant("LONG"), there.constant("WIDE")), (Some(4), Some(2)));
}

#[test]
fn a_scan_leaves_out_what_it_cannot_read() {
    let text = "int a(int); int b(unknown_t); struct s { unknown_t x; } c(void);
        static int d(_Decimal32 x) { return x; } int e(struct s *), f(int) { ; } enum { A, B / 0 }; int g[B]; int h(void);";
    let (declarations, errors) = Declarations::scan(text, &DataModel::LP64);
    let names: Vec<_> = declarations.functions().iter().filter_map(|f| f.name.as_deref()).collect();
    assert_eq!(names, ["a", "e", "f", "h"]);
    let lines: Vec<_> = errors.iter().map(|error| (error.line, error.to_string())).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(errors[0].kind, ParseErrorKind::UnknownType { name: "unknown_t".into(), nearest: None });
    assert_eq!(errors[2].line, 2);
}

#[test]
fn definitions_stand_before_their_use() {
    let text = "struct a { int x; }; struct b { struct a a[2]; struct c *c; }; enum e { A = -1 };
        enum e f(struct b, struct b *, void (*)(union u { struct d { int y; } d; }))";
    let prototype = Prototype::parse(text).unwrap();
    let definitions = Definitions::of(&prototype.signature).unwrap();
    assert_eq!(
        definitions.to_string(),
        "enum e { A = -1 };\nstruct a { int x; };\nstruct c;\nstruct b { struct a a[2]; struct c *c; };\n\
         struct d { int y; };\nunion u { struct d d; };\n"
    );
    let mut definitions = definitions;
    let other = Type::parse("struct a { char x; }; struct a").unwrap();
    assert_eq!(definitions.add_type(&other).unwrap_err().name, "a");
    let other = Type::parse("enum g { A }; enum g").unwrap();
    assert_eq!(definitions.add_type(&other).unwrap_err().name, "A");
}

#[test]
fn a_declared_signature_has_no_arguments_of_a_call() {
    let prototype = Prototype::parse("int printf(const char *fmt, ..., int, double)").unwrap();
    assert_eq!(prototype.signature.declared().to_string(), "int (*)(const char *fmt, ...)");
    assert_eq!(prototype.signature.fixed(), Some(1));
    let pointer = Type::pointer_to(Pointee::Function(prototype.signature));
    assert_eq!(pointer.to_string(), "int (*)(const char *fmt, ...)");
}

/// What C and its standard headers give a name, with the type that it comes down to.
#[test]
fn names_need_no_header() {
    let text = "struct vt { struct vt (*clone)(const struct vt *); void *p; };
        struct fwd; typedef int (*cb)(struct fwd, int); struct fwd { int x; };
        void reg(struct Opt);
        int f(int_least16_t, intmax_t, char16_t, uint_fast8_t), __cdecl g(int);
        extern int counter; __typeof__(counter) h(__typeof_unqual__(const char) c);
        extern __typeof__(f) i;
        enum color : unsigned char { RED, GREEN = 255 }; enum { A = sizeof(enum color) };";
    let declarations = Declarations::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let function = |name| declarations.function(name).unwrap().to_string();
    assert_eq!(function("reg"), "void reg(struct Opt)");
    assert_eq!(function("f"), "int f(int16_t, int64_t, uint16_t, uint8_t)");
    assert_eq!(function("h"), "int h(char c)");
    assert_eq!(function("i"), "int i(int16_t, int64_t, uint16_t, uint8_t)");
    assert_eq!(declarations.constant("A"), Some(1));
    let Some(Type::Pointer(callback)) = declarations.named("cb") else { panic!("a pointer") };
    let Pointee::Function(signature) = &*callback else { panic!("to a function") };
    assert_eq!(signature.params()[0].ty, declarations.tagged("fwd").unwrap());
}

#[test]
fn objects_are_kept_with_what_their_type_leaves_out() {
    let text =
        "extern int a[]; const int b = 3 * 4, *c; static const double d = 1.5; int f(void); typedef int T[];";
    let declarations = Declarations::parse(text).unwrap();
    let objects: Vec<_> = declarations.objects().iter().collect();
    let named = |name: &str| objects.iter().find(|object| object.name == name).unwrap();
    assert_eq!(objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert!(named("a").declared.flexible && !named("a").constant);
    assert_eq!((named("b").constant, named("b").value), (true, Some(12)));
    assert_eq!((named("c").constant, named("c").value), (false, None));
    assert_eq!((named("d").constant, named("d").value), (true, None));
    assert!(Type::parse_declared("T", &declarations).unwrap().1.flexible);
}

#[test]
fn a_text_is_read_with_those_before_it_and_added_to_them() {
    let mut declarations = Declarations::parse("struct s; typedef struct s T; enum e { A, B };").unwrap();
    let later = Declarations::parse_in("struct s { int x[B + 1]; }; T f(T *);", &declarations).unwrap();
    assert!(later.named("T").is_none());
    declarations.extend(later);
    assert_eq!(declarations.named("T").unwrap(), declarations.tagged("s").unwrap());
    assert_eq!(declarations.function("f").unwrap().to_string(), "struct s f(struct s *)");
    assert_eq!(declarations.constants().collect::<Vec<_>>(), [("A", 0), ("B", 1)]);
    assert_eq!(declarations.aggregate_tags().count(), 1);
    assert!(Declarations::parse_in("int g(U);", &declarations).is_err());
}

#[test]
fn an_array_without_a_length_is_told_from_one_of_length_zero() {
    let none = Declarations::default();
    for (text, flexible) in [("int[]", true), ("int[0]", false), ("int", false)] {
        assert_eq!(Type::parse_declared(text, &none).unwrap().1.flexible, flexible, "{text}");
    }
}
