//! The shim finds the functions of the C API in this program, as one that is linked with it would.

fn main() {
    println!("cargo::rustc-link-arg-bins=-rdynamic");
    println!("cargo::rerun-if-changed=build.rs");
}
