//! The C compiler as judge: the system's own headers are read, and what was understood is given back to the compiler
//! after them. It refuses a second declaration that says anything else, and an assertion that does not hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use springboard_ir::{Constant, DataModel, Declarations, Header, Integer, NotConstant, ParseErrorKind, Type};

/// Headers of the C library.
const HEADERS: &[&str] = &[
    "arpa/inet.h",
    "complex.h",
    "ctype.h",
    "dirent.h",
    "dlfcn.h",
    "errno.h",
    "fcntl.h",
    "fenv.h",
    "inttypes.h",
    "locale.h",
    "math.h",
    "netdb.h",
    "netinet/in.h",
    "poll.h",
    "pthread.h",
    "pwd.h",
    "sched.h",
    "search.h",
    "semaphore.h",
    "setjmp.h",
    "signal.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
    "sys/epoll.h",
    "sys/mman.h",
    "sys/resource.h",
    "sys/select.h",
    "sys/socket.h",
    "sys/stat.h",
    "sys/time.h",
    "sys/types.h",
    "sys/uio.h",
    "sys/wait.h",
    "termios.h",
    "time.h",
    "unistd.h",
    "wchar.h",
    "wctype.h",
];

/// Differences that do not matter to a call: types with the representation of another, and `volatile`.
const PRELUDE: &str = "
#define _Float32 float
#define _Float64 double
#define _Float32x double
#define _Float64x long double
#define volatile
";

/// The compiler's own type, which no text can name.
const UNNAMEABLE: &str = "struct __va_list_tag";

/// The names that need no definition here, for C without headers.
const STANDARD_NAMES: &str = "
typedef __INT8_TYPE__ int8_t; typedef __UINT8_TYPE__ uint8_t; typedef __INT16_TYPE__ int16_t;
typedef __UINT16_TYPE__ uint16_t; typedef __INT32_TYPE__ int32_t; typedef __UINT32_TYPE__ uint32_t;
typedef __INT64_TYPE__ int64_t; typedef __UINT64_TYPE__ uint64_t; typedef __INTPTR_TYPE__ intptr_t;
typedef __UINTPTR_TYPE__ uintptr_t; typedef __PTRDIFF_TYPE__ ptrdiff_t; typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t; typedef __WCHAR_TYPE__ wchar_t;
";

#[test]
fn the_system_headers_are_understood() {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        writeln!(std::io::stderr(), "SKIPPED the system's headers: this is not x86_64 Linux")
            .expect("standard error");
        return;
    }
    let includes: String = HEADERS.iter().map(|header| format!("#include <{header}>\n")).collect();
    let headers = cc(&["-E"], &format!("{PRELUDE}{includes}"));
    let (declarations, errors) = Declarations::scan(&headers, &DataModel::LP64);
    for error in &errors {
        let known = matches!(&error.kind, ParseErrorKind::Unsupported(_) | ParseErrorKind::Unread { .. });
        assert!(known, "{error}\n{}", error.excerpt(&headers));
    }

    let mut judged = headers;
    let mut functions = 0;
    for prototype in declarations.functions() {
        // A type without a tag is another one wherever it is written.
        let text = prototype.to_string();
        if !text.contains('{') && !text.contains(UNNAMEABLE) {
            writeln!(judged, "{text};").expect("strings take all");
            functions += 1;
        }
    }
    let mut types = 0;
    let tagged = declarations.tagged_types().map(|(_, ty)| (ty.to_string(), ty));
    let named = declarations.named_types().map(|(name, ty)| (name.to_string(), ty));
    for (name, ty) in tagged.chain(named) {
        let Ok(layout) = ty.layout(&DataModel::LP64) else { continue };
        let (size, align) = (layout.size, layout.align);
        writeln!(
            judged,
            "_Static_assert(sizeof({name}) == {size} && _Alignof({name}) == {align}, \"{name}\");"
        )
        .expect("strings take all");
        types += 1;
    }
    assert!(functions > 1500 && types > 300, "only {functions} functions and {types} types");
    cc(&["-fsyntax-only"], &judged);
    cc(&["-fsyntax-only", "-fno-builtin"], &format!("{STANDARD_NAMES}{declarations}"));
    let read = declarations.functions().len();
    println!(
        "{functions} functions of {read} and {types} types are what the compiler says, {} were left out",
        errors.len()
    );
}

