//! A value of any shape.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::enums::{Enums, enums};
use super::json::{Jsons, jsons};
use super::keys::{Keyed, keyed};
use super::scalars::{Scalar, scalar};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Any {
    Scalar(Scalar),
    Keyed(Keyed),
    Enums(Enums),
    Json(Jsons),
}

pub(crate) fn anything() -> BoxedStrategy<Any> {
    // Together they would not fit on the stack of a test.
    prop_oneof![
        3 => scalar().prop_map(Any::Scalar).boxed(),
        2 => keyed().prop_map(Any::Keyed).boxed(),
        3 => enums().prop_map(Any::Enums).boxed(),
        2 => jsons().prop_map(Any::Json).boxed(),
    ]
    .boxed()
}
