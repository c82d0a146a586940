//! The errors of a table that does not fit.

use crate::error::{Error, SetupError};
use crate::schema::SessionAttributes;

use super::super::handle::DynamoDbStore;
use super::waiting::Awaited;

impl<S: SessionAttributes> DynamoDbStore<S> {
    pub(super) fn schema_mismatch(&self, what: &str) -> Error {
        SetupError::new(format!("table `{}` {what}", self.table_name())).into()
    }

    pub(super) fn not_ready(&self, awaited: &Awaited) -> Error {
        let what = awaited.what();
        self.schema_mismatch(&format!("cannot be used yet: {what}; try again later"))
    }
}
