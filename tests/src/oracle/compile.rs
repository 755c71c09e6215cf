//! The C compiler.

use std::{fmt, path::Path, process::Command, str::FromStr};

/// How much a C compiler optimises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// `-O0`.
    None,
    /// `-O1`.
    Some,
    /// `-O2`.
    More,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::None => "0",
            Level::Some => "1",
            Level::More => "2",
        })
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        match text {
            "0" => Ok(Level::None),
            "1" => Ok(Level::Some),
            "2" => Ok(Level::More),
            _ => Err(format!("`{text}` is not one of the levels 0, 1 and 2")),
        }
    }
}

/// A C compiler for the target.
pub struct Compiler {
    /// The program, and arguments that it always gets.
    words: Vec<String>,
    /// Whose it is.
    pub(crate) maker: Maker,
}

/// Whose C compiler it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Maker {
    Gcc,
    Clang,
}

impl Compiler {
    /// The compiler that a command line such as `clang-16 -march=native` starts.
    ///
    /// # Errors
    /// Where there is no such program.
    pub fn new(command: &str) -> Result<Compiler, String> {
        let words = command.split_whitespace().map(String::from).collect::<Vec<_>>();
        let mut compiler = Compiler { words, maker: Maker::Gcc };
        let output = compiler.command().arg("--version").output();
        let output = output.map_err(|error| format!("{command}: {error}"))?;
        if String::from_utf8_lossy(&output.stdout).contains("clang") {
            compiler.maker = Maker::Clang;
        }
        Ok(compiler)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.words.first().map_or("cc", |word| word));
        command.args(self.words.get(1..).unwrap_or_default());
        command
    }

    /// Compiles a C file into a shared object.
    ///
    /// # Errors
    /// What the compiler said.
    pub(crate) fn compile(&self, level: Level, source: &Path, object: &Path) -> Result<(), String> {
        let mut command = self.command();
        command
            .args(["-std=gnu11", "-w", "-Wno-psabi", "-shared", "-fPIC", &format!("-O{level}")])
            // GCC 12 for aarch64 builds what va_arg gives of homogeneous aggregates of vectors from temporaries of
            // another type, and then takes the two to be different memory.
            .args(["-fno-strict-aliasing", "-o"])
            .args([object, source]);
        let output = command.output().map_err(|error| format!("{self}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{self} refused {}:\n{said}", source.display()))
    }
}

/// The command line.
impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}
