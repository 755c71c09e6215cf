//! Declarations that bytes make of legal ones: they are refused where GCC refuses them, and accepted where it accepts them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| springboard_tests::judged::agrees(data));
