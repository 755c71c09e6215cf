//! Headers of libraries: every function that the compiler says a header declares is bound or reported.

use std::{
    collections::BTreeSet,
    ffi::c_void,
    fs,
    path::Path,
    process::{self, Command},
};

use springboard::{BindError, Engine, Library, Value, ir::Header};
use springboard_everyday::header::{self, UnboundReason};

use super::{engines, library};

/// A header, what it belongs to, and the least number of its functions that are bound.
struct Case {
    include: &'static str,
    library: &'static str,
    /// Files that end in this are the library's own.
    own: &'static [&'static str],
    least: usize,
}

/// All functions of real headers are bound or reported. A test for each library, because a machine may lack any.
mod real {
    use std::{collections::BTreeSet, path::Path};

    use springboard::{Engine, ir::Header};

    use super::{Case, check, compiler_reads};

    /// Nothing that the compiler lists is missing, and nothing is told that it does not list.
    #[test]
    #[ignore = "needs GCC: cargo xtask test everyday"]
    fn every_kind_of_declaration() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/everyday/every_declaration.h");
        let include = path.to_str().expect("a path of UTF-8");
        let (text, mut declared) = compiler_reads(include, &["/every_declaration.h"]);
        // What a function declares within its body is declared for nobody else.
        for within in ["local", "block_scope", "nested"] {
            assert!(declared.remove(within), "the compiler lists {within}");
        }
        let header = Header::scan(&text, Engine::new().data_model());
        let read: BTreeSet<String> =
            header.functions().iter().map(|function| function.name.clone()).collect();
        let skipped = header.skipped().iter().map(|skipped| skipped.name.clone().expect("each has a name"));
        let skipped: BTreeSet<String> = skipped.collect();
        let told: BTreeSet<String> = read.union(&skipped).cloned().collect();
        assert_eq!(told, declared);
        let reasons: BTreeSet<String> = header
            .skipped()
            .iter()
            .map(|skipped| format!("{}: {}", skipped.name.as_deref().unwrap_or("?"), skipped.error.kind))
            .collect();
        let expected = [
            "decimal: `_Decimal64` is not supported here",
            "eighty: `__float80` is not supported here",
            "implicit_int: unknown type or attribute `implicit_int`",
            "implicit_static: unknown type or attribute `implicit_static`",
            "incomplete: `struct later` is not defined here; only a pointer to it can be used",
            "old_style: it is defined in the old style, which gives no prototype",
            "old_style_implicit: unknown type or attribute `old_style_implicit`",
            "old_style_of: it is defined in the old style, which gives no prototype",
            "register_free: unknown type or attribute `register_free`",
            "wide: `_Float128` is not supported here",
        ];
        assert_eq!(reasons.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    #[ignore = "needs GCC: cargo xtask test everyday"]
    fn c_library() {
        check(&Case { include: "math.h", library: "libm.so.6", own: &["/bits/mathcalls.h"], least: 150 });
        check(&Case { include: "stdlib.h", library: "libc.so.6", own: &["/stdlib.h"], least: 80 });
        check(&Case { include: "sys/socket.h", library: "libc.so.6", own: &["/sys/socket.h"], least: 18 });
    }

    #[test]
    #[ignore = "needs its headers: cargo xtask test everyday"]
    fn zlib() {
        check(&Case { include: "zlib.h", library: "libz.so.1", own: &["/zlib.h"], least: 80 });
    }

    #[test]
    #[ignore = "needs its headers: cargo xtask test everyday"]
    fn sqlite() {
        check(&Case { include: "sqlite3.h", library: "libsqlite3.so.0", own: &["/sqlite3.h"], least: 250 });
    }

    #[test]
    #[ignore = "needs its headers: cargo xtask test everyday"]
    fn curl() {
        let own = &["/curl/curl.h", "/curl/easy.h", "/curl/multi.h"];
        check(&Case { include: "curl/curl.h", library: "libcurl.so.4", own, least: 60 });
    }

    #[test]
    #[ignore = "needs its headers: cargo xtask test everyday"]
    fn uv() {
        check(&Case { include: "uv.h", library: "libuv.so.1", own: &["/uv.h"], least: 250 });
    }

    #[test]
    #[ignore = "needs its headers: cargo xtask test everyday"]
    fn openssl() {
        check(&Case {
            include: "openssl/ssl.h",
            library: "libssl.so.3",
            own: &["/openssl/ssl.h"],
            least: 400,
        });
        let own = &["/openssl/evp.h", "/openssl/bio.h", "/openssl/asn1.h"];
        check(&Case { include: "openssl/evp.h", library: "libcrypto.so.3", own, least: 700 });
    }
}

fn check(case: &Case) {
    let Case { include, library, own, least } = *case;
    let (text, declared) = compiler_reads(include, own);
    // SAFETY: the libraries of Debian's packages are well-behaved.
    let library = unsafe { Library::open(library) }.unwrap_or_else(|error| panic!("{error}"));
    let engine = Engine::new();
    let header = Header::scan(&text, engine.data_model());
    let is_own = |file: &str| own.iter().any(|own| file.ends_with(own));
    let binding = header::bind(&engine, &library, &header, |place| place.file.as_deref().is_some_and(is_own));

    let bound = binding.bound.iter().filter_map(|function| function.prototype().name.clone());
    let bound: BTreeSet<String> = bound.collect();
    let reported = binding.reported.iter().filter_map(|unbound| unbound.name.clone());
    let told: BTreeSet<String> = bound.iter().cloned().chain(reported).collect();
    let untold: Vec<_> = declared.difference(&told).collect();
    assert!(untold.is_empty(), "{include}: neither bound nor reported: {untold:?}");
    assert!(bound.len() >= least, "{include}: only {} of {} are bound", bound.len(), declared.len());
    for unbound in &binding.reported {
        let known = match &unbound.why {
            UnboundReason::Unread(error) => {
                let why = error.kind.to_string();
                ["_Float128"].iter().any(|name| why.contains(name))
            }
            UnboundReason::Bind(BindError::Symbol(_)) | UnboundReason::Internal => true,
            _ => false,
        };
        assert!(known, "{include}: {unbound}");
    }
    println!("{include}: {} bound, {} reported", bound.len(), binding.reported.len());
}

/// What the preprocessor makes of a header, and the names of the functions that the compiler finds in files of the
/// library's own.
fn compiler_reads(include: &str, own: &[&str]) -> (String, BTreeSet<String>) {
    let stem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "header-{}-{}",
        include.replace(['/', '.'], "-"),
        process::id()
    ));
    let (source, found) = (stem.with_extension("c"), stem.with_extension("X"));
    fs::write(&source, format!("#include <{include}>\n")).unwrap();
    let text =
        Command::new("cc").args(["-E", "-dD", "-D_GNU_SOURCE"]).arg(&source).output().expect("a C compiler");
    assert!(text.status.success(), "{}", String::from_utf8_lossy(&text.stderr));
    let status = Command::new("gcc")
        .args(["-D_GNU_SOURCE", "-w", "-fsyntax-only", "-aux-info"])
        .args([&found, &source])
        .status()
        .expect("GCC");
    assert!(status.success());
    let declared = fs::read_to_string(&found).unwrap();
    let rows = declared.lines().filter_map(|row| row.strip_prefix("/* ")?.split_once(" */ "));
    let rows = rows.filter(|(place, _)| {
        own.iter().any(|own| place.split(':').next().is_some_and(|file| file.ends_with(own)))
    });
    let names: BTreeSet<String> = rows.map(|(_, declaration)| declared_name(declaration)).collect();
    assert!(!names.is_empty(), "the compiler lists functions of {include}");
    fs::remove_file(source).unwrap();
    fs::remove_file(found).unwrap();
    (String::from_utf8(text.stdout).unwrap(), names)
}

