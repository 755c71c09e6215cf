//! libffi's own binary interface, served by springboard.
//!
//! `cargo xtask libffi --out DIR` makes a `libffi.so.8` of this crate, with the symbols, symbol versions, structures
//! and data of libffi 3.4 to 3.8 on x86_64, aarch64, RISC-V and s390x. Programs linked to libffi use it unchanged:
//! `LD_LIBRARY_PATH=DIR PROGRAM`. libffi's documentation describes what a program calls; docs/libffi.md says what differs
//! behind that interface.
//!
//! How a call goes:
//!
//! 1. `ffi_prep_cif` walks over the types once, writes down their shape as a short key (`key`), and looks the key up
//!    in a table that takes no lock (`table`). The number of the shape goes into the cif's `flags`, and a hash of it
//!    into its `bytes`: a cif is found again from itself alone, wherever it was copied to.
//! 2. A shape met for the first time is planned, and not compiled. One without a plan keeps libffi's own cif.
//! 3. `ffi_call` reads the number, and jumps to the stub of the shape's plan. The first call of a shape compiles it.
//! 4. Closures from `ffi_closure_alloc` have code that was there before they were (`pool`); `ffi_prep_closure_loc`
//!    writes where it leads to. The stub that it leads to is compiled once per shape.
//!
//! Every exported function's Rust name has a prefix, because the real libffi is linked into the same library: the
//! prefix goes, and libffi's own functions get one, when the library is linked (xtask/src/libffi.rs).
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64", target_arch = "s390x")
))]

mod adapted;
mod aggregate;
mod call;
mod closure;
mod data;
mod key;
mod machine;
mod plans;
mod pool;
mod prepare;
mod raw;
mod real;
mod refused;
mod shape;
mod table;
mod trace;
mod types;
mod unusual;
mod words;
#[cfg(target_arch = "x86_64")]
mod x87;
#[cfg(not(target_arch = "x86_64"))]
#[path = "x87/none.rs"]
mod x87;
