//! Macros: what they stand for as constants, expanded as C11 6.10.3 says.

use springboard_ir::{Constant, DataModel, Header};

/// Definitions that the others use, as `cc -E -dD` leaves them.
const TEXT: &str = r#"# 1 "/usr/include/sums.h" 1
#define SQLITE_OK 0
#define EOF (-1)
#define FLAG(n) (1u << (n))
#define LOW SQLITE_OK + 1
#define __CONCAT(a, b) a ## b
#define _STRING(x) #x
#define CALL(f, ...) f(__VA_ARGS__)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define INT64_C(c) c ## L
#define BEFORE(a) 1 ## a + 2
typedef void (*destructor)(void *);
enum color { RED = 3, GREEN };
enum flags { SMALL = 1, BIG = 1u << 31 };
enum small : unsigned char { TINY = 1 };
struct pair { int a; long b; };
#define GONE 1
#undef GONE
#define TWICE 1
#undef TWICE
#define TWICE 2
#define SELF SELF
#define PING PONG
#define PONG PING
#define FUNCTION FLAG
"#;

/// What a macro defined so stands for.
fn value(body: &str) -> Result<Constant, String> {
    let text = format!("{TEXT}#define X {body}\n");
    let header = Header::scan(&text, &DataModel::LP64);
    assert!(header.skipped().is_empty(), "{:?}", header.skipped());
    header.constant("X").expect("it is defined").map_err(|error| error.to_string())
}

