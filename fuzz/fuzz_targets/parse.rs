//! Reading an id. Run it with `cargo +nightly fuzz run parse`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session_store_tests::fuzz::parse(bytes));
