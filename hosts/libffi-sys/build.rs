//! Builds `libffi.so.8` on springboard, and has programs linked to it.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    println!("cargo::rerun-if-env-changed=SPRINGBOARD_LIBFFI");
    if env::var_os("CARGO_FEATURE_CHECK_ONLY").is_some() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    let library = out.join("libffi.so.8");
    match env::var_os("SPRINGBOARD_LIBFFI").map(PathBuf::from) {
        // Built before, by `cargo xtask libffi --out DIR`.
        Some(folder) => {
            let built = folder.join("libffi.so.8");
            println!("cargo::rerun-if-changed={}", built.display());
            fs::copy(&built, &library).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
        }
        None => build(&out),
    }
    let link = out.join("libffi.so");
    if !link.exists() {
        symlink("libffi.so.8", &link).unwrap_or_else(|error| panic!("{}: {error}", link.display()));
    }
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=dylib=ffi");
}

/// A build of its own: springboard uses the crate in whose place this one stands, which cannot depend on itself.
fn build(out: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo::rerun-if-changed={}", root.join("crates").display());
    let mut command = Command::new(env::var_os("CARGO").expect("cargo says which it is"));
    command.current_dir(root).args(["run", "--quiet", "--package", "xtask", "--", "libffi", "--out"]).arg(out);
    command.env("CARGO_TARGET_DIR", out.join("target"));
    // What is meant for the program that is built.
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "TARGET", "PROFILE"] {
        command.env_remove(name);
    }
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "cargo xtask libffi: {status}");
}
