//! Names of libraries.

/// By what name the loader finds the C library.
pub const C_LIBRARY: &str =
    if cfg!(target_os = "macos") { "/usr/lib/libSystem.B.dylib" } else { "libc.so.7" };

/// By what name the loader finds the functions of `math.h`.
pub const MATH_LIBRARY: &str =
    if cfg!(target_os = "macos") { "/usr/lib/libSystem.B.dylib" } else { "libm.so.5" };
