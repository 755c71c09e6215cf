//! `errno` beside a result: delivered by the stub, before anything else can run.

use std::{error::Error, ffi::CStr, io};

use springboard::{Engine, Jit, LastError, Library, Value};

fn main() -> Result<(), Box<dyn Error>> {
    // SAFETY: the C library is loaded already.
    let libc = unsafe { Library::open(springboard::library::C_LIBRARY) }?;
    let libffi = Engine::builder().jit(Jit::Off).build();
    for engine in [Engine::new(), libffi] {
        let open = engine.function(&libc, "int open(const char *path, int flags, ...)")?;
        let open = engine.with_last_error(&open, LastError::Errno)?;
        println!("{} by {}", open.prototype(), open.path());
        for path in [c"/nonexistent", c"/proc/self/mem/x", c"/dev/null"] {
            try_to_open(&open, path)?;
        }

        // A result that means success and failure alike is told apart by errno, which is zero before the call.
        let number = engine.function(&libc, "long strtol(const char *text, char **end, int base)")?;
        let number = engine.with_last_error(&number, LastError::Errno)?;
        for text in [c"9223372036854775807", c"9223372036854775808"] {
            let arguments = [text.into(), std::ptr::null_mut::<u8>().into(), 10.into()];
            // SAFETY: strtol reads a C string, and writes no end where none is asked for.
            let (value, errno) = unsafe { number.call_with_last_error(&arguments) }?;
            println!("  {}: {value}, {}", text.to_str()?, say(errno));
        }
    }
    Ok(())
}

fn try_to_open(open: &springboard::Function, path: &CStr) -> Result<(), Box<dyn Error>> {
    // SAFETY: the path is a C string, and nothing is created, so that there is no third argument.
    let (file, errno) = unsafe { open.call_with_last_error(&[path.into(), libc::O_RDWR.into()]) }?;
    println!("  {}: {file}, {}", path.to_str()?, say(errno));
    if let Value::Signed(file @ 0..) = file {
        // SAFETY: the file was opened here and belongs to nobody else.
        unsafe { libc::close(file as i32) };
    }
    Ok(())
}

fn say(errno: i32) -> String {
    if errno == 0 { "no error".into() } else { io::Error::from_raw_os_error(errno).to_string() }
}
