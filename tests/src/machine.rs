//! The machines that C programs are built for and run on: this one, and others under QEMU.

use std::{
    path::Path,
    process::{Command, Output},
    str::FromStr,
};

use target_lexicon::Triple;

/// A kind of machine with a C compiler and a way to run what it built.
pub struct Machine {
    /// The CPU's name, as in [`std::env::consts::ARCH`].
    pub cpu: &'static str,
    /// Rust's name of the platform.
    pub triple: &'static str,
    /// The prefix of the C compiler's programs, and of its libraries' folder in `/usr`.
    pub gnu: &'static str,
}

/// The machines that Debian has cross compilers and QEMU for.
pub const MACHINES: [Machine; 4] = [
    Machine { cpu: "x86_64", triple: "x86_64-unknown-linux-gnu", gnu: "x86_64-linux-gnu" },
    Machine { cpu: "aarch64", triple: "aarch64-unknown-linux-gnu", gnu: "aarch64-linux-gnu" },
    Machine { cpu: "riscv64", triple: "riscv64gc-unknown-linux-gnu", gnu: "riscv64-linux-gnu" },
    Machine { cpu: "s390x", triple: "s390x-unknown-linux-gnu", gnu: "s390x-linux-gnu" },
];

/// Windows, which a Linux on the same CPU builds for with mingw's GCC, and runs under Wine.
pub const WINDOWS: Machine =
    Machine { cpu: "x86_64", triple: "x86_64-pc-windows-gnu", gnu: "x86_64-w64-mingw32" };

impl Machine {
    /// The kind of machine that runs this process, which may itself be emulated.
    pub fn host() -> Option<&'static Machine> {
        MACHINES.iter().find(|machine| machine.is_host())
    }

    /// Whether this process runs on such a machine, be it emulated.
    pub fn is_host(&self) -> bool {
        self.cpu == std::env::consts::ARCH && self.triple.contains(std::env::consts::OS)
    }

    /// The triple as a value.
    pub fn triple(&self) -> Triple {
        Triple::from_str(self.triple).expect("the table holds triples")
    }

    /// A run of the C compiler for this machine: `CC_<triple>` where that is set, as the cc crate has it.
    pub fn cc(&self) -> Command {
        let variable = format!("CC_{}", self.triple.replace('-', "_"));
        match std::env::var(variable) {
            Ok(program) => Command::new(program),
            Err(_) if self.is_host() => Command::new("cc"),
            Err(_) => Command::new(format!("{}-gcc", self.gnu)),
        }
    }

    /// A run of a program built for this machine. Under QEMU where this process does not run on such a machine; and
    /// by the `CARGO_TARGET_<TRIPLE>_RUNNER` that runs this process itself, where that is set.
    pub fn program(&self, path: &Path) -> Command {
        let variable = format!("CARGO_TARGET_{}_RUNNER", self.triple.to_ascii_uppercase().replace('-', "_"));
        let runner = match std::env::var(variable) {
            Ok(runner) => runner,
            Err(_) if self.is_host() => return Command::new(path),
            Err(_) if self.triple == WINDOWS.triple => "wine64".into(),
            Err(_) => format!("qemu-{}-static -L /usr/{}", self.cpu, self.gnu),
        };
        let mut words = runner.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg(path);
        command
    }
}

/// Runs a command to its end and returns what it printed to its standard output.
///
/// # Errors
/// A program that is not there, with the command that installs it; a program that fails, with all that it printed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let Output { status, stdout, stderr } = command.output().map_err(|error| {
        format!("{shown}: {error} (cargo xtask tools --install gets what tests for other machines need)")
    })?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(stdout);
    }
    Err(format!("{shown}: {status}\n{stdout}{}", String::from_utf8_lossy(&stderr)))
}
