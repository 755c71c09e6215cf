//! C text that GCC judges too: what one refuses, the other refuses as well.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use springboard_ir::{DataModel, Declarations, LayoutError, ParseErrorKind};

/// Legal declarations, of which texts are made.
const SEEDS: [&str; 40] = [
    "int f(int a, double);",
    "extern long f(void), *g(char), h(struct s *);",
    "struct s { int a; double b[2]; }; struct s f(struct s, union u *);",
    "typedef int whole; whole f(const whole *, whole (*)(whole));",
    "void (*f(int, void (*)(int)))(int);",
    "int (*f(void))[3];",
    "enum e { A, B = 1 << 4, C = B | 2 }; enum e f(enum e);",
    "struct s { int a : 3, : 0; unsigned b : 5; _Bool c : 1; }; int f(struct s);",
    "union u { int a; float b; struct { char c, d; }; }; union u f(void);",
    "struct __attribute__((packed, aligned(8))) s { char a; int b; }; struct s *f(struct s);",
    "typedef float four __attribute__((vector_size(16))); four f(four, four);",
    "_Alignas(16) int object; struct s { _Alignas(8) char a; }; int f(struct s);",
    "static inline int f(int x);",
    "_Noreturn void f(int);",
    "extern int f(const char *restrict, ...) __attribute__((nonnull));",
    "int f(int n, int a[n][n], int b[static 3], int c[const]);",
    "extern __typeof__(int (*)(void)) p; int f(__typeof__(p));",
    "int f(int) __asm__(\"other\"); int g(void);",
    "const volatile char *const f(const char *const volatile *);",
    "unsigned long int f(long unsigned, short int, signed char, long long);",
    "float _Complex f(double _Complex, long double _Complex);",
    "_Bool f(_Bool, __int128, unsigned __int128 *);",
    "_Atomic int object; struct s { _Atomic(long) a; int *_Atomic b; }; int f(struct s *);",
    "typedef struct s *p; struct s { p next; }; p f(p, struct s);",
    "typedef int function(int); function f, *g; int h(function);",
    "struct s { int n; char text[]; }; int f(struct s *);",
    "struct s { struct { int a; } b; union { int c; float d; }; } f(void);",
    "int a[3], *b, (*c)[2], d(int), (*e[4])(void);",
    "typedef struct { int x, y; } point; point f(point, point *);",
    "struct a; struct b { struct a *a; }; struct a { struct b b; }; int f(struct a);",
    "int f(int (*)(int), int (int), char *argv[]);",
    "_Thread_local int object; extern _Thread_local int other; int f(void);",
    "__extension__ typedef long long wide; wide f(wide);",
    "#pragma pack(push, 2)\nstruct s { char a; long b; };\n#pragma pack(pop)\nint f(struct s);",
    "typedef int I __attribute__((mode(DI), aligned(4))); struct s { char a; I b; }; int f(struct s, I);",
    "struct s { int a[sizeof(struct { int x; double y; }) * 2]; char b['x' + 1]; }; int f(struct s);",
    "struct s { enum { X = 3 } e; int a[X]; }; int f(struct s);",
    "extern int a; int a; static int b[]; extern int b[3]; int f(), f(int *), f(int []);",
    "static int f(char *); int f(char *a) { } extern int f(char *); typedef int p, *x; typedef int p, *x;",
    "struct s; extern struct s a, *p; int f(struct s *); struct s { int x; } a; int f(struct s *b);",
];

/// Words and signs that come in where something else stood.
const TOKENS: [&str; 64] = [
    "int",
    "char",
    "long",
    "short",
    "unsigned",
    "signed",
    "float",
    "double",
    "void",
    "_Bool",
    "struct",
    "union",
    "enum",
    "const",
    "volatile",
    "restrict",
    "_Atomic",
    "typedef",
    "extern",
    "static",
    "inline",
    "_Noreturn",
    "_Alignas(8)",
    "_Thread_local",
    "register",
    "auto",
    "__attribute__((packed))",
    "__attribute__((aligned(4)))",
    "_Complex",
    "__int128",
    "typeof(int)",
    "sizeof",
    "s",
    "f",
    "a",
    "b",
    "p",
    "whole",
    "x",
    "0",
    "1",
    "3",
    "-1",
    "1u",
    "'a'",
    "\"t\"",
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
    "=",
    "...",
    "+",
    "<<",
    "?",
    "[]",
    "[0]",
    "()",
];

