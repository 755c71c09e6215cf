//! C programs, built against an installed library as a stranger would, and run.
//!
//! `cargo xtask test capi` installs the library and runs these; `SPRINGBOARD_PREFIX` says where.

mod examples;
mod files;
mod programs;
mod tool;
