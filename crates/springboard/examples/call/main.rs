//! Calls one function of a library with values from the command line, and prints the result alone.

use std::{ffi::OsString, fmt::Display, process::ExitCode};

use clap::Parser;
use springboard::{BindError, Engine, Library, Value};

mod literal;
mod read;
mod show;
mod variadic;
mod wide;

/// Calls a function of a native library.
///
/// The result alone goes to stdout. What the caller got wrong goes to stderr, with exit code 2.
#[derive(Parser)]
#[command(after_help = AFTER_HELP)]
struct Arguments {
    /// The library, as the system's loader finds it; `-` is this process, with the C library
    library: OsString,

    /// The function, as C declares it: 'double pow(double, double)'. What it needs of types stands before it:
    /// 'struct p { int x, y; }; struct p turn(struct p)'. Arguments for `...` have their types after it.
    prototype: String,

    /// One value per parameter
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    values: Vec<String>,
}

const AFTER_HELP: &str = "\
Values:
  integer         42  -7  0xff  0b101  0o17  'c'  '\\n'
  floating point  1.5  -2  1e9  inf  nan
  _Bool           true  false
  char *, void *  a string; null; any other pointer: an address or null
  structure       {1.5, {2, 'c'}}  arrays and complex numbers likewise; a union by its first member