/// Macros are the constants that the compiler has of them, and what is said to be none is none for the compiler either.
#[test]
fn macros_are_the_compilers() {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        writeln!(std::io::stderr(), "SKIPPED the system's macros: this is not x86_64 Linux")
            .expect("standard error");
        return;
    }
    let mut source: String = HEADERS.iter().map(|header| format!("#include <{header}>\n")).collect();
    let header = Header::scan(&cc(&["-E", "-dD"], &source), &DataModel::LP64);
    let first = source.lines().count() + 1;
    let (mut constants, mut others) = (0, BTreeMap::new());
    for each in header.macros() {
        let name = &each.name;
        let claim = match header.constant(name).expect("it is listed") {
            Ok(Constant::Integer { value, ty }) => {
                let signed = matches!(ty, Type::Int(Integer::Int | Integer::Int64));
                let (size, below) = (ty.layout(&DataModel::LP64).expect("an integer").size, u8::from(signed));
                // The smallest of `long` is no literal.
                let value = if value < 0 { format!("({}L - 1)", value + 1) } else { format!("{value}UL") };
                format!(
                    "({name}) == {value} && sizeof(({name}) + 0) == {size} && ((__typeof__(({name}) + 0))-1 < 0) == {below}"
                )
            }
            Ok(Constant::Float { ty: Type::LongDouble, value }) => format!("(double)({name}) == {value:e}"),
            Ok(Constant::Float { value, ty }) => {
                format!("({name}) == {value:e} && sizeof(({name}) + 0) == sizeof({ty})")
            }
            Ok(text @ Constant::Text(_)) => format!("!__builtin_strcmp({name}, {text})"),
            Ok(Constant::Address(address)) => format!("(unsigned long)({name}) == {address}UL"),
            Err(NotConstant::TakesArguments | NotConstant::Empty) => continue,
            Err(why) => {
                others.insert(first + constants + others.len(), (name, why));
                writeln!(source, "enum {{ other_{name} = ({name}) }};").expect("strings take all");
                continue;
            }
        };
        writeln!(source, "_Static_assert({claim}, \"\");").expect("strings take all");
        constants += 1;
    }
    let said = refused(&source);
    let lines = said.lines().filter_map(|line| line.strip_prefix("<stdin>:")?.split_once(':'));
    let wrong: BTreeSet<usize> = lines.filter_map(|(line, _)| line.parse().ok()).collect();
    let text = |line: usize| source.lines().nth(line - 1).unwrap_or_default();
    let otherwise = wrong.iter().find(|line| **line >= first && !others.contains_key(line));
    assert_eq!(otherwise.map(|line| text(*line)), None, "{said}");
    let mut told = BTreeSet::new();
    for (line, (name, why)) in &others {
        // Of a name that nobody declares the compiler speaks once.
        let again = !told.insert(why.to_string());
        assert!(wrong.contains(line) || again, "{name} is a constant for the compiler: {why}");
    }
    assert!(constants > 2500, "only {constants} constants");
    println!("{constants} macros are what the compiler says, {} are constants for neither", others.len());
}

/// What the C compiler says of `text`, which it refuses.
fn refused(text: &str) -> String {
    let output = compile(&["-fsyntax-only", "-fmax-errors=0", "-fno-diagnostics-show-caret"], text);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the C compiler on `text`. Returns what it writes.
///
/// # Panics
/// Where it refuses the text.
fn cc(arguments: &[&str], text: &str) -> String {
    let output = compile(arguments, text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("headers of ASCII")
}

/// Runs the C compiler on `text`.
fn compile(arguments: &[&str], text: &str) -> Output {
    let mut child = Command::new("cc")
        .args(["-std=gnu11", "-D_GNU_SOURCE", "-w", "-x", "c"])
        .args(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a C compiler");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("the compiler reads all");
    drop(input);
    child.wait_with_output().expect("the compiler ends")
}
