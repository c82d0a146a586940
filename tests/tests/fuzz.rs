//! The fuzz targets with random bytes, as many as the tests have time for.
//!
//! `.ci/run` also runs these tests, and those of hostile items, in an optimised build with overflow checks.

#[path = "guarantees/g15_cases/hostile.rs"]
mod hostile;
mod round_trips;

use proptest::prelude::*;
use session_store_tests::fuzz;

/// Enough bytes for a whole item and for some other values.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_item_is_decoded_without_a_panic(bytes in bytes()) {
        fuzz::decode(&bytes);
    }

    #[test]
    fn any_size_is_counted_without_a_panic(bytes in bytes()) {
        fuzz::size(&bytes);
    }

    #[test]
    fn any_cbor_is_unpacked_without_a_panic(bytes in bytes()) {
        fuzz::cbor(&bytes);
    }

    #[test]
    fn any_frame_is_decompressed_without_a_panic(bytes in bytes()) {
        fuzz::frame(&bytes);
    }

    #[test]
    fn any_text_is_parsed_as_an_id_without_a_panic(text in prop_oneof!["[A-Za-z0-9_-]{43}", "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", ".{0,60}"]) {
        fuzz::parse(text.as_bytes());
    }
}
