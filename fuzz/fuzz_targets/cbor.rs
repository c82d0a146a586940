//! Unpacking the bytes of a session in CBOR. Run it with `cargo +nightly fuzz run cbor`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session_store_tests::fuzz::cbor(bytes));