/// A text made of a seed by what `data` says: the seed, and then for each change where it is, which it is, and what comes in.
fn text(data: &[u8]) -> String {
    let seed = SEEDS[usize::from(data.first().copied().unwrap_or(0)) % SEEDS.len()];
    let mut words: Vec<&str> = words(seed);
    for change in data[1.min(data.len())..].chunks_exact(3).take(4) {
        let at = usize::from(change[0]) % words.len().max(1);
        let fresh = TOKENS[usize::from(change[2]) % TOKENS.len()];
        match change[1] % 6 {
            0 if !words.is_empty() => drop(words.remove(at)),
            1 if !words.is_empty() => words.insert(at, words[at]),
            2 if words.len() > 1 => {
                let next = (at + 1) % words.len();
                words.swap(at, next);
            }
            3 if !words.is_empty() => words[at] = fresh,
            4 | 5 => words.insert(at.min(words.len()), fresh),
            _ => {}
        }
    }
    let mut text = String::new();
    for word in words {
        // A line of the preprocessor stays one.
        let end = if word.starts_with('#') { '\n' } else { ' ' };
        if word.starts_with('#') && !text.is_empty() {
            text.push('\n');
        }
        text.extend([word, &end.to_string()]);
    }
    text
}

/// The tokens of a seed, each pragma one of them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            _ if first.is_alphanumeric() || first == '_' => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            _ if rest.starts_with("...") => 3,
            _ if ["<<", "=="].iter().any(|long| rest.starts_with(long)) => 2,
            _ => first.len_utf8(),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

/// What a compiler says to a text.
#[derive(Debug)]
enum Verdict {
    Accepts,
    /// It accepts it, and has something to say about it: C may forbid it.
    Warns,
    /// For what it says.
    Refuses(String),
}

/// What GCC says to a text.
fn verdict(text: &str) -> Verdict {
    let mut child = Command::new("gcc")
        .env("LC_ALL", "C")
        .args(["-std=gnu2x", "-fsyntax-only", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("GCC");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("the compiler reads all");
    drop(input);
    let output = child.wait_with_output().expect("the compiler ends");
    match (output.status.success(), output.stderr.is_empty()) {
        (true, true) => Verdict::Accepts,
        (true, false) => Verdict::Warns,
        _ => Verdict::Refuses(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// What the reader does not look at, as GCC begins to refuse it: lengths and elements of arrays that are parameters, which are
/// pointers; how parameters are aligned, which changes no call; initializers;
/// and arguments of attributes that change no type.
const NOT_LOOKED_AT: [&str; 4] = [
    "undeclared here (not in a function)",
    "expected ']' before",
    "expected expression before",
    "alignment may not be specified for",
];

/// Has the text that `data` asks for judged.
///
/// # Panics
/// Where the reader accepts what GCC refuses, or refuses what GCC accepts without a word, for no known reason.
pub fn agrees(data: &[u8]) {
    let text = text(data);
    match (Declarations::parse_for(&text, &DataModel::LP64), verdict(&text)) {
        (Ok(_), Verdict::Refuses(why)) => {
            let error = why.lines().find(|line| line.contains("error:")).unwrap_or_default();
            let arguments = error.contains("expected ')' before") && text.contains("__attribute__ ( (");
            let known = arguments || NOT_LOOKED_AT.iter().any(|known| error.contains(known));
            assert!(known, "read, and GCC refuses it:\n{text}\n{error}");
        }
        (Err(error), Verdict::Accepts) => assert!(
            is_limit(&error.kind) || is_in_attribute(&text[..error.position]),
            "GCC accepts it, and it is refused: {error}\n{}\nin {text}",
            error.excerpt(&text)
        ),
        (Ok(_), Verdict::Accepts | Verdict::Warns) | (Err(_), Verdict::Warns | Verdict::Refuses(_)) => {}
    }
}

/// Whether a text ends within an attribute's brackets, where GCC passes over junk, up to a bracket that is missing. Clang does
/// not.
fn is_in_attribute(before: &str) -> bool {
    before.rfind("__attribute__ ( (").is_some_and(|at| !before[at..].contains(") )"))
}

/// Whether an error is about what the reader does not do, and says so: the text may be legal.
fn is_limit(error: &ParseErrorKind) -> bool {
    matches!(
        error,
        ParseErrorKind::Unsupported(_)
            | ParseErrorKind::Layout(LayoutError::Compilers)
            | ParseErrorKind::OldStyle
            // GNU's enumerations that are defined later.
            | ParseErrorKind::UnknownEnum(_)
            | ParseErrorKind::TooDeep(_)
            | ParseErrorKind::TooComplex(_)
    )
}
