//! `#pragma pack`: where it counts, and that what is written says the same.

use springboard_ir::{Compiler, DataModel, Declarations, Definitions, ParseErrorKind, Prototype, Type};

/// Texts that declare the function `f`, and the sizes of its parameters' types by GCC 12 and Clang 16 on x86_64.
const CASES: &[(&str, &[u64])] = &[
    ("#pragma pack(2)\nstruct s { char c; int y : 20; int z; };\n#pragma pack()\nvoid f(struct s);", &[8]),
    (
        "#pragma pack(2)\ntypedef struct { char c; int y; } p;\n#pragma pack()\n\
         typedef struct { char c; int y; } q; void f(p, q);",
        &[6, 8],
    ),
    (
        "#pragma pack(1)\ntypedef struct { char c; int y : 32; } p;\n#pragma pack()\n\
         struct s { char c; p a[2]; struct { char c; int y; } b; }; void f(struct s, p, p);",
        &[20, 5, 5],
    ),
    (
        "struct s { char c; _Pragma(\"pack(push, 2)\") struct { char d; int y; }; _Pragma(\"pack(pop)\") int e; }; \
         void f(struct s);",
        &[12],
    ),
    (
        "_Pragma(\"pack(push, 4)\") struct s { char c; _Pragma(\"pack(push, 2)\") struct { char d; long y; }; \
         _Pragma(\"pack(pop)\") _Pragma(\"pack(push, 0)\") struct { char e; long z; } w; union { char g; long h; }; \
         _Pragma(\"pack(pop)\") long i; }; _Pragma(\"pack(pop)\") void f(struct s);",
        &[44],
    ),
    (
        "typedef struct { char c; long y; } q; _Pragma(\"pack(push, 2)\") typedef struct { q a; char c; \
         q *(*f)(q, q *); struct { char c; int y; } b; } p; _Pragma(\"pack(pop)\") void f(p, q);",
        &[32, 16],
    ),
    (
        "void f(_Pragma(\"pack(push, 2)\") struct { char c; int y; } a, _Pragma(\"pack(pop)\") \
         struct { char c; int y; } b);",
        &[6, 8],
    ),
    ("int g(void) { _Pragma(\"pack(2)\") return 0; } struct s { char c; int y; }; void f(struct s);", &[6]),
];

#[test]
fn what_is_written_is_read_as_the_same() {
    for (text, sizes) in CASES {
        let read = |text: &str| {
            Declarations::parse(text).unwrap_or_else(|error| panic!("{error}\n{}", error.excerpt(text)))
        };
        let declarations = read(text);
        let params = declarations.function("f").unwrap().signature.params();
        let sizes_here: Vec<_> =
            params.iter().map(|param| param.ty.layout(&DataModel::LP64).unwrap().size).collect();
        assert_eq!(sizes_here, *sizes, "{text}");
        let written = declarations.to_string();
        assert_eq!(read(&written), declarations, "{written}");

        let prototype = declarations.function("f").unwrap();
        let definitions = Definitions::of(&prototype.signature).unwrap();
        let written = format!("{definitions}{prototype}");
        assert_eq!(Prototype::parse(&written).as_ref(), Ok(prototype), "{written}");
    }
}

/// GCC looks at the end of a structure, Clang at its beginning.
#[test]
fn a_pragma_within_a_structure_is_refused_unless_the_compiler_is_named() {
    let size = |text: &str, compiler| {
        let text = format!("{text} void f(struct s);");
        let declarations = Declarations::parse_for(&text, &DataModel { compiler, ..DataModel::LP64 })?;
        let ty = &declarations.function("f").unwrap().signature.params()[0].ty;
        Ok(ty.layout(declarations.model()).unwrap().size)
    };
    let kind = |error: springboard_ir::ParseError| error.kind;
    for (text, gcc, clang) in [
        ("struct s { char c; int y; _Pragma(\"pack(2)\") };", 6, 8),
        ("_Pragma(\"pack(2)\") struct s { char c; int y; _Pragma(\"pack()\") };", 8, 6),
    ] {
        assert_eq!(size(text, None).map_err(kind), Err(ParseErrorKind::PackWithin), "{text}");
        assert_eq!(size(text, Some(Compiler::Gcc)).map_err(kind), Ok(gcc), "{text}");
        assert_eq!(size(text, Some(Compiler::Clang)).map_err(kind), Ok(clang), "{text}");
    }
}

#[test]
fn the_name_of_what_has_no_tag_is_of_its_members_and_no_named_type() {
    let text = |pack: u32, member: &str| {
        format!("_Pragma(\"pack({pack})\") typedef struct {{ char c; int {member}; }} p; void f(p);")
    };
    let written = |pack, member| {
        let declarations = Declarations::parse(&text(pack, member)).unwrap();
        let named: Vec<_> = declarations.named_types().map(|(name, _)| name).collect();
        assert_eq!(named, ["p"]);
        declarations.function("f").unwrap().to_string()
    };
    assert_eq!(written(2, "y"), written(2, "y"));
    assert_ne!(written(2, "y"), written(1, "y"));
    assert_ne!(written(2, "y"), written(2, "z"));
    assert_ne!(Type::parse("struct { char c; int y; }").unwrap().to_string(), written(2, "y"));
}
