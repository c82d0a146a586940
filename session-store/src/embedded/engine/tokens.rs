//! The transactions that are known by their tokens.

use std::collections::BTreeMap;

use serde_json::Value as Json;

const TOKEN_LIFETIME: u64 = 10 * 60 * 1000;

/// The transactions of the last ten minutes that were carried out, by their tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens(pub(super) BTreeMap<String, Done>);

#[derive(Debug)]
pub(super) struct Done {
    pub(super) at: u64,
    pub(super) parts: Vec<Json>,
    /// What a repetition is billed: a read of the larger of the old and the new item of each part.
    pub(super) reads: Vec<(String, f64)>,
}

impl Tokens {
    /// The transaction of this token. Those that are ten minutes old are forgotten.
    pub(super) fn find(&mut self, token: &str, now: u64) -> Option<&Done> {
        self.0
            .retain(|_, done| now.saturating_sub(done.at) < TOKEN_LIFETIME);
        self.0.get(token)
    }
}
