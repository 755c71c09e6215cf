//! A tiny interpreter that gets an FFI, step by step: docs/embedding.md explains it.
//!
//! `cargo run -p springboard-interpreter -- FILE` runs a program, and without a file the one in `demo.lisp`.

mod form;
mod handler;
mod language;
mod native;
mod read;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use language::{Error, Interpreter, error};

/// What runs without a file.
const DEMO: &str = include_str!("../demo.lisp");

fn main() -> ExitCode {
    let text = match std::env::args().nth(1).as_deref() {
        None => DEMO.to_owned(),
        Some("--help" | "-h") => {
            println!("usage: springboard-interpreter [FILE]\n\nRuns the program in FILE, or the demo.");
            return ExitCode::SUCCESS;
        }
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    match run(&text, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a program, and writes what it prints.
fn run(text: &str, out: &mut impl Write) -> Result<(), Error> {
    let interpreter = Interpreter::new(&native::BUILTINS);
    for code in read::read(text)? {
        let result = interpreter.run(&code);
        out.write_all(interpreter.printed().as_bytes()).map_err(|why| error!("cannot print: {why}"))?;
        result?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DEMO, run};

    fn printed(program: &str) -> String {
        let mut out = Vec::new();
        match run(program, &mut out) {
            Ok(()) => String::from_utf8(out).expect("texts are UTF-8"),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn the_demo_prints_what_it_says() {
        let expected = DEMO.lines().filter_map(|line| line.split_once("; => ")).map(|(_, shown)| shown);
        assert_eq!(printed(DEMO).lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn errors_are_sentences_of_the_language() {
        let libm = r#"(define libm (open "libm.so.6"))"#;
        let cases = [
            (r#"(open "libnone.so")"#, "libnone.so"),
            (r#"(native libm "double pow(double, dubble)")"#, "dubble"),
            (r#"(native libm "double nothing(double)")"#, "nothing"),
            (r#"(native libm "double _Complex csqrt(double _Complex)")"#, "no values of type"),
            (r#"((native libm "double sqrt(double)"))"#, "given 0 arguments"),
            (r#"((native libm "double sqrt(double)") "two")"#, "two is not a number"),
            (
                r#"((native libm "double ldexp(double, int)") 1 4294967296)"#,
                "not from -2147483648 to 2147483647",
            ),
            (r#"(callback "const char *(int)" (lambda (n) "text"))"#, "nobody would own"),
        ];
        for (program, expected) in cases {
            let error = printed(&format!("{libm} {program}"));
            assert!(error.starts_with("error: ") && error.contains(expected), "{program}: {error}");
        }
    }

    #[test]
    fn an_error_in_a_handler_ends_the_call() {
        let program = r#"
            (define libc (open "libc.so.6"))
            (define qsort (native libc "void qsort(void *, size_t, size_t, int (*)(const void *, const void *))"))
            (qsort (ints 2 1) 2 4 (callback "int (const void *, const void *)" (lambda (a b) (+ a "one"))))"#;
        assert_eq!(printed(program), "error: <pointer> is not a number");
    }
}
