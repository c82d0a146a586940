//! G15. Any data is stored and comes back as it was, or is refused by the name of a field before the call.
//! Nothing panics, and all formats agree.
//!
//! `PROPTEST_CASES` sets the number of cases of each test here, for a long run.

mod formats;
mod items;
mod known;
mod losses;
mod records;
mod sessions;
mod values;

mod shapes {
    //! The types of serde's data model, in all forms that a type can give them.

    pub(super) mod any;
    pub(super) mod enums;
    pub(super) mod json;
    pub(super) mod keys;
    pub(super) mod scalars;
}

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use tokio::runtime::Runtime;

/// Runs a test on as many cases as the environment asks for, or on these. A panic is a failure as any other.
fn check<T: Strategy>(
    cases: u32,
    strategy: T,
    test: impl Fn(T::Value) -> Result<(), TestCaseError>,
) {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let config = ProptestConfig {
        cases: asked.map_or(cases, |asked| asked.parse().unwrap()),
        failure_persistence: None,
        max_shrink_iters: 4096,
        ..ProptestConfig::default()
    };
    match TestRunner::new(config).run(&strategy, test) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\nthe smallest case: {case:?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// proptest does not support async.
fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap()
}
