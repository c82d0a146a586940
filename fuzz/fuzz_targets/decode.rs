//! Reading an item. Run it with `cargo +nightly fuzz run decode`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session_store_tests::fuzz::decode(bytes));