/// The name in a declaration as GCC writes it: the word before the first bracket that no star follows, or the last one
/// where the type has a name.
fn declared_name(declaration: &str) -> String {
    let mut brackets = declaration.match_indices('(');
    let before = brackets.find(|(at, _)| !declaration[at + 1..].starts_with('*'));
    let end = before.map_or_else(|| declaration.find(';').unwrap_or(declaration.len()), |(at, _)| at);
    let word = declaration[..end]
        .trim_end()
        .rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')))
        .next();
    word.expect("there is a first word").to_owned()
}

#[test]
fn headers_are_bound_by_name_symbol_and_place() {
    let text = r#"
# 1 "own.h" 1
int succeeds(int);
int renamed(int) __asm__("succeeds");
static inline int inside(int x) { return x; }
int missing(int);
int wide(_Float128);
# 1 "other.h" 1
int fails(int);
"#;
    let engine = Engine::new();
    let header = Header::scan(text, engine.data_model());
    let own = |place: &springboard::ir::Place| place.file.as_deref() == Some("own.h");
    let binding = header::bind(&engine, &library(), &header, own);
    let names: Vec<_> = binding.bound.iter().map(|function| function.prototype().name.as_deref()).collect();
    assert_eq!(names, [Some("succeeds"), Some("renamed")]);
    for function in &binding.bound {
        // SAFETY: both are the fixture's function.
        assert_eq!(unsafe { function.call(&[3.into()]) }, Ok(Value::Signed(3)));
    }
    let reported: Vec<_> = binding.reported.iter().map(ToString::to_string).collect();
    assert_eq!(reported[0], "wide (own.h:5): `_Float128` is not supported here");
    assert_eq!(reported[1], "inside (own.h:3): it is static, and in no library");
    assert!(reported[2].starts_with("missing (own.h:4): no symbol missing in "), "{}", reported[2]);
    assert_eq!(reported.len(), 3);
}

