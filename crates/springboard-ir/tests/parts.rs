//! Parts of types by their path.

use springboard_ir::{DataModel, LayoutError, Part, PathError, Type};

const SHAPE: &str = "struct point { double x, y; };
    struct shape { char kind; struct point corners[3]; union { int count; unsigned char bytes[4]; };
        struct { short deep; struct { long deeper; }; } named; unsigned low: 3, high: 7; struct shape *next; };
    struct shape";

fn shape() -> Type {
    Type::parse(SHAPE).unwrap()
}

fn part(path: &str) -> Result<Part, PathError> {
    shape().part(path, &DataModel::LP64)
}

#[test]
fn paths_lead_to_where_c_has_them() {
    // By GCC on x86_64: offsetof for all but bit-fields.
    let cases = [
        ("", 0, "struct shape"),
        ("kind", 0, "char"),
        ("corners", 8, "struct point [3]"),
        ("corners[0]", 8, "struct point"),
        ("corners[2].y", 8 + 2 * 16 + 8, "double"),
        ("count", 56, "int"),
        ("bytes[3]", 59, "unsigned char"),
        ("named.deep", 64, "short"),
        ("named.deeper", 72, "long"),
        ("next", 88, "struct shape *"),
    ];
    for (path, bytes, ty) in cases {
        let part = part(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(
            (part.bit_offset, part.ty.to_string().as_str(), part.bits),
            (bytes * 8, ty, None),
            "{path}"
        );
    }
    let high = part("high").unwrap();
    assert_eq!((high.bit_offset, high.bits), (80 * 8 + 3, Some(7)));
}

#[test]
fn steps_that_lead_nowhere_are_named() {
    let text = |path: &str| part(path).expect_err(path).to_string();
    assert_eq!(text("corners[3]"), "element 3 is out of range for an array of 3");
    assert_eq!(text("corners[1].z"), "struct point has no member z");
    assert_eq!(text("kind.x"), "char has no members, and so no x");
    assert_eq!(text("kind[0]"), "char is no array, and has no element 0");
    assert_eq!(text("next.kind"), "struct shape * has no members, and so no kind");
    for (path, at) in [
        (".kind", 0),
        ("kind.", 4),
        ("corners[", 7),
        ("corners[]", 7),
        ("corners[-1]", 7),
        ("corners[1]x", 10),
        ("corners[99999999999999999999]", 7),
        ("a b", 0),
        ("3", 0),
    ] {
        assert_eq!(part(path), Err(PathError::Syntax { at }), "{path}");
    }
    let incomplete = Type::parse("struct unknown *").unwrap();
    let springboard_ir::Type::Pointer(pointee) = &incomplete else { panic!("{incomplete}") };
    let springboard_ir::Pointee::Object(inner) = &**pointee else { panic!("{incomplete}") };
    assert_eq!(inner.part("x", &DataModel::LP64), Err(PathError::Layout(LayoutError::Incomplete)));
}
