//! The library for C on Windows, built by mingw: `springboard.dll`, the import library, and its list of symbols.

use std::{fs, path::Path, process::Command};

use super::{CRATE, copy, put};
use crate::{project, shared_object, systems::WINDOWS};

/// The name by which programs load it.
const NAME: &str = "springboard.dll";

/// Builds it by a profile of cargo's, and installs it under `root`.
///
/// # Errors
/// What a command ended with, or which file could not be written.
pub(super) fn install(root: &Path, libdir: &str, profile: &str) -> Result<(), String> {
    let package = ["rustc", "--package", "springboard-capi", "--lib", "--crate-type", "cdylib"];
    shared_object::run(WINDOWS.cargo(&package).args(["--profile", profile]))?;
    let built = WINDOWS.built(profile).join("springboard_c.dll");
    let (programs, libraries) = (root.join("bin"), root.join(libdir));
    for folder in [&programs, &libraries] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let fresh = programs.join(".springboard.dll.new");
    copy(&built, &fresh)?;
    shared_object::run(Command::new("x86_64-w64-mingw32-strip").arg("--strip-debug").arg(&fresh))?;
    put(&fresh, &programs.join(NAME), 0o755)?;
    let fresh = libraries.join(".springboard.def.new");
    let script = project::root().join(CRATE).join("springboard.map");
    let text = fs::read_to_string(&script).map_err(|error| format!("{}: {error}", script.display()))?;
    fs::write(&fresh, definitions(&text)).map_err(|error| format!("{}: {error}", fresh.display()))?;
    let listed = libraries.join("springboard.def");
    put(&fresh, &listed, 0o644)?;
    let fresh = libraries.join(".libspringboard.dll.a.new");
    let mut import = Command::new("x86_64-w64-mingw32-dlltool");
    shared_object::run(import.arg("-d").arg(&listed).arg("-l").arg(&fresh))?;
    put(&fresh, &libraries.join("libspringboard.dll.a"), 0o644)
}

/// The module definition file with the symbols of the linker script.
fn definitions(script: &str) -> String {
    let names = script.lines().filter_map(|line| line.trim().strip_suffix(';'));
    let names = names.filter(|name| name.starts_with("sb_")).map(|name| format!("    {name}\n"));
    format!("LIBRARY {NAME}\nEXPORTS\n{}", names.collect::<String>())
}

#[cfg(test)]
mod tests {
    #[test]
    fn symbols_are_those_of_the_script() {
        let script = "SPRINGBOARD_0 {\nglobal:\n    sb_a;\n    sb_b;\nlocal:\n    *;\n};\n";
        assert_eq!(super::definitions(script), "LIBRARY springboard.dll\nEXPORTS\n    sb_a\n    sb_b\n");
    }
}
