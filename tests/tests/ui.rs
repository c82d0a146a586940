//! What the derive refuses, with the exact words, and what it must not refuse.
//!
//! The words are those of one rustc; `TRYBUILD=overwrite` writes them anew, for a review.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
