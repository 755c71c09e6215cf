//! Size and alignment as GCC and Clang have them, of what attributes and names of types align.

use springboard_ir::{Compiler, DataModel, Declarations, Layout, LayoutError, ParseErrorKind, Type};

/// What comes before each case.
const NAMES: &str = "
typedef char H __attribute__((aligned(8)));
typedef int I16 __attribute__((aligned(16)));
typedef I16 I8 __attribute__((aligned(8)));
typedef int I2 __attribute__((aligned(2)));
typedef struct { char a[16]; } S16 __attribute__((aligned(16)));
typedef _Atomic int A;
";

/// A type, its size and its alignment, by GCC 12 and Clang 16 on x86_64.
const CASES: &[(&str, u64, u32)] = &[
    ("struct __attribute__((packed)) t { int a; H b; }", 5, 1),
    ("union __attribute__((packed)) t { int a; H b; }", 4, 1),
    ("struct t { char a; I8 b; }", 16, 8),
    ("struct t { char c; S16 x[2]; }", 48, 16),
    ("struct __attribute__((packed)) t { char c; S16 x; }", 17, 1),
    ("struct t { char c; I2 x[3]; }", 14, 2),
    ("struct t { char c; I2 x; int y __attribute__((packed)); }", 10, 2),
    ("struct t { char c; int y : 20 __attribute__((packed)); int z : 20 __attribute__((packed)); }", 6, 1),
    ("struct t { char c; I2 y : 20; }", 4, 2),
    ("struct __attribute__((packed)) t { char c; I16 x : 3; char d; }", 3, 1),
    ("enum __attribute__((mode(DI))) t { B, C }", 8, 8),
    ("enum t { B, C } __attribute__((mode(QI)))", 1, 1),
    ("enum t : short { B, C }", 2, 2),
    ("enum t : short; enum t : short { B, C }", 2, 2),
    ("enum e : short; struct t { char c; enum e x; }", 4, 2),
    ("struct t { char a; int b [[gnu::packed]]; }", 5, 1),
    ("struct t { char a; [[gnu::packed]] int b, c; }", 9, 1),
    ("struct t { char a; int b [[gnu::aligned(16)]] [2]; char c; }", 32, 16),
    ("typedef int N [[gnu::mode(DI)]]; struct t { char a; N b; }", 16, 8),
    ("_Pragma(\"pack(push, x, 1)\") _Pragma(\"pack(push, 2)\") struct t { char c; int y; }", 6, 2),
    (
        "_Pragma(\"pack(push, x, 1)\") _Pragma(\"pack(push)\") _Pragma(\"pack(pop, x)\") struct t { char c; int y; }",
        8,
        4,
    ),
    (
        "_Pragma(\"pack(push, 1)\") _Pragma(\"pack(push, x, 2)\") _Pragma(\"pack(pop, x)\") struct t { char c; int y; }",
        5,
        1,
    ),
    (
        "_Pragma(\"pack(push, 1)\") _Pragma(\"pack(push, x, 2)\") _Pragma(\"pack(push, 4)\") \
         _Pragma(\"pack(pop, x)\") _Pragma(\"pack(pop)\") struct t { char c; int y; }",
        8,
        4,
    ),
    ("struct __attribute__((packed, aligned())) t { char c; int y; }", 16, 16),
    ("struct t { char c; A a; }", 8, 4),
    ("struct t { char c; __typeof__(A) a; __typeof__(H) b; }", 16, 8),
    ("_Pragma(\"pack(push, 2)\") struct t { char c; int y : 20; int z : 20; }", 6, 2),
    ("_Pragma(\"pack(2)\") struct t { char c; int : 0; char z; }", 5, 1),
    ("_Pragma(\"pack(2)\") struct t { char c; int y __attribute__((aligned(8))); I16 q; }", 10, 2),
    (
        "_Pragma(\"pack(2)\") struct t { char c; struct __attribute__((aligned(8))) { int y; } y; char d; }",
        12,
        2,
    ),
    ("_Pragma(\"pack(4)\") struct t { char c; long y : 33; long z : 30; char a : 7; int b : 30; }", 16, 4),
    ("_Pragma(\"pack(4)\") struct t { char c; short : 0; char d; int : 0; char e; long : 0; char f; }", 9, 1),
    ("_Pragma(\"pack(2)\") struct t { char c; __attribute__((aligned(8))) int : 0; char z; }", 9, 1),
];

#[test]
fn types_are_laid_out_as_compilers_do() {
    for (text, size, align) in CASES {
        let text = format!("{NAMES}{text};");
        let declarations = Declarations::parse(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
        let layout = declarations.tagged("t").unwrap().layout(&DataModel::LP64).unwrap();
        assert_eq!((layout.size, layout.align), (*size, *align), "{text}");
        let written = declarations.to_string();
        let again = Declarations::parse(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
        assert_eq!(again.tagged("t"), declarations.tagged("t"), "{written}");
    }
}

#[test]
fn what_compilers_lay_out_in_two_ways_has_the_layout_of_the_one_that_is_named() {
    let layout = |compiler| {
        let text = format!("{NAMES} struct t {{ char c; H y : 5; H z : 3; }};");
        let declarations = Declarations::parse_for(&text, &DataModel { compiler, ..DataModel::LP64 })?;
        let layout = declarations.tagged("t").unwrap().layout(declarations.model()).unwrap();
        Ok::<_, springboard_ir::ParseError>((layout.size, layout.align))
    };
    assert_eq!(layout(Some(Compiler::Gcc)).unwrap(), (24, 8));
    assert_eq!(layout(Some(Compiler::Clang)).unwrap(), (16, 8));
    assert!(layout(None).unwrap_err().to_string().contains("GCC and Clang"));
}

/// GCC counts bit-fields of a type that a name aligns to more than any type from multiples of 16 bytes, or of more by its
/// options: what comes of it is told where it does not matter.
#[test]
fn bit_fields_of_types_aligned_beyond_all_others() {
    let text = |before: &str| {
        format!(
            "typedef _Bool b __attribute__((aligned(32))); struct s {{ {before} b bit : 1; char after; }}; struct s"
        )
    };
    let refused = Type::parse(&text("long a, b;")).expect_err("17 for GCC, 33 for Clang");
    assert_eq!(refused.kind, ParseErrorKind::Layout(LayoutError::Compilers));
    let ty = Type::parse(&text("long a;")).expect("33 for both");
    assert_eq!(ty.layout(&DataModel::LP64), Ok(Layout { size: 64, align: 32 }));
}

/// Clang passes one at an odd offset in memory, and an array of elements aligned to one byte in registers.
#[test]
fn the_name_of_an_array_does_not_weaken_it_where_clang_is_named() {
    let read = |text: &str, compiler| {
        let model = DataModel { compiler, ..DataModel::LP64 };
        Declarations::parse_for(text, &model).map(|_| ()).map_err(|error| error.kind)
    };
    let refused = Err(ParseErrorKind::Unsupported("aligned".into()));
    let weak = "typedef int a[2] __attribute__((aligned(1)));";
    assert_eq!(read(weak, Some(Compiler::Clang)), refused);
    for compiler in [None, Some(Compiler::Gcc)] {
        assert_eq!(read(weak, compiler), Ok(()));
    }
    for text in [
        "typedef int a[2] __attribute__((aligned(16)));",
        "typedef int a __attribute__((aligned(1))); typedef a b[2];",
    ] {
        assert_eq!(read(text, Some(Compiler::Clang)), Ok(()), "{text}");
    }
}
