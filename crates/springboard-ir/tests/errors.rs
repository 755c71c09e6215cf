//! What the parser says about texts that are wrong, and where.

use springboard_ir::{Declarations, ParseError, ParseErrorKind, Prototype, SignatureError, Type};

/// Texts with the mark `¦` where the error is, and its message without line and column.
const PROTOTYPES: &[(&str, &str)] = &[
    ("¦", "expected a type, found the end of the text"),
    ("int f(float¦", "expected `,` or `)`, found the end of the text"),
    ("int f(int, ¦)", "expected a type, found `)`"),
    ("int f(int ¦int)", "`int int` is no type"),
    ("int f(int) ¦g", "expected the end, found `g`"),
    ("int f(int); ¦int g(int)", "expected the end, found `int`"),
    ("int ¦FOO f(int)", "unknown type or attribute `FOO`"),
    ("int f(¦unsinged x)", "unknown type or attribute `unsinged`; the nearest known name is `unsigned`"),
    ("¦_Thread_local int f(void)", "`_Thread_local` cannot stand here"),
    ("¦_Alignas(16) int f(void)", "`_Alignas` cannot stand here"),
    ("int f(int ¦restrict x)", "`restrict` cannot stand here"),
    ("int f(int (*¦restrict p)(int))", "`restrict` cannot stand here"),
    ("typedef int F(int); int f(F *¦restrict p)", "`restrict` cannot stand here"),
    ("typedef int (*P)(int); int f(¦restrict P p)", "`restrict` cannot stand here"),
    ("int f(¦_Atomic(const int) x)", "`_Atomic` cannot stand here"),
    ("int f(¦_Atomic(volatile int) x)", "`_Atomic` cannot stand here"),
    ("int f(¦_Atomic(int *restrict) x)", "`_Atomic` cannot stand here"),
    ("typedef _Atomic int A; int f(¦_Atomic(A) x)", "`_Atomic` cannot stand here"),
    ("int f(int *¦_Atomic(x))", "expected `,` or `)`, found `_Atomic`"),
    ("int f(¦volatile void)", "parameter 1 is void"),
    ("int f(struct s ¦x[])", "`struct s` is not defined here; only a pointer to it can be used"),
    ("int f(int x[static¦])", "expected a constant, found `]`"),
    ("int f(int x[static ¦static 3])", "expected a constant, found `static`"),
    ("int f(int x[const static ¦const 3])", "expected a constant, found `const`"),
    ("int ¦WINAPI f(int)", "`WINAPI` is a calling convention that the functions of this target do not have"),
    ("¦foo f(int)", "unknown type or attribute `foo`"),
    ("int f(¦sqlite3 *db)", "unknown type or attribute `sqlite3`"),
    ("int ¦for(int)", "expected the end, found `for`"),
    ("¦unsigned float f(void)", "`unsigned float` is no type"),
    ("int f(long long ¦long x)", "`long long long` is no type"),
    ("¦int x", "expected a function, found a declaration of something else"),
    ("¦int", "expected a function, found a declaration of something else"),
    ("¦int (**f)(void)", "expected a function, found a declaration of something else"),
    ("int f(int a, int ¦a)", "`a` is declared twice"),
    ("int f(int, ¦void)", "parameter 2 is void"),
    ("int f(¦void x)", "parameter 1 is void"),
    ("int f(¦const void)", "parameter 1 is void"),
    ("int f¦(int)(int)", "the result is a function, which C cannot return"),
    ("int f¦(int)[3]", "the result is an array, which C cannot return"),
    ("int f(int, int x[¦-1])", "an array cannot have -1 elements"),
    ("int f(int x[3]¦[])", "an array without a length ends a structure or is a parameter"),
    ("struct point ¦f(int)", "`struct point` is not defined here; only a pointer to it can be used"),
    ("int f(int, ¦union u x)", "`union u` is not defined here; only a pointer to it can be used"),
    ("int f(enum ¦e)", "`enum e` has no definition"),
    ("struct a { int x; }; int f(union ¦a *p)", "`a` was declared as `struct a`"),
    (
        "int printf(const char *, ..., int, ¦float)",
        "variadic argument 3 is promoted by C: declare it as double",
    ),
    ("int printf(const char *, ..., ¦char c)", "variadic argument 2 is promoted by C: declare it as int"),
    ("int printf(const char *, ..., ¦...)", "expected a type, found `...`"),
    ("int f(int (*cb)(char *, ...¦, int))", "expected `)`, found `,`"),
    ("int (*f(int))(char *, ...¦, int)", "expected `)`, found `,`"),
    ("int f(¦@)", "`@` means nothing in C"),
    ("int f(¦\u{0})", "`\\0` means nothing in C"),
    ("int ¦/* f(int)", "expected an end of what begins here, found the end of the text"),
    ("¦#include <stdio.h>\nint f(int)", "`#include` is for the preprocessor, which has to run first"),
    ("int (**f)(int) __attribute__((¦ms_abi))", "`ms_abi` is not supported here"),
    ("int (** __attribute__((¦ms_abi)) f)(int)", "`ms_abi` is not supported here"),
    (
        "int f(int) __attribute__((¦vectorcall))",
        "`vectorcall` is a calling convention that the functions of this target do not have",
    ),
    ("struct __attribute__((¦ms_abi)) s { int x; }; int f(struct s)", "`ms_abi` is not supported here"),
    ("int f(¦_BitInt(7) x)", "`_BitInt` is not supported here"),
    ("int f(¦_Alignas(16) int)", "`_Alignas` cannot stand here"),
    ("va_list ¦f(int)", "`va_list` is not supported here"),
    ("struct s { int a; va_list ¦rest; }; int f(struct s)", "`va_list` is not supported here"),
    ("int f(¦_Atomic struct s { int x[3]; })", "`_Atomic` is not supported here"),
    ("int f(_Atomic(int) ¦long)", "`_Atomic ( int ) long` is no type"),
    ("int f([[gnu::¦ms_abi]] int)", "`ms_abi` is not supported here"),
    (
        "union u { int *x; } __attribute__((¦transparent_union)); int f(union u)",
        "`transparent_union` is not supported here",
    ),
    ("typedef int long ¦_Float32; int f(void)", "`typedef int long _Float32` is no type"),
    ("int f([[gnu::¦]] int)", "expected a name, found `]`"),
    (
        "int f(union { int x; } __attribute__((¦transparent_union)))",
        "`transparent_union` is not supported here",
    ),
    (
        "int f(struct { int *x; } __attribute__((¦transparent_union)))",
        "`transparent_union` is not supported here",
    ),
    ("int [[gnu::¦ms_abi]] f(int)", "`ms_abi` is not supported here"),
    ("int f(¦__fp16)", "`__fp16` is not supported here"),
    ("int f(int __attribute__((vector_size(¦12))))", "a vector has 8 or 16 bytes in whole elements, not 12"),
    (
        "int f(_Bool __attribute__((vector_size(¦16))))",
        "the elements of a vector are numbers of at most 8 bytes",
    ),
];

