//! `cargo xtask install`: the library for C, where C compilers find it.

mod dll;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    project,
    shared_object::{self, SYSTEM_LIBRARIES},
    systems::WINDOWS,
};

/// Builds the library for C and installs it: shared and static library, header, pkg-config file.
///
/// A C program is built with it by `cc program.c $(pkg-config --cflags --libs springboard)`. Installing anew replaces
/// what is there; programs that are running keep what they have.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder under which the library is used: an absolute path
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,
    /// A folder that stands for `/` while installing, for packages
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
    /// The folder below the prefix for libraries
    #[arg(long, value_name = "NAME", default_value = "lib")]
    libdir: String,
    /// Cargo's profile to build with
    #[arg(long, default_value = "dist")]
    profile: String,
    /// For Windows, where the shared library is springboard.dll, in the folder bin
    #[arg(long, value_parser = [WINDOWS.triple])]
    target: Option<String>,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

const CRATE: &str = "crates/springboard-capi";

/// What the library may not change without another number here: the form of any function in its header.
const SONAME: &str = "libspringboard.so.0";

/// Nothing in it begins a word that pkg-config would split.
const PLAIN: fn(char) -> bool = |c| c.is_ascii_alphanumeric() || "-_./+,@%:~".contains(c);

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    project::exit(install(arguments))
}

fn install(arguments: &Arguments) -> Result<(), String> {
    let Arguments { prefix, destdir, libdir, profile, target } = arguments;
    let shown = prefix.display();
    if !prefix.is_absolute() || !prefix.to_str().is_some_and(|text| text.chars().all(PLAIN)) {
        return Err(format!("--prefix {shown}: an absolute path without spaces is wanted"));
    }
    let root = staged(prefix, destdir.as_deref());
    let source = project::root().join(CRATE);
    let libraries = root.join(libdir);
    let headers = root.join("include");
    let descriptions = libraries.join("pkgconfig");
    for folder in [&libraries, &headers, &descriptions] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    match target {
        Some(_) => dll::install(&root, libdir, profile)?,
        None => libraries_of_linux(&libraries, &source, profile)?,
    }
    let fresh = headers.join(".springboard.h.new");
    copy(&source.join("include/springboard.h"), &fresh)?;
    put(&fresh, &headers.join("springboard.h"), 0o644)?;
    let fresh = descriptions.join(".springboard.pc.new");
    let template = source.join("springboard.pc.in");
    let text = fs::read_to_string(&template).map_err(|error| format!("{}: {error}", template.display()))?;
    // A static library, which would need others, is there on Linux alone.
    let private = if target.is_none() { &SYSTEM_LIBRARIES[..] } else { &[] };
    let text = described(&text, &shown.to_string(), libdir, private);
    fs::write(&fresh, text).map_err(|error| format!("{}: {error}", fresh.display()))?;
    put(&fresh, &descriptions.join("springboard.pc"), 0o644)
}

/// The shared and the static library.
fn libraries_of_linux(libraries: &Path, source: &Path, profile: &str) -> Result<(), String> {
    let archive = shared_object::build_archive("springboard-capi", "springboard_c", profile)?;
    // Linked beside its place and renamed: a program that is running keeps the old file.
    let name = format!("libspringboard.so.{VERSION}");
    let fresh = libraries.join(".libspringboard.so.new");
    shared_object::link(&archive, SONAME, &source.join("springboard.map"), &fresh)?;
    put(&fresh, &libraries.join(&name), 0o755)?;
    for link in [SONAME, "libspringboard.so"] {
        let link = libraries.join(link);
        let _ = fs::remove_file(&link);
        symlink(&name, &link).map_err(|error| format!("{}: {error}", link.display()))?;
        println!("{} -> {name}", link.display());
    }
    let fresh = libraries.join(".libspringboard.a.new");
    copy(&archive, &fresh)?;
    shared_object::run(Command::new("strip").arg("--strip-debug").arg(&fresh))?;
    put(&fresh, &libraries.join("libspringboard.a"), 0o644)
}

/// Where the prefix is while installing.
fn staged(prefix: &Path, destdir: Option<&Path>) -> PathBuf {
    match destdir {
        None => prefix.to_owned(),
        Some(destdir) => destdir.join(prefix.strip_prefix("/").expect("the path is absolute")),
    }
}

/// The pkg-config file; a static library needs the libraries of `private`.
fn described(template: &str, prefix: &str, libdir: &str, private: &[&str]) -> String {
    template
        .replace("@PREFIX@", prefix)
        .replace("@LIBDIR@", libdir)
        .replace("@VERSION@", VERSION)
        .replace("@PRIVATE@", &private.join(" "))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}

/// Puts a finished file in its place, and says so.
fn put(from: &Path, to: &Path, mode: u32) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    fs::set_permissions(from, fs::Permissions::from_mode(mode)).map_err(failed)?;
    let bytes = fs::metadata(from).map_err(failed)?.len();
    fs::rename(from, to).map_err(failed)?;
    println!("{} ({} KiB)", to.display(), bytes.div_ceil(1024));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_complete() {
        let template = fs::read_to_string(project::root().join(CRATE).join("springboard.pc.in")).unwrap();
        let text = described(&template, "/opt/x", "lib64", &["-lm"]);
        for line in [
            "prefix=/opt/x",
            "libdir=${prefix}/lib64",
            "Libs: -L${libdir} -lspringboard",
            "Libs.private: -lm",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
        assert!(!text.contains('@'), "{text}");
    }

    #[test]
    fn packages_are_staged() {
        let prefix = Path::new("/usr/local");
        assert_eq!(staged(prefix, None), prefix);
        assert_eq!(staged(prefix, Some(Path::new("/tmp/package"))), Path::new("/tmp/package/usr/local"));
    }

    #[test]
    fn a_prefix_is_absolute_and_plain() {
        for prefix in ["relative", "/with space"] {
            let arguments = Arguments {
                prefix: prefix.into(),
                destdir: None,
                libdir: "lib".to_owned(),
                profile: "dev".to_owned(),
                target: None,
            };
            assert!(install(&arguments).unwrap_err().contains(prefix));
        }
    }
}
