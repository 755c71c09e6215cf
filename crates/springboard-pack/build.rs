//! Writes the thunks as assembly, and the table of where each begins.

use std::{env, fmt::Write, fs, path::Path};

use springboard_abi::{COMMON, Target, common};
use springboard_emit::{Compiler, EmitError, LandingPads, Protection, ReturnAddresses, UNWIND_INFO};
use target_lexicon::{Architecture, OperatingSystem, Triple};

/// Landing pads cost nothing where nobody checks them, and the program's own code may be checked.
const PROTECTION: Protection =
    Protection { landing_pads: LandingPads::Emit, return_addresses: ReturnAddresses::Plain };

/// Alignment of a thunk, in bytes.
const ALIGN: usize = 32;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name| env::var(name).expect("cargo sets it");
    let triple: Triple = variable("TARGET").parse().expect("rustc's triples are triples");
    let pack = match Target::of(&triple) {
        Ok(target) => match Compiler::protected(&triple, PROTECTION) {
            Ok(compiler) => Pack::of(&target, compiler),
            Err(EmitError::NoBackend(triple)) => {
                println!("cargo:warning=no code generator for {triple}: the pack is empty; see all-targets");
                Pack::default()
            }
            Err(error) => panic!("{error}"),
        },
        Err(unknown) => {
            println!("cargo:warning={unknown}: the pack is empty");
            Pack::default()
        }
    };
    let file = Path::new(&variable("OUT_DIR")).join("pack.rs");
    fs::write(file, pack.source(&triple)).expect("cargo's folder is writable");
}

/// Thunks one after the other.
#[derive(Default)]
struct Pack {
    code: Vec<u8>,
    thunks: Vec<Thunk>,
}

/// A thunk, by offsets in the code.
struct Thunk {
    /// Of the common shape.
    number: usize,
    start: usize,
    end: usize,
    /// What is told of it alone.
    row: Option<usize>,
}

impl Pack {
    fn of(target: &Target, mut compiler: Compiler) -> Pack {
        let mut pack = Pack::default();
        for number in 0..COMMON {
            let Some(plan) = common(number, target) else { continue };
            let template = compiler.emit(&plan).expect("a plan can be emitted");
            assert!(template.holes.is_empty(), "a thunk is handed its target");
            pack.code.resize(pack.code.len().next_multiple_of(ALIGN), 0);
            let start = pack.code.len();
            pack.code.extend(&template.code);
            let row = template.row.map(|row| start + row as usize);
            pack.thunks.push(Thunk { number, start, end: pack.code.len(), row });
        }
        pack
    }

    /// Rust source: the code as a block of assembly, whose first byte is the symbol `springboard_pack`; and `STARTS`,
    /// for each number the offset of its thunk, or `u32::MAX`.
    fn source(&self, triple: &Triple) -> String {
        let mut starts = vec![u32::MAX; COMMON];
        for thunk in &self.thunks {
            starts[thunk.number] = u32::try_from(thunk.start).expect("the pack is small");
        }
        let mut text =
            format!("static STARTS: [u32; {COMMON}] = {starts:?};\ncore::arch::global_asm!(r#\"\n");
        let (before, after) = if triple.operating_system == OperatingSystem::Windows {
            (coff().into(), self.rows())
        } else {
            elf(triple)
        };
        let bytes =
            |row: &[u8]| format!(".byte {}", row.iter().map(u8::to_string).collect::<Vec<_>>().join(","));
        for line in before.into_iter().chain(self.code.chunks(32).map(bytes)).chain(after) {
            let _ = writeln!(text, "    {line}");
        }
        text.push_str("\"#);");
        text
    }

    /// What Windows' unwinder is told: an entry for each thunk, and the row of those that have none of their own.
    fn rows(&self) -> Vec<String> {
        let info = UNWIND_INFO.map(|byte| byte.to_string()).join(",");
        let mut lines = vec![
            ".section .xdata$springboard_pack,\"dr\"".into(),
            ".p2align 2".into(),
            format!("springboard_pack_info: .byte {info}"),
            ".section .pdata$springboard_pack,\"dr\"".into(),
            ".p2align 2".into(),
        ];
        lines.extend(self.thunks.iter().map(|Thunk { start, end, row, .. }| {
            let info = match row {
                Some(row) => format!("springboard_pack+{row}"),
                None => "springboard_pack_info".into(),
            };
            format!(".rva springboard_pack+{start}, springboard_pack+{end}, {info}")
        }));
        lines.push(".text".into());
        lines
    }
}

/// What stands before the code in an object for Windows.
fn coff() -> [String; 4] {
    [".section .text$springboard_pack,\"xr\"", ".p2align 6", ".globl springboard_pack", "springboard_pack:"]
        .map(String::from)
}

/// What stands before and after the code in an object of ELF.
fn elf(triple: &Triple) -> (Vec<String>, Vec<String>) {
    let mut before: Vec<String> = [
        ".pushsection .text.springboard_pack,\"ax\",@progbits",
        ".balign 64",
        ".globl springboard_pack",
        ".hidden springboard_pack",
        ".type springboard_pack, @function",
        "springboard_pack:",
    ]
    .map(String::from)
    .into();
    let unwind = unwind(triple);
    let end = (!unwind.is_empty()).then(|| ".cfi_endproc".to_owned());
    before.extend(unwind);
    let after = [".size springboard_pack, . - springboard_pack", ".popsection"].map(String::from);
    (before, end.into_iter().chain(after).collect())
}

/// One row for all thunks: those with a frame keep the caller's frame pointer and the return address at the frame
/// pointer, and those without are never on the stack while a call is under way.
fn unwind(triple: &Triple) -> Vec<String> {
    let (frame_pointer, return_address) = match triple.architecture {
        Architecture::X86_64 => ("rbp", "rip"),
        Architecture::Aarch64(_) => ("x29", "x30"),
        Architecture::Riscv64(_) => ("s0", "ra"),
        _ => return Vec::new(),
    };
    vec![
        ".cfi_startproc".into(),
        format!(".cfi_def_cfa {frame_pointer}, 16"),
        format!(".cfi_offset {frame_pointer}, -16"),
        format!(".cfi_offset {return_address}, -8"),
    ]
}
