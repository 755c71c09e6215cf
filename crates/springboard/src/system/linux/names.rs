//! Names of libraries.

/// By what name the loader finds the C library; musl's knows it by this too.
pub const C_LIBRARY: &str = "libc.so.6";

/// By what name the loader finds the functions of `math.h`.
pub const MATH_LIBRARY: &str = "libm.so.6";
