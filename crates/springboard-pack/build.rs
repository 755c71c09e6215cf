//! Writes the thunks as assembly, and the table of where each begins.

use std::{env, fmt::Write, fs, path::Path};

use springboard_abi::{COMMON, Target, common};
use springboard_emit::{Compiler, EmitError, LandingPads, Protection, ReturnAddresses};
use target_lexicon::{Architecture, Triple};

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
    /// Where the thunk of each number begins.
    starts: Vec<(usize, usize)>,
}

impl Pack {
    fn of(target: &Target, mut compiler: Compiler) -> Pack {
        let mut pack = Pack::default();
        for number in 0..COMMON {
            let Some(plan) = common(number, target) else { continue };
            let template = compiler.emit(&plan).expect("a plan can be emitted");
            assert!(template.holes.is_empty(), "a thunk is handed its target");
            pack.code.resize(pack.code.len().next_multiple_of(ALIGN), 0);
            pack.starts.push((number, pack.code.len()));
            pack.code.extend(&template.code);
        }
        pack
    }

    /// Rust source: the code as a block of assembly, whose first byte is the symbol `springboard_pack`; and `STARTS`,
    /// for each number the offset of its thunk, or `u32::MAX`.
    fn source(&self, triple: &Triple) -> String {
        let mut starts = vec![u32::MAX; COMMON];
        for &(number, start) in &self.starts {
            starts[number] = u32::try_from(start).expect("the pack is small");
        }
        let mut text =
            format!("static STARTS: [u32; {COMMON}] = {starts:?};\ncore::arch::global_asm!(r#\"\n");
        let _ = writeln!(text, "    .pushsection .text.springboard_pack,\"ax\",@progbits");
        let _ = writeln!(text, "    .balign 64\n    .globl springboard_pack\n    .hidden springboard_pack");
        let _ = writeln!(text, "    .type springboard_pack, @function\nspringboard_pack:");
        let unwind = unwind(triple);
        let _ = write!(text, "{}", unwind.iter().map(|line| format!("    {line}\n")).collect::<String>());
        for row in self.code.chunks(32) {
            let bytes: Vec<_> = row.iter().map(u8::to_string).collect();
            let _ = writeln!(text, "    .byte {}", bytes.join(","));
        }
        if !unwind.is_empty() {
            let _ = writeln!(text, "    .cfi_endproc");
        }
        let _ = writeln!(text, "    .size springboard_pack, . - springboard_pack\n    .popsection\n\"#);");
        text
    }
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
