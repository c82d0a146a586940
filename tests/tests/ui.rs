//! The mistakes that the derive refuses, with the exact messages, and valid uses that it must accept.
//!
//! The messages are those of one version of rustc; `TRYBUILD=overwrite` writes them again, for a review.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
