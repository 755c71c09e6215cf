//! Binds all that a C header declares: `header -- /usr/include/zlib.h libz.so.1`. Each function of the header, and of
//! headers in its own folder that it includes, is bound, or reported by name with the reason; those of other headers are
//! counted (`cc -E -dD /usr/include/math.h >math.i` and `header -- math.i libm.so.6` has them too). Each macro has its value,
//! or is reported. `header -- --wrappers /usr/include/zlib.h` writes the C text that makes its static functions callable.

use std::{
    error::Error,
    io::{BufWriter, Write as _, stdout},
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
    let done = match &arguments[..] {
        [option, header] if option == "--wrappers" => wrappers(header),
        [header, library] if !header.starts_with("--") => run(header, library),
        _ => {
            eprintln!("usage: header HEADER LIBRARY, as in: header /usr/include/zlib.h libz.so.1");
            eprintln!("       header --wrappers HEADER");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
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
    let mut out = BufWriter::new(stdout().lock());
    for function in &binding.bound {
        writeln!(out, "bound     {} ({})", function.prototype(), function.path())?;
    }
    for unbound in &binding.reported {
        writeln!(out, "reported  {unbound}")?;
    }
    let (mut constants, mut others) = (0, 0);
    for each in header.macros().iter().filter(|each| belongs(&each.place, path)) {
        match header.constant(&each.name) {
            Some(Ok(value)) => {
                constants += 1;
                writeln!(out, "constant  {} = {value}", each.name)?;
            }
            Some(Err(why)) => {
                others += 1;
                writeln!(out, "no value  {} ({}): {why}", each.name, each.place)?;
            }
            None => {}
        }
    }
    let elsewhere = header.functions().iter().filter(|function| !belongs(&function.place, path)).count();
    writeln!(
        out,
        "{} bound, {} reported, {elsewhere} of other headers left out; of {} macros {constants} are constants; {} bytes read in {read:.1?}, read and bound in {bound:.1?}",
        binding.bound.len(),
        binding.reported.len(),
        constants + others,
        text.len()
    )?;
    Ok(out.flush()?)
}

fn wrappers(path: &str) -> Result<(), Box<dyn Error>> {
    let header = Header::scan(&preprocessed(path)?, Engine::new().data_model());
    let includes = format!("#include {path:?}");
    let text = header::wrappers(&header, &includes, "springboard_", |place| belongs(place, path));
    Ok(stdout().write_all(text.as_bytes())?)
}

/// What the C preprocessor makes of a header; a file that ends in `.i` is taken as it is.
fn preprocessed(path: &str) -> Result<String, Box<dyn Error>> {
    if path.ends_with(".i") {
        return Ok(std::fs::read_to_string(path)?);
    }
    let output = Command::new("cc").args(["-E", "-dD", "-x", "c", path]).output()?;
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
