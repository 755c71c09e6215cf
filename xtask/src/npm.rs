//! Libraries that are found in a package of npm's registry: unpacked, never built or run.

use std::{fs, path::PathBuf, process::Command};

use crate::project::{self, quietly};

/// A library in a package.
pub(crate) struct Package {
    /// The package with its version.
    specifier: &'static str,
    /// The name of its folder below `target/npm`.
    folder: &'static str,
    /// The library's file.
    file: &'static str,
    /// What it is, for people.
    pub(crate) about: &'static str,
}

/// DuckDB, as its bindings for Node.js bring it along.
pub(crate) static DUCKDB: Package = Package {
    specifier: "@duckdb/node-bindings-linux-x64@1.5.6-r.1",
    folder: "duckdb-1.5.6",
    file: "libduckdb.so",
    about: "DuckDB's library, of the npm package @duckdb/node-bindings-linux-x64",
};

impl Package {
    fn folder(&self) -> PathBuf {
        project::root().join("target/npm").join(self.folder)
    }

    /// Where the library is once it is installed.
    pub(crate) fn library(&self) -> PathBuf {
        self.folder().join("package").join(self.file)
    }

    /// Fetches and unpacks it.
    ///
    /// # Errors
    /// What went wrong, with the output of the command.
    pub(crate) fn install(&self) -> Result<(), String> {
        let (folder, unpacked) = (self.folder(), self.folder().with_extension("unpacked"));
        let failed = |path: &PathBuf, error: std::io::Error| format!("{}: {error}", path.display());
        if unpacked.exists() {
            fs::remove_dir_all(&unpacked).map_err(|error| failed(&unpacked, error))?;
        }
        fs::create_dir_all(&unpacked).map_err(|error| failed(&unpacked, error))?;
        let mut fetch = Command::new("npm");
        fetch.args(["pack", "--silent", "--pack-destination"]).arg(&unpacked).arg(self.specifier);
        quietly(&format!("fetching {}", self.specifier), &mut fetch)?;
        let files = fs::read_dir(&unpacked).map_err(|error| failed(&unpacked, error))?;
        let archive = files.flatten().next().ok_or("npm pack leaves no file")?.path();
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(&archive).arg("-C").arg(&unpacked);
        quietly("unpacking it", &mut unpack)?;
        fs::remove_file(&archive).map_err(|error| failed(&archive, error))?;
        // Whole, or not there.
        fs::rename(&unpacked, &folder).map_err(|error| failed(&folder, error))
    }
}