Examples:
  call libm.so.6 'double pow(double, double)' 2 10
  call - 'size_t strlen(const char *)' springboard
  call - 'struct { int quot, rem; } div(int, int)' -7 2
  call - 'int printf(const char *, ..., int, double)' '%d %g\\n' 1 2.5";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match call(&arguments) {
        Ok(result) => {
            if let Some(result) = result {
                println!("{result}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn call(arguments: &Arguments) -> Result<Option<String>, Box<dyn Display>> {
    let library = if arguments.library == "-" {
        Library::process()
    } else {
        // SAFETY: whoever names the library on the command line wants its code to run.
        unsafe { Library::open(&arguments.library) }.map_err(boxed)?
    };
    let engine = Engine::new();
    let function = engine.function(&library, &arguments.prototype).map_err(|error| match error {
        BindError::Prototype(error) => {
            let excerpt = error.excerpt(&arguments.prototype).to_string();
            boxed(format!("{error}\n{excerpt}"))
        }
        other => boxed(other),
    })?;
    let params = function.signature().params();
    if params.len() != arguments.values.len() {
        let (takes, given) = (params.len(), arguments.values.len());
        let hint = variadic::called(function.prototype(), &arguments.values);
        return Err(boxed(match hint {
            Some(called) => format!(
                "the function takes {takes} arguments before the dots and is given {given}; \
                 write the types of the others after the dots: '{called}'"
            ),
            None => format!("the function takes {takes} arguments and is given {given}"),
        }));
    }
    let mut reader = read::Reader::new(engine.data_model());
    let mut values = Vec::new();
    for (index, (param, text)) in params.iter().zip(&arguments.values).enumerate() {
        let value = reader.value(text, &param.ty);
        values.push(value.map_err(|error| boxed(format!("argument {}: {error}", index + 1)))?);
    }
    // SAFETY: whoever names the function on the command line answers for its type and its arguments; `reader` keeps
    // the strings, into which the result may point too.
    let result = unsafe { function.call(&values) }.map_err(boxed)?;
    // What the function printed comes before the result, on a pipe too.
    if let Ok(flush) = engine.function(&Library::process(), "int fflush(void *)") {
        // SAFETY: C's `fflush` takes a null pointer for all streams.
        unsafe { flush.call(&[Value::Pointer(std::ptr::null_mut())]) }.map_err(boxed)?;
    }
    let shown = show::shown(&result, function.signature().result(), engine.data_model());
    drop(reader);
    Ok(shown)
}

fn boxed(error: impl Display + 'static) -> Box<dyn Display> {
    Box::new(error)
}

#[cfg(test)]
mod tests {
    use springboard::library::MATH_LIBRARY;

    use super::*;

    /// What a command line prints, or the first line of its error.
    fn run(line: &[&str]) -> Result<Option<String>, String> {
        let arguments =
            Arguments::try_parse_from([&["call"], line].concat()).map_err(|error| error.to_string())?;
        call(&arguments).map_err(|error| error.to_string().lines().next().unwrap_or_default().into())
    }

    fn prints(line: &[&str], result: &str) {
        assert_eq!(run(line), Ok(Some(result.into())), "{line:?}");
    }

    fn fails(line: &[&str], error: &str) {
        assert_eq!(run(line), Err(error.into()), "{line:?}");
    }

    #[test]
    fn numbers() {
        prints(&[MATH_LIBRARY, "double pow(double, double)", "2", "10"], "1024");
        prints(&[MATH_LIBRARY, "double pow(double, double)", "2", "-1"], "0.5");
        prints(&[MATH_LIBRARY, "double fabs(double)", "-0x10"], "16");
        prints(&[MATH_LIBRARY, "float fabsf(float)", "-1e-9"], "1e-9");
        prints(&[MATH_LIBRARY, "double fabs(double)", "-inf"], "inf");
        prints(&["-", "int abs(int)", "-7"], "7");
        prints(&["-", "int abs(int)", "0x7fffffff"], "2147483647");
        prints(&["-", "int toupper(int)", "'a'"], "65");
        prints(&["-", "int toupper(int)", "'\\n'"], "10");
        prints(&["-", "long labs(long)", "-9223372036854775807"], "9223372036854775807");
    }

    #[test]
    fn long_doubles() {
        for number in ["0", "1", "0.1", "1e300", "1e-300", "5e-324", "1.5e-310", "inf"] {
            prints(&[MATH_LIBRARY, "long double fabsl(long double)", number], number);
            prints(&[MATH_LIBRARY, "long double fabsl(long double)", &format!("-{number}")], number);
        }
        prints(&[MATH_LIBRARY, "long double sqrtl(long double)", "2"], &2f64.sqrt().to_string());
        prints(&[MATH_LIBRARY, "long double sqrtl(long double)", "nan"], "NaN");
    }

    #[test]
    fn text() {
        prints(&["-", "size_t strlen(const char *)", "springboard"], "11");
        prints(&["-", "size_t strlen(const char *)", "a\\tb"], "3");
        prints(&["-", "size_t strlen(const char *)", "-1"], "2");
        prints(&["-", "char *strchr(const char *, int)", "springboard", "'b'"], "board");
        prints(&["-", "char *strchr(const char *, int)", "springboard", "'z'"], "null");
        prints(&["-", "long strtol(const char *, char **, int)", "-ff", "null", "16"], "-255");
    }

    #[test]
    fn structures() {
        prints(&["-", "struct { int quot, rem; } div(int, int)", "-7", "2"], "{-3, -1}");
        prints(&[MATH_LIBRARY, "double cabs(double _Complex)", "{3, -4}"], "5");
        prints(&[MATH_LIBRARY, "double _Complex conj(double _Complex)", "{3, -4}"], "{3, 4}");
    }

    #[test]
    fn mistakes() {
        let pow = [MATH_LIBRARY, "double pow(double, double)"];
        fails(&[&pow[..], &["2"]].concat(), "the function takes 2 arguments and is given 1");
        fails(&[&pow[..], &["2", "x"]].concat(), "argument 2: \"x\" is no double: a number is wanted");
        fails(
            &["-", "int abs(int)", "0x80000000"],
            "argument 1: 2147483648 is out of range for int, which holds -2147483648 to 2147483647",
        );
        fails(&[MATH_LIBRARY, "float fabsf(float)", "1e39"], "argument 1: 1e39 is out of range for float");
        fails(&["-", "int abs(int)", "1.5"], "argument 1: \"1.5\" is no int: an integer is wanted");
        fails(
            &["-", "int abs(voi)", "1"],
            "line 1, column 9: unknown type or attribute `voi`; the nearest known name is `void`",
        );
        fails(
            &["-", "int printf(const char *, ...)", "%d %g", "1", "2.5"],
            "the function takes 1 arguments before the dots and is given 3; write the types of the others after the dots: \
             'int printf(const char *, ..., int, double)'",
        );
        fails(
            &["-", "int snprintf(char *out, size_t, ...)", "null", "0", "%ld %s", "5000000000", "010", "two"],
            "the function takes 2 arguments before the dots and is given 6; write the types of the others after the dots: \
             'int snprintf(char *out, size_t, ..., const char *, long long, int, const char *)'",
        );
        let no_symbol = run(&[MATH_LIBRARY, "int nope(void)"]).unwrap_err();
        assert!(no_symbol.starts_with("no symbol nope in libm.so.6"), "{no_symbol}");
        let no_library = run(&["libnope.so", "int nope(void)"]).unwrap_err();
        assert!(no_library.starts_with("library libnope.so does not load"), "{no_library}");
        let missing = run(&[MATH_LIBRARY]).unwrap_err();
        assert!(missing.contains("<PROTOTYPE>"), "{missing}");
    }
}
