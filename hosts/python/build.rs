//! Has the linker lead the personality of Rust's frames through `src/ending.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Only glibc ends a thread by unwinding its stack.
    let is = |key: &str, value: &str| std::env::var(key).is_ok_and(|found| found == value);
    println!("cargo::rustc-check-cfg=cfg(unwinds_ended_threads)");
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-cfg=unwinds_ended_threads");
        println!("cargo::rustc-cdylib-link-arg=-Wl,--wrap=rust_eh_personality");
    }
}
