//! Counting the bytes of a value. Run it with `cargo +nightly fuzz run size`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session_store_tests::fuzz::size(bytes));
