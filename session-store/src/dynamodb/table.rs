//! The table that requests go to, and all that an operation needs to know of it.

use aws_sdk_dynamodb::Client;
use aws_smithy_async::time::SharedTimeSource;

use crate::item::{Codec, Millis};
use crate::schema::Schema;

pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) codec: Codec,
    clock: SharedTimeSource,
}

impl Table {
    pub(crate) fn new(client: Client, name: String, codec: Codec) -> Self {
        let clock = client.config().time_source().unwrap_or_default();
        Self {
            client,
            name,
            codec,
            clock,
        }
    }

    pub(crate) fn schema(&self) -> &'static Schema {
        self.codec.schema()
    }

    /// The time by the client's time source, and no other clock.
    pub(crate) fn now(&self) -> Millis {
        Millis::of(self.clock.now())
    }
}
