//! C text of random types and random text: what is written is read as the same, and nothing that is read breaks the
//! parser.

use fastrand::Rng;
use springboard_ir::{Declarations, Definitions, ParseErrorKind, Prototype, Signature, Type};
use springboard_tests::{text::survives, types::Types};

/// Random signatures that each test writes and reads.
const COUNT: usize = 5000;

/// Random texts that each test of those reads.
const FUZZED: usize = 20_000;

#[test]
fn signatures_are_read_as_they_were_written() {
    let mut types = Types::new(10);
    for index in 0..COUNT {
        let signature = types.signature();
        let definitions = Definitions::of(&signature).expect("every name is used once").to_string();
        let name = (index % 3 > 0).then(|| format!("function{index}"));
        let prototype = Prototype { name, signature };
        let text = prototype.to_string();
        let whole = format!("{definitions}{text}");
        assert_eq!(read(&whole, Prototype::parse), prototype, "{whole}");
        assert_eq!(read(&whole, Signature::parse), prototype.signature, "{whole}");
        let declarations = read(&definitions, Declarations::parse);
        assert_eq!(read(&text, |text| Prototype::parse_in(text, &declarations)), prototype, "{whole}");
    }
}

#[test]
fn types_are_read_as_they_were_written() {
    let mut types = Types::new(11);
    for _ in 0..COUNT {
        let ty = types.value();
        let mut definitions = Definitions::default();
        definitions.add_type(&ty).expect("every name is used once");
        let text = format!("{definitions}{ty}");
        assert_eq!(read(&text, Type::parse), ty, "{text}");
    }
}

fn read<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, springboard_ir::ParseError>) -> T {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{}\n{text}", error.excerpt(text)))
}

#[test]
fn random_bytes_survive() {
    let mut rng = Rng::with_seed(12);
    for _ in 0..FUZZED {
        let bytes: Vec<u8> = (0..rng.usize(0..60)).map(|_| rng.u8(..)).collect();
        survives(&String::from_utf8_lossy(&bytes));
    }
}

/// Words and marks of C, and some that are not.
const TOKENS: &[&str] = &[
    "int",
    "char",
    "unsigned",
    "long",
    "short",
    "double",
    "float",
    "_Complex",
    "complex",
    "void",
    "_Bool",
    "const",
    "struct",
    "union",
    "enum",
    "typedef",
    "static",
    "sizeof",
    "__attribute__((packed))",
    "__int128",
    "u8",
    "ptr",
    "__attribute__((aligned(8)))",
    "__attribute__((vector_size(16)))",
    "_Alignas(16)",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "*",
    ",",
    ";",
    ":",
    "...",
    "=",
    "a",
    "b",
    "T",
    "S",
    "E",
    "0",
    "1",
    "-1",
    "3",
    "4096",
    "0x7fffffffffffffff",
    "+",
    "<<",
    "/",
    "'c'",
    "\"s\"",
    "/*",
    "*/",
    "//",
    "\n",
    "#pragma pack(1)\n",
    "_Pragma(\"pack(push, 2)\")",
    "_Pragma(\"pack(pop)\")",
    "# 1\n",
    "\t",
    "é",
    "漢",
    "\u{0}",
    "\\",
    "(*)",
    "(*f)",
    "[3]",
    "()",
    "(void)",
    "struct S",
    "enum E { A, B }",
    "struct S { int a; }",
    "{ int a : 3; }",
];

#[test]
fn random_tokens_survive() {
    let mut rng = Rng::with_seed(13);
    for _ in 0..FUZZED {
        let mut text = String::new();
        for _ in 0..rng.usize(0..25) {
            text.push_str(TOKENS[rng.usize(0..TOKENS.len())]);
            text.push_str(if rng.u32(0..8) == 0 { "" } else { " " });
        }
        survives(&text);
    }
}

#[test]
fn mutated_prototypes_survive() {
    let mut types = Types::new(14);
    let mut rng = Rng::with_seed(14);
    for _ in 0..COUNT {
        let signature = types.signature();
        let definitions = Definitions::of(&signature).expect("every name is used once");
        let mut characters: Vec<char> = format!("{definitions}{signature}").chars().collect();
        for _ in 0..rng.usize(1..6) {
            mutate(&mut characters, &mut rng);
        }
        survives(&characters.iter().collect::<String>());
    }
}

