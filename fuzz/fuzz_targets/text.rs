//! Any bytes as C text: nothing panics, and what is printed reads back as the same.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| springboard_tests::text::survives(&String::from_utf8_lossy(data)));
