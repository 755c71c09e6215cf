//! Binds all that a C header declares: `header -- /usr/include/zlib.h libz.so.1`. Each function of the header, and of
//! headers in its own folder that it includes, is bound, or reported by name with the reason.

use std::{
    error::Error,
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

use springboard::{
    Engine, Library,
    ir::{Header, Place},
};
use springboard_everyday::header;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [header, library] = &arguments[..] else {
        eprintln!("usage: header HEADER LIBRARY, as in: header /usr/include/zlib.h libz.so.1");
        return ExitCode::from(2);
    };
    match run(header, library) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, library: &str) -> Result<(), Box<dyn Error>> {
    let text = preprocessed(path)?;
    // SAFETY: the libraries that one binds headers of are meant to be loaded.
    let library = unsafe { Library::open(library) }?;
    let engine = Engine::new();
    let started = Instant::now();
    let header = Header::scan(&text, engine.data_model());
    let read = started.elapsed();
    let binding = header::bind(&engine, &library, &header, |place| belongs(place, path));
    let bound = started.elapsed();
    for function in &binding.bound {
        println!("bound     {} ({})", function.prototype(), function.path());
    }
    for unbound in &binding.reported {
        println!("reported  {unbound}");
    }
    println!(
        "{} bound, {} reported; {} bytes read in {read:.1?}, read and bound in {bound:.1?}",
        binding.bound.len(),
        binding.reported.len(),
        text.len()
    );
    Ok(())
}

/// What the C preprocessor makes of a header; a file that ends in `.i` is taken as it is.
fn preprocessed(path: &str) -> Result<String, Box<dyn Error>> {
    if path.ends_with(".i") {
        return Ok(std::fs::read_to_string(path)?);
    }
    let output = Command::new("cc").args(["-E", "-x", "c", path]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a place is in the header, or in a header beside it that is its library's own. Folders of headers of all
/// libraries are nobody's own.
fn belongs(place: &Place, header: &str) -> bool {
    let Some(file) = place.file.as_deref() else { return header.ends_with(".i") };
    let folder = Path::new(header).parent();
    let shared =
        folder.is_some_and(|folder| folder.ends_with("include") || folder.ends_with("x86_64-linux-gnu"));
    header.ends_with(".i") || file == header || (!shared && Path::new(file).parent() == folder)
}