fn mutate(characters: &mut Vec<char>, rng: &mut Rng) {
    let at = rng.usize(0..=characters.len());
    let to = rng.usize(at..=characters.len().min(at + 12));
    match rng.u32(0..4) {
        0 => {
            characters.drain(at..to);
        }
        1 => {
            let copied = characters[at..to].to_vec();
            let again = rng.usize(0..=characters.len());
            characters.splice(again..again, copied);
        }
        2 => {
            characters.splice(at..at, TOKENS[rng.usize(0..TOKENS.len())].chars());
        }
        _ => {
            characters.splice(at..to, [rng.char('\u{0}'..'\u{FF}')]);
        }
    }
}

/// Much of what takes exponential time, or a deep stack, or both, where nobody thought of it. The parser counts the tokens that
/// it passes, and asserts that they are a few times those of the text.
#[test]
fn hostile_texts_take_little_time_and_stack() {
    const SIZE: usize = 1 << 17;
    let repeated = |unit: &str| unit.repeat(SIZE / unit.len());
    let doubling = |first: &str, next: &dyn Fn(usize) -> String| {
        let definitions: String = (1..60).map(next).collect();
        format!("{first}{definitions}")
    };
    let texts = [
        format!("int {}f(void)", repeated("*")),
        format!("int {}", repeated("(")),
        format!("int f{}", repeated("(int (*)")),
        format!("int f(int (*g){}", repeated("(int (*)")),
        format!("int a{}", repeated("[1]")),
        format!("int f(int a{}", repeated("[(")),
        repeated("struct { "),
        repeated("enum { A = (("),
        format!("enum {{ A = {}", repeated("-")),
        format!("enum {{ A = {}1 }};", repeated("1?")),
        format!("enum {{ A = {}1 }};", repeated("1+")),
        format!("enum {{ {} }};", (0..SIZE / 8).map(|i| format!("A{i},")).collect::<String>()),
        format!("struct {{ {} }};", (0..SIZE / 10).map(|i| format!("int a{i};")).collect::<String>()),
        repeated("__attribute__((packed)) "),
        repeated("__attribute__((("),
        repeated("/* "),
        repeated("\" "),
        repeated("# 1 \"x\"\n"),
        repeated("#pragma pack(push, 1)\n"),
        repeated("struct a; "),
        repeated("typedef int a; "),
        repeated("int f(int);"),
        repeated("sizeof("),
        format!("int f({}", "__attribute__((aligned(sizeof(int (*)(".repeat(60)),
        format!("int f({}", "__attribute__((aligned(sizeof(int (*)(".repeat(15)),
        format!("{}1", "_Static_assert(sizeof(struct { ".repeat(20)),
        format!("{0}int a;{1}", "_Static_assert(sizeof(struct { ".repeat(20), "}) + q, \"\");".repeat(20)),
        repeated("x;"),
        format!("int f({} int)", repeated("int,")),
        doubling("typedef int (*t0)(int);", &|i| format!("typedef int (*t{i})(t{0}, t{0});", i - 1)),
        doubling("struct t0 {};", &|i| format!("struct t{i} {{ struct t{0} a, b; }};", i - 1)),
        doubling("typedef int t0;", &|i| format!("typedef t{0} (*t{i})(t{0}, t{0}); ", i - 1)),
        doubling("typedef struct {} t0;", &|i| format!("typedef struct {{ t{0} a; t{0} b; }} t{i};", i - 1)),
        doubling("typedef int t0;", &|i| format!("typedef t{} *t{i};", i - 1)).repeat(10),
    ];
    let run = move || {
        for text in texts {
            let _ = Prototype::parse(&text);
            let _ = Type::parse(&text);
            let (declarations, _) = Declarations::scan(&text, &springboard_ir::DataModel::LP64);
            let _ = declarations.to_string();
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
    thread.join().expect("no text is too much");
}

#[test]
fn bombs_are_refused_by_name() {
    let mut text = String::from("typedef int (*t0)(int);");
    for i in 1..60 {
        text.push_str(&format!("typedef int (*t{i})(t{0}, t{0});", i - 1));
    }
    let error = Declarations::parse(&text).expect_err("2^60 parts");
    assert!(matches!(error.kind, ParseErrorKind::TooComplex(_)), "{error}");
}
