//! Debian packages unpacked into folders of the project's own, from any release, without telling the system's package
//! database.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::project::quietly;

/// An `apt-get` with lists and a cache of its own, of one release for one architecture. It knows of no package that is
/// installed, so that it fetches all that a package needs.
pub(crate) struct Apt {
    folder: PathBuf,
    suite: String,
    architecture: String,
}

/// How packages are fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// The package alone.
    Alone,
    /// With all that it needs.
    WithDependencies,
}

impl Apt {
    /// Reads the lists of `suite` of `archive` into `folder`, which is made.
    ///
    /// # Errors
    /// What went wrong, with the command's output.
    pub(crate) fn new(folder: &Path, suite: &str, archive: &str, architecture: &str) -> Result<Apt, String> {
        let failed = |error: io::Error| format!("{}: {error}", folder.display());
        for inner in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(inner)).map_err(failed)?;
        }
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let line = format!("deb [signed-by={keys}] {} {suite} main\n", mirror(archive)?);
        fs::write(folder.join("sources.list"), line).map_err(failed)?;
        let apt =
            Apt { folder: folder.into(), suite: suite.to_owned(), architecture: architecture.to_owned() };
        let what = format!("reading the package lists of {suite} for {architecture}");
        quietly(&what, apt.command().args(["update", "-q"]))?;
        Ok(apt)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::sourcelist", self.folder.join("sources.list").as_os_str()),
            ("Dir::Etc::sourceparts", "-".as_ref()),
            ("Dir::State::lists", self.folder.join("lists").as_os_str()),
            ("Dir::State::status", "/dev/null".as_ref()),
            ("Dir::Cache", self.folder.join("cache").as_os_str()),
            ("APT::Architecture", self.architecture.as_ref()),
            ("APT::Architectures", self.architecture.as_ref()),
            // The folders are the user's own, and apt's usual user may not enter them.
            ("APT::Sandbox::User", "root".as_ref()),
            // The clock of a machine for tests may be anywhere.
            ("Acquire::Check-Valid-Until", "false".as_ref()),
            ("Acquire::Check-Date", "false".as_ref()),
        ] {
            command.arg("-o").arg(format!("{option}={}", value.display()));
        }
        command.current_dir(&self.folder);
        command
    }

    /// Fetches a package: the paths of the files, in order.
    ///
    /// # Errors
    /// What went wrong, with the command's output.
    pub(crate) fn fetch(&self, package: &str, fetch: Fetch) -> Result<Vec<PathBuf>, String> {
        let mut command = self.command();
        let folder = match fetch {
            Fetch::Alone => {
                command.args(["download", "-q", package]);
                self.folder.clone()
            }
            Fetch::WithDependencies => {
                command.args(["install", "-q", "-y", "--download-only", "--no-install-recommends", package]);
                self.folder.join("cache/archives")
            }
        };
        quietly(&format!("fetching {package} of {}", self.suite), &mut command)?;
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .collect();
        files.sort();
        if files.is_empty() {
            return Err(format!("{package} was fetched, and is not in {}", folder.display()));
        }
        Ok(files)
    }
}

/// Unpacks a package into `folder`.
///
/// # Errors
/// What went wrong, with the command's output.
pub(crate) fn unpack(package: &Path, folder: &Path) -> Result<(), String> {
    let name = package.file_name().unwrap_or_default().display();
    quietly(&format!("unpacking {name}"), Command::new("dpkg-deb").arg("-x").args([package, folder]))
}

/// Where this machine gets an archive of Debian from, by its own configuration.
fn mirror(archive: &str) -> Result<String, String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)"])
        .output()
        .map_err(|error| format!("apt-get: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let uri = text
        .lines()
        .map(|line| line.trim_end_matches('/'))
        .find(|line| line.rsplit('/').next() == Some(archive));
    uri.map(str::to_owned).ok_or_else(|| format!("apt is not configured for an archive named {archive}"))
}