/// A header with static functions of several kinds: types without a tag, variadic arguments, a result in memory.
const STATIC: &str = "
typedef struct { double x, y; } point;
typedef struct { long part[5]; } large;
#define ORIGIN 0.5
static inline point moved(point at, double by) { point to = { at.x + by, at.y + by }; return to; }
static __inline__ __attribute__((always_inline)) int twice(int x) { return 2 * x; }
static int last(int count, ...) {
    __builtin_va_list list; int value = 0;
    __builtin_va_start(list, count);
    while (count--) value = __builtin_va_arg(list, int);
    __builtin_va_end(list);
    return value;
}
static large filled(long with) { large it = {{ with, with, with, with, with }}; return it; }
";

#[test]
fn static_functions_are_callable_through_what_is_written_for_them() {
    let stem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wrappers-{}", process::id()));
    let (own, source, object) =
        (stem.with_extension("h"), stem.with_extension("c"), stem.with_extension("so"));
    fs::write(&own, STATIC).unwrap();
    let engine = Engine::new();
    let header = Header::scan(STATIC, engine.data_model());
    let text = header::wrappers(&header, &format!("#include {own:?}"), "own_", |_| true);
    assert_eq!(text.lines().count(), 1 + 4);
    fs::write(&source, text).unwrap();
    let status =
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).args([&object, &source]).status().unwrap();
    assert!(status.success());
    // SAFETY: the library has neither initialisers nor finalisers.
    let library = unsafe { Library::open(&object) }.unwrap();
    let bind = |name: &str| {
        let prototype = header.declarations().function(name).unwrap();
        engine.function_named(&library, &format!("own_{name}"), prototype).unwrap()
    };
    // SAFETY: the functions are those of the header.
    unsafe {
        assert_eq!(bind("twice").call(&[21.into()]), Ok(42.into()));
        let at: Vec<u8> = [1.0f64, 2.0].into_iter().flat_map(f64::to_ne_bytes).collect();
        let to: Vec<u8> = [1.5f64, 2.5].into_iter().flat_map(f64::to_ne_bytes).collect();
        assert_eq!(bind("moved").call(&[at.as_slice().into(), 0.5.into()]), Ok(to.as_slice().into()));
        let large: Vec<u8> = [7i64; 5].into_iter().flat_map(i64::to_ne_bytes).collect();
        assert_eq!(bind("filled").call(&[7.into()]), Ok(large.as_slice().into()));
        let last = engine.function_named(&library, "own_last", "int last(int, ..., int, int)").unwrap();
        assert_eq!(last.call(&[2.into(), 8.into(), 9.into()]), Ok(9.into()));
    }
    for file in [own, source, object] {
        fs::remove_file(file).unwrap();
    }
}

/// A callback that is given a `va_list` hands it on, as it would in C.
#[test]
fn a_va_list_goes_through_a_callback() {
    let text = "int vsnprintf(char *to, size_t size, const char *format, va_list arguments);
        typedef int logger(char *to, unsigned long size, const char *format, va_list arguments);
        int relay(logger *log, char *to, unsigned long size, const char *format, ...);";
    for engine in engines() {
        let header = Header::scan(text, engine.data_model());
        assert_eq!(header.skipped(), []);
        let prototype = |name| header.declarations().function(name).unwrap();
        let format = engine.function(&Library::process(), prototype("vsnprintf")).unwrap();
        let path = format.path().clone();
        let log = move |to: *mut c_void, size: u64, text: *mut c_void, arguments: *mut c_void| {
            // SAFETY: what the fixture hands to the callback is what vsnprintf takes.
            match unsafe { format.call(&[to.into(), size.into(), text.into(), arguments.into()]) } {
                Ok(Value::Signed(length)) => length as i32,
                other => panic!("{other:?}"),
            }
        };
        let log = engine.callback("int (char *, unsigned long, const char *, va_list)", log).unwrap();
        let declaration = "int relay(void *log, char *to, unsigned long size, const char *format, ..., int, double, const char *)";
        let relay = engine.function(&library(), declaration).unwrap();
        let mut to = [0u8; 64];
        let arguments = [
            (&log).into(),
            to.as_mut_ptr().into(),
            to.len().into(),
            c"%d, %.2f, %s".as_ptr().into(),
            (-7).into(),
            2.5.into(),
            c"text".as_ptr().into(),
        ];
        // SAFETY: the buffer has as many bytes, and the arguments are those of the format.
        assert_eq!(unsafe { relay.call(&arguments) }, Ok(14.into()), "{path}");
        assert_eq!(&to[..15], b"-7, 2.50, text\0");
    }
}