const DECLARATIONS: &[(&str, &str)] = &[
    ("int f(int n; ¦; int n);", "expected a type, found `;`"),
    ("int p; int f(__typeof__¦[p));", "expected `(`, found `[`"),
    ("int f(int a[][¦static 3]);", "expected `]`, found `static`"),
    ("int f(int (*a)[¦const]);", "expected `]`, found `const`"),
    ("typedef ¦__extension__ long long t;", "`__extension__` cannot stand here"),
    ("__extension__ __extension__ int f(int) ¦= 3;", "expected `,` or `;`, found `=`"),
    ("typedef int t ¦= 3;", "expected `,` or `;`, found `=`"),
    ("typedef int f(int) ¦{ }", "expected `,` or `;`, found `{`"),
    ("struct ¦_Alignas(8) s { int a; };", "expected a tag or `{`, found `_Alignas`"),
    ("struct s { struct s ¦x; };", "`struct s` contains itself"),
    ("struct s { int a; struct { struct s ¦x[2]; } y; };", "`struct s` contains itself"),
    (
        "union u { struct s *p; struct s ¦x; };",
        "`struct s` is not defined here; only a pointer to it can be used",
    ),
    ("struct s { int a; double ¦a; };", "`a` is declared twice"),
    ("struct s { int a; ¦struct { int b, a; }; };", "`a` is declared twice"),
    ("struct s { int x ¦}", "expected `,` or `;`, found `}`"),
    ("struct s { _Atomic int ¦a : 3; };", "`_Atomic` cannot stand here"),
    ("typedef _Atomic int A; struct s { A ¦: 0; };", "`_Atomic` cannot stand here"),
    ("_Alignas(1) int ¦x;", "`_Alignas(1)` is less than the 4 bytes that the type is aligned to"),
    ("_Alignas(2) extern int ¦x[3];", "`_Alignas(2)` is less than the 4 bytes that the type is aligned to"),
    ("int a[sizeof(¦_Alignas(8) int)];", "`_Alignas` cannot stand here"),
    ("int a[sizeof(¦int[])];", "the type is incomplete and has no size"),
    ("enum e : int ¦x;", "expected `{` or `;`, found `x`"),
    ("int a; long ¦a;", "`a` was declared otherwise before"),
    ("int *a; extern int ¦a[];", "`a` was declared otherwise before"),
    ("int a[3], ¦a[4];", "`a` was declared otherwise before"),
    ("_Static_assert¦(sizeof(long) == 4, \"of Windows\");", "what is asserted here does not hold"),
    ("struct s { int a : ¦33; };", "a bit-field of this type has 0 to 32 bits, not 33"),
    ("struct s { _Bool a : ¦2; };", "a bit-field of this type has 0 to 1 bits, not 2"),
    ("struct s { int : ¦-1; };", "a bit-field of this type has 0 to 32 bits, not -1"),
    ("struct s { int a : ¦0; };", "a bit-field of 0 bits has no name, this one is `a`"),
    ("struct s { float ¦a : 3; };", "a bit-field is of an integer type"),
    ("struct s { int ¦f(int); };", "expected the type of an object, found a function or void"),
    ("struct s { void ¦v; };", "expected the type of an object, found a function or void"),
    ("struct s { int a¦[]; int b; };", "an array without a length ends a structure or is a parameter"),
    ("struct s { int a¦[]; };", "an array without a length ends a structure or is a parameter"),
    ("struct s { int : 3; int a¦[]; };", "an array without a length ends a structure or is a parameter"),
    ("union u { int b; int a¦[]; };", "an array without a length ends a structure or is a parameter"),
    ("struct s { int a[¦1 - 2]; };", "an array cannot have -1 elements"),
    ("struct s { int a[¦n]; };", "`n` is no constant"),
    ("struct s { int a[1 ¦/ 0]; };", "division by zero"),
    ("struct s { int a[1 ¦<< 32]; };", "shift by 32 bits"),
    ("struct s { int a[¦0x]; };", "`0x` is no number that 64 bits hold"),
    ("struct s { int a[¦18446744073709551616]; };", "`18446744073709551616` is no number that 64 bits hold"),
    ("struct s { char a¦[1 << 30][2]; };", "the type is larger than 1073741824 bytes"),
    ("struct ¦s { char a[1 << 30]; int b; };", "the type is larger than 1073741824 bytes"),
    (
        "struct s { int x __attribute__((aligned(¦3))); };",
        "alignment 3 is not a power of two from 1 to 65536",
    ),
    (
        "struct __attribute__((aligned(¦0))) s { int x; };",
        "alignment 0 is not a power of two from 1 to 65536",
    ),
    ("struct s { _Alignas(¦1 << 17) int x; };", "alignment 131072 is not a power of two from 1 to 65536"),
    (
        "struct s { _Alignas(2) int ¦x; };",
        "`_Alignas(2)` is less than the 4 bytes that the type is aligned to",
    ),
    ("struct s { int a; }; struct ¦s { int b; };", "`s` is defined already"),
    ("typedef int a; typedef char ¦a;", "`a` is defined already"),
    ("enum e { A, B, ¦A };", "`A` is defined already"),
    ("enum e { A }; enum f { ¦A };", "`A` is defined already"),
    ("enum e { A }; enum ¦e { B };", "`e` is defined already"),
    ("enum e { A }; typedef int ¦A;", "`A` is defined already"),
    ("enum e : short; enum ¦e : int;", "`e` is defined already"),
    ("enum e : short { A }; enum ¦e : int;", "`e` is defined already"),
    ("enum e { A }; enum ¦e : unsigned;", "`e` is defined already"),
    ("enum e : short; enum ¦e : int { A };", "`e` is defined already"),
    ("int f(int); int ¦f(long);", "`f` was declared otherwise before"),
    ("void f(void); int ¦f(void);", "`f` was declared otherwise before"),
    ("int f(int, ...); int ¦f(int);", "`f` was declared otherwise before"),
    ("struct s { int a; } f(void); int ¦f(void);", "`f` was declared otherwise before"),
    ("int f(void); int ¦f;", "`f` was declared otherwise before"),
    ("int f; int ¦f(void);", "`f` was declared otherwise before"),
    (
        "¦_Pragma(\"ms_struct on\") struct s { char a; int b : 3; };",
        "`pragma ms_struct` is not supported here",
    ),
    ("¦_Pragma(\"options align=packed\") int x;", "`pragma options` is not supported here"),
    (
        "¦#pragma scalar_storage_order big-endian\nint x;",
        "`pragma scalar_storage_order` is not supported here",
    ),
    ("¦#pragma pack(pop, unknown)\nint x;", "`pragma pack` is not supported here"),
    ("#pragma pack(push)\n¦#pragma pack(pop, 4)\nint x;", "`pragma pack` is not supported here"),
    ("typedef double complex¦;", "expected a name, found `;`"),
    ("typedef double (¦complex);", "expected a name, found `complex`"),
    ("enum ¦e { };", "an enumeration has at least one constant"),
    (
        "enum ¦e { A = -1, B = 0xFFFFFFFFFFFFFFFF };",
        "no integer type of 64 bits holds -1 and the other constants",
    ),
    ("struct s { int x; ¦", "expected a member or `}`, found the end of the text"),
    ("struct ¦;", "expected a tag or `{`, found `;`"),
    ("struct s { ¦__auto_type x; };", "`__auto_type` is not supported here"),
    ("struct __attribute__((¦mode(DI))) s { int x; };", "`mode` is not supported here"),
    ("int f(int) ¦{ if (1) {", "expected an end of what begins here, found the end of the text"),
    ("int (¦;", "expected a name, `*` or `(`, found `;`"),
    ("\n\n  int *¦;", "expected a name, `*` or `(`, found `;`"),
    (
        "typedef int a __attribute__((aligned(8))); struct s { a x¦[2]; };",
        "elements of 4 bytes in an array are not all aligned to 8",
    ),
];

