//! The versions of V8 that stubs are tested in: where each lies, and how it is installed. They are Node.js' own, from
//! Debian's libnode, with all that they need beside them, each in a folder of its own below `target`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    apt::{self, Apt, Fetch},
    cross::{AARCH64, Cpu},
    project,
};

/// One V8.
pub(crate) struct Engine {
    /// The release of Debian that has it.
    suite: &'static str,
    /// The CPU that it is for, where it is not this machine's.
    pub(crate) cpu: Option<&'static Cpu>,
    /// What it is, for people.
    pub(crate) about: &'static str,
    middle: Middle,
}

/// Whether there is a tier between the baseline compiler and TurboFan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Middle {
    None,
    Maglev,
}

/// Errors of fast calls are reported by the slow function.
pub(crate) static BOOKWORM: Engine = Engine {
    suite: "bookworm",
    cpu: None,
    about: "V8 10.2, of Debian 12's libnode-dev",
    middle: Middle::None,
};
/// Fast calls throw, and may run JavaScript.
pub(crate) static SID: Engine = Engine {
    suite: "sid",
    cpu: None,
    about: "V8 13.6 or later, of Debian sid's libnode-dev",
    middle: Middle::Maglev,
};
/// The same for aarch64.
pub(crate) static SID_AARCH64: Engine =
    Engine { cpu: Some(&AARCH64), about: "V8 13.6 or later for aarch64, of Debian sid's libnode-dev", ..SID };

impl Engine {
    pub(crate) fn folder(&self) -> PathBuf {
        let name = self.cpu.map_or(self.suite.to_owned(), |cpu| format!("{}-{}", self.suite, cpu.name));
        project::root().join("target/v8").join(name)
    }

    /// Where the libraries are in its root: a release has its C library in the one or the other.
    pub(crate) fn libraries(&self) -> [PathBuf; 2] {
        let gnu = self.cpu.map_or("x86_64-linux-gnu", |cpu| cpu.gnu);
        ["usr/lib", "lib"].map(|folder| self.root().join(folder).join(gnu))
    }

    /// Whether it has the tier that makes no fast calls.
    pub(crate) fn has_maglev(&self) -> bool {
        self.middle == Middle::Maglev
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder().join("root")
    }

    pub(crate) fn loader(&self) -> Option<PathBuf> {
        let name =
            self.cpu.map_or("ld-linux-x86-64.so.2".to_owned(), |cpu| format!("ld-linux-{}.so.1", cpu.name));
        self.libraries().iter().map(|folder| folder.join(&name)).find(|path| path.exists())
    }

    /// Whether it has been installed.
    pub(crate) fn is_there(&self) -> bool {
        self.libraries()[0].join("libnode.so").exists() && self.loader().is_some()
    }

    /// Fetches and unpacks it.
    ///
    /// # Errors
    /// What went wrong, with the output of the command.
    pub(crate) fn install(&self) -> Result<(), String> {
        let folder = self.folder();
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let packages = folder.join("apt");
        let apt = Apt::new(&packages, self.suite, "debian", self.cpu.map_or("amd64", |cpu| cpu.debian))?;
        let unpacked = folder.join("unpacked");
        fs::create_dir_all(&unpacked).map_err(|error| failed(&unpacked, error))?;
        for file in apt.fetch("libnode-dev", Fetch::WithDependencies)? {
            // Node.js itself comes along, and is of no use.
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if ["lib", "zlib"].iter().any(|prefix| name.starts_with(prefix)) {
                apt::unpack(&file, &unpacked)?;
            }
        }
        // Whole, or not there.
        fs::rename(&unpacked, self.root()).map_err(|error| failed(&unpacked, error))?;
        fs::remove_dir_all(&packages).map_err(|error| failed(&packages, error))
    }
}
