#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| springboard_tests::text::survives(&String::from_utf8_lossy(data)));