/// What is wrong with a case, if anything is.
fn fault<T>(marked: &str, message: &str, parse: fn(&str) -> Result<T, ParseError>) -> Option<String> {
    let position = marked.find('¦').expect("a mark");
    let text = marked.replace('¦', "");
    let Err(error) = parse(&text) else { return Some(format!("no error in {text:?}\n")) };
    let right = error.kind.to_string() == message && error.position == position;
    (!right).then(|| format!("{error}\n{}\ninstead of {message} in {marked:?}\n", error.excerpt(&text)))
}

fn check<T>(cases: &[(&str, &str)], parse: fn(&str) -> Result<T, ParseError>) {
    let faults: Vec<String> =
        cases.iter().filter_map(|(text, message)| fault(text, message, parse)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn prototypes() {
    check(PROTOTYPES, Prototype::parse);
}

#[test]
fn declarations() {
    check(DECLARATIONS, Declarations::parse);
}

#[test]
fn types() {
    check(
        &[
            ("¦int(int)", "expected the type of an object, found a function or void"),
            ("int ¦x", "expected the end, found `x`"),
        ],
        Type::parse,
    );
}

#[test]
fn ten_thousand_parameters_are_counted() {
    let text = format!("int f({})", ["int"; 10_000].join(", "));
    let error = Prototype::parse(&text).expect_err("too many");
    assert_eq!(error.kind, ParseErrorKind::Signature(SignatureError::TooManyParameters(10_000)));
    assert_eq!(error.kind.to_string(), "10000 parameters, and 1024 is the limit");
    assert_eq!(error.position, "int f(".len() + 1024 * "int, ".len());
}

#[test]
fn nesting_has_a_limit() {
    let cases = [("int ", "(", 64), ("", "struct { ", 64), ("int f", "(int (*)", 64), ("int ", "*", 128)];
    for (start, nested, limit) in cases {
        let text = format!("{start}{}", nested.repeat(1000));
        let error = Prototype::parse(&text).expect_err("too deep");
        assert_eq!(error.kind, ParseErrorKind::TooDeep(limit), "{nested}");
    }
}

#[test]
fn the_place_is_shown() {
    let shown = |text: &str| {
        let error = Prototype::parse(text).expect_err(text);
        format!("{error}\n{}", error.excerpt(text))
    };
    assert_eq!(
        shown("struct point { double x, y; };\nint f(struct point, flaot)\n"),
        "line 2, column 21: unknown type or attribute `flaot`; the nearest known name is `float`\n\
         int f(struct point, flaot)\n\
         \u{20}                   ^"
    );
    // A tab stays one, a wide character takes two columns, a control character is shown as one column.
    assert_eq!(
        shown("int /*漢\té\u{1}*/\tf(flaot)"),
        "line 1, column 16: unknown type or attribute `flaot`; the nearest known name is `float`\n\
         int /*漢\té\u{FFFD}*/\tf(flaot)\n\
         \u{20}       \t    \t  ^"
    );
    assert_eq!(shown("int f(\r\n"), "line 2, column 1: expected a type, found the end of the text\n\n^");
}

#[test]
fn of_a_long_line_the_surroundings_are_shown() {
    let text = format!("int f({} flaot, {})", "int, ".repeat(50), "int, ".repeat(50));
    let error = Prototype::parse(&text).expect_err("an unknown type");
    let excerpt = error.excerpt(&text).to_string();
    let (line, caret) = excerpt.split_once('\n').expect("two lines");
    assert!(line.starts_with('…') && line.ends_with('…') && line.chars().count() < 140, "{excerpt}");
    let column = caret.chars().count() - 1;
    assert!(line.chars().skip(column).collect::<String>().starts_with("flaot"), "{excerpt}");
}
