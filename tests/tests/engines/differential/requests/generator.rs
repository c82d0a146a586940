//! The state of the generator, and the placeholders of the request that it makes.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Expressions put their placeholders into `names` and `values`.
pub(crate) struct Generator {
    pub(super) rng: Rng,
    /// Whether this request may have values and operands that are refused.
    pub(super) is_wild: bool,
    /// A transaction that comes again next, with the same token.
    pub(super) repeated: Option<Value>,
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            is_wild: false,
            repeated: None,
            names: Map::new(),
            values: Map::new(),
        }
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(0..all.len())]
    }

    pub(super) fn named(&mut self, name: &str) -> String {
        if self.is_wild && self.one_in(80) {
            return "#missing".to_owned();
        }
        // Some of these are reserved words, so that names always have a placeholder.
        let key = format!("#{name}");
        self.names.insert(key.clone(), name.into());
        key
    }

    pub(super) fn bind(&mut self, value: Value) -> String {
        if self.is_wild && self.one_in(100) {
            return ":missing".to_owned();
        }
        let key = format!(":v{}", self.values.len());
        self.values.insert(key.clone(), value);
        key
    }

    /// Puts the placeholders so far into the request.
    pub(super) fn placeholders(&mut self, request: &mut Value) {
        if self.is_wild && self.one_in(50) {
            self.bind(json!({ "S": "unused" }));
        }
        let (names, values) = (
            std::mem::take(&mut self.names),
            std::mem::take(&mut self.values),
        );
        if !names.is_empty() {
            request["ExpressionAttributeNames"] = names.into();
        }
        if !values.is_empty() {
            request["ExpressionAttributeValues"] = values.into();
        }
    }
}
