//! Decompressing a frame of zstd. Run it with `cargo +nightly fuzz run frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session_store_tests::fuzz::frame(bytes));
