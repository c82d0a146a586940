//! The TTL of the table.

use aws_sdk_dynamodb::types::{TimeToLiveDescription, TimeToLiveSpecification, TimeToLiveStatus};

use crate::dynamodb::incomplete;
use crate::error::{Error, SetupError};
use crate::schema::SessionAttributes;

use super::super::handle::DynamoDbStore;
use super::control::Answer;
use super::waiting::{Awaited, Waiting};

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Enables the TTL. `false` if DynamoDB does not know the table, which may have been deleted meanwhile.
    pub(super) async fn enable_ttl(&self, waiting: &mut Waiting<'_>) -> Result<bool, Error> {
        loop {
            let answer = match self.ttl(waiting).await? {
                Answer::Done(ttl) if is_enabled(&ttl) => return Ok(true),
                Answer::Done(ttl) if is_being_disabled(&ttl) => {
                    return Err(self.ttl_being_disabled());
                }
                Answer::Done(_) => self.update_ttl(waiting).await?,
                refused => refused.map(drop),
            };
            match answer {
                Answer::Done(()) => return Ok(true),
                Answer::Absent(_) => {
                    waiting.pause(Awaited::appearance()).await?;
                    return Ok(false);
                }
                // Another host was first: that it chose the same attribute is left to check. Or the TTL was
                // changed within the last hour, which DynamoDB allows once.
                Answer::InUse(awaited) => waiting.pause(awaited).await?,
            }
        }
    }

    /// Checks that the TTL is enabled on the right attribute.
    pub(super) async fn verify_ttl(&self, waiting: &mut Waiting<'_>) -> Result<(), Error> {
        match self.ttl(waiting).await? {
            Answer::Done(ttl) if is_enabled(&ttl) => Ok(()),
            Answer::Done(ttl) if is_being_disabled(&ttl) => Err(self.ttl_being_disabled()),
            Answer::Absent(error) => Err(error.into()),
            Answer::Done(_) | Answer::InUse(_) => {
                Err(self.schema_mismatch("has no TTL; enable it with `create_table`"))
            }
        }
    }

    /// The TTL of the table; an error if it is on another attribute.
    async fn ttl(&self, waiting: &mut Waiting<'_>) -> Result<Answer<TimeToLiveDescription>, Error> {
        let describe = self
            .client()
            .describe_time_to_live()
            .table_name(self.table_name());
        let described = self.call(waiting, "DescribeTimeToLive", || describe.clone().send());
        let answer = described.await.map_err(of_ttl)?.map(|described| {
            described
                .time_to_live_description
                .unwrap_or_else(|| TimeToLiveDescription::builder().build())
        });
        let Answer::Done(ttl) = &answer else {
            return Ok(answer);
        };
        let wanted = S::SCHEMA.names.expires_at;
        let is_disabled = ttl.time_to_live_status() == Some(&TimeToLiveStatus::Disabled);
        match ttl.attribute_name() {
            Some(other) if other != wanted && !is_disabled => {
                Err(self.schema_mismatch(&format!(
                    "has its TTL on `{other}`, but the session type has it on `{wanted}`; change one of them"
                )))
            }
            _ => Ok(answer),
        }
    }

    async fn update_ttl(&self, waiting: &mut Waiting<'_>) -> Result<Answer<()>, Error> {
        let specification = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(S::SCHEMA.names.expires_at)
            .build()
            .map_err(incomplete)?;
        let update = self
            .client()
            .update_time_to_live()
            .table_name(self.table_name())
            .time_to_live_specification(specification);
        let updated = self.call(waiting, "UpdateTimeToLive", || update.clone().send());
        Ok(updated.await.map_err(of_ttl)?.map(drop))
    }

    fn ttl_being_disabled(&self) -> Error {
        self.schema_mismatch("is having its TTL disabled; try again in an hour")
    }
}

fn is_enabled(ttl: &TimeToLiveDescription) -> bool {
    matches!(
        ttl.time_to_live_status(),
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    )
}

fn is_being_disabled(ttl: &TimeToLiveDescription) -> bool {
    ttl.time_to_live_status() == Some(&TimeToLiveStatus::Disabling)
}

/// An engine may have no operations of the TTL.
fn of_ttl(error: Error) -> Error {
    match error {
        Error::Service(error)
            if matches!(
                error.code(),
                Some(
                    "UnknownOperationException"
                        | "UnsupportedOperation"
                        | "UnsupportedOperationException"
                )
            ) =>
        {
            SetupError::ttl_unsupported(*error).into()
        }
        error => error,
    }
}
