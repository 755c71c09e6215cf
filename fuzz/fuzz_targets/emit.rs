//! A number as a random signature: whatever plans it has, their code reads back as them.

#![no_main]

libfuzzer_sys::fuzz_target!(|seed: u64| { springboard_tests::readback::agrees(seed); });