#[test]
fn constants_are_what_c_says() {
    for (body, shown, ty) in [
        ("SQLITE_OK", "0", "int"),
        ("EOF", "-1", "int"),
        ("LOW * 2", "2", "int"), // 0 + 1 * 2
        ("(FLAG(31) | 0x10)", "2147483664", "unsigned int"),
        ("FUNCTION(2)", "4", "unsigned int"),
        ("(unsigned char)~0", "255", "int"),
        ("INT64_C(5)", "5", "int64_t"),
        ("BEFORE(0)", "12", "int"),
        ("BEFORE()", "3", "int"), // nothing is pasted as nothing
        ("18446744073709551615UL", "18446744073709551615", "uint64_t"),
        ("__CONCAT(SQLITE, _OK)", "0", "int"),
        ("CALL(MIN, 7, RED)", "3", "int"),
        ("CALL(MIN, MIN(7, 9), FLAG(1))", "2", "unsigned int"),
        ("(GREEN << 4)", "64", "int"),
        ("sizeof(struct pair)", "16", "uint64_t"),
        ("sizeof(1.0f) + sizeof 1L", "12", "uint64_t"),
        ("sizeof(destructor)", "8", "uint64_t"),
        ("'\\n'", "10", "int"),
        ("'ABCD'", "1094861636", "int"),
        ("L'x'", "120", "int"),
        ("u8'a'", "97", "int"),
        ("TWICE", "2", "int"),
        (r#"_Pragma ("GCC warning \"old\"") RED"#, "3", "int"),
        ("BIG", "2147483648", "unsigned int"),
        ("TINY", "1", "int"),
        ("1'000'000", "1000000", "int"),
        ("(1 ? 2 : 3u)", "2", "unsigned int"),
        ("(int)2.9", "2", "int"),
        ("1.5", "1.5", "double"),
        ("(1.0f / 3)", "0.3333333432674408", "float"),
        ("-2.5e3", "-2500.0", "double"),
        ("0x1.8p3", "12.0", "double"),
        ("0x1.fffffffffffffp+1023", "1.7976931348623157e308", "double"),
        ("((double)1 / 4 + SQLITE_OK)", "0.25", "double"),
        ("3.0L", "3.0", "long double"),
        ("(2.5 > 2 && 0.0 == 0)", "1", "int"),
    ] {
        let found = value(body).unwrap_or_else(|error| panic!("{body}: {error}"));
        let of = match &found {
            Constant::Integer { ty, .. } | Constant::Float { ty, .. } => ty.to_string(),
            other => panic!("{body}: {other:?}"),
        };
        assert_eq!((found.to_string().as_str(), of.as_str()), (shown, ty), "{body}");
    }
}

#[test]
fn strings_and_addresses() {
    let text = |bytes: &[u8]| Ok(Constant::Text(bytes.into()));
    assert_eq!(value(r#""1.2" ".3""#), text(b"1.2.3"));
    assert_eq!(value(r#"("a\x41\"\0" u8"\u00e9")"#), text(b"aA\"\0\xc3\xa9"));
    assert_eq!(value("_STRING(a + \"b\")"), text(b"a + \"b\""));
    assert_eq!(value("\"é\"").unwrap().to_string(), "\"é\"");
    assert_eq!(Constant::Text(b"\xff\n\"".to_vec()).to_string(), r#""\377\n\"""#);
    assert_eq!(value("((destructor)-1)"), Ok(Constant::Address(u64::MAX)));
    assert_eq!(value("((void *)0)").unwrap().to_string(), "(void *)0x0");
}

#[test]
fn what_is_no_constant_is_told() {
    for (body, error) in [
        ("", "it stands for nothing"),
        ("stdin", "`stdin` is no constant"),
        ("SELF", "`SELF` is no constant"),
        ("PING", "`PING` is no constant"),
        ("GONE", "`GONE` is no constant"),
        ("FLAG", "`FLAG` is no constant"),
        ("FLAG(1, 2)", "it cannot be expanded"),
        ("FLAG(1", "it cannot be expanded"),
        ("__CONCAT(+, /)", "it cannot be expanded"),
        ("unsigned", "expected a constant, found `unsigned`"),
        ("1 / 0", "division by zero"),
        ("1.5 << 2", "this operator does not take such an operand in a constant"),
        ("(struct pair)0", "a constant cannot be cast to this type"),
        ("1e999", "`1e999` is no number that 64 bits hold"),
        ("L\"wide\"", "`L\"wide\"` is not supported here"),
        ("1 2", "expected the end, found `2`"),
    ] {
        assert_eq!(value(body), Err(error.into()), "{body}");
    }
    let header = Header::scan(TEXT, &DataModel::LP64);
    assert_eq!(header.constant("FLAG").unwrap().unwrap_err().to_string(), "it takes arguments");
    assert_eq!(header.constant("GONE"), None);
}

/// A text of a few lines asks for no more than a bounded time.
#[test]
fn expansions_are_bounded() {
    let mut text = String::from("#define X0 1 +\n");
    for index in 1..64 {
        text += &format!("#define X{index} X{} X{}\n", index - 1, index - 1);
    }
    let nested = format!("#define F(x) x\n#define N {}1{}\n", "F(".repeat(200), ")".repeat(200));
    let header = Header::scan(&(text + &nested), &DataModel::LP64);
    for name in ["X63", "N"] {
        assert_eq!(
            header.constant(name).unwrap().unwrap_err().to_string(),
            "it expands to too much",
            "{name}"
        );
    }
}

/// The definitions stand in no declaration's way, and have places.
#[test]
fn macros_have_places() {
    let text = "# 1 \"a.h\" 1\n#define A 1\nint f(int);\n#define LONG(x) x\nint g(int);\n# 9 \"b.h\"\n #  define B A\n";
    let header = Header::scan(text, &DataModel::LP64);
    let names: Vec<_> =
        header.macros().iter().map(|each| (each.name.to_string(), each.place.to_string())).collect();
    let expected = [("A", "a.h:1"), ("LONG", "a.h:3"), ("B", "b.h:9")];
    assert_eq!(names, expected.map(|(name, place)| (name.to_owned(), place.to_owned())));
    let functions: Vec<_> = header.functions().iter().map(|each| each.place.to_string()).collect();
    assert_eq!(functions, ["a.h:2", "a.h:4"]);
}
