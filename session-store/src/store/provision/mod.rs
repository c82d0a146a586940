//! `create_table` and `verify_table`. Nothing else calls DynamoDB's control plane (G12).

mod condition;
mod control;
mod definition;
mod mismatch;
mod ttl;
mod waiting;

use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, TableDescription,
};

use crate::dynamodb::incomplete;
use crate::error::Error;
use crate::schema::{Attribute, SessionAttributes, is_table_arn};

use self::condition::{Condition, is_being_deleted, progress};
use self::control::Answer;
use self::definition::{definitions, global_indexes, index_keys, indexes, keys_only, table_keys};
use self::waiting::{Awaited, Waiting};
use super::handle::DynamoDbStore;

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Creates the table, its indexes and its TTL, and waits until all of them can be used.
    ///
    /// It keeps everything that exists and fits, and adds everything that is missing. An index that it adds to a table
    /// with sessions lacks those that do not have its attribute yet, until [`reindex`](Self::reindex) is run. A new
    /// table is billed on demand. A table that is named by its ARN is asked for first, since not every engine creates
    /// a table by an ARN.
    ///
    /// # Many hosts
    ///
    /// Any number of hosts can call it at once, also with several session types of one table: a table, index or TTL
    /// that another host makes is waited for. Only the indexes of this type count. A table that is being deleted is
    /// made anew when it is gone, and so is an index.
    ///
    /// # Waiting
    ///
    /// It waits when DynamoDB throttles it, and when DynamoDB refuses a change because of another one: of this table,
    /// or of too many tables at once. It gives up
    ///
    /// - after 10 minutes in which no status of the table or of an index has changed;
    /// - after 24 hours in all. An index that DynamoDB fills or deletes is waited for as long as that. A large table
    ///   takes hours; put a time-out around the call if that is too long. DynamoDB goes on filling the index;
    /// - after a minute without an answer, or in which DynamoDB answers that it has failed; after 3 seconds if it has
    ///   never answered, since then the endpoint may be wrong.
    ///
    /// After each of them, it can be called again, and goes on from there.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`]
    ///
    /// - if a table of this name exists and does not fit, or its TTL is being disabled;
    /// - if the status of the table is `INACCESSIBLE_ENCRYPTION_CREDENTIALS`, `ARCHIVING` or `ARCHIVED`;
    /// - if it is a global table with multi-Region strong consistency, which has no transactions and no TTL;
    /// - if the engine has no TTL ([`is_ttl_unsupported`](crate::SetupError::is_ttl_unsupported)), in which case
    ///   everything else is ready;
    /// - if the wait was too long. It says what for.
    ///
    /// [`Error::Service`], also for an outage that was too long.
    pub async fn create_table(&self) -> Result<(), Error> {
        self.observe("create_table", self.set_up()).await
    }

    async fn set_up(&self) -> Result<(), Error> {
        let mut waiting = Waiting::new(self.table_name());
        loop {
            if self.make_table(&mut waiting).await? {
                self.know_all_indexes_complete();
            }
            if self.enable_ttl(&mut waiting).await? {
                return Ok(());
            }
        }
    }

    /// Checks that the table has the keys, indexes and TTL that the type needs, and that all of them can be used.
    ///
    /// It sends two requests, `DescribeTable` and `DescribeTimeToLive`, and changes nothing. If DynamoDB throttles
    /// them or fails, it sends them again, within the bounds of [`create_table`](Self::create_table). The indexes of
    /// other types do not count. A global table with eventual consistency fits: the guarantees hold within one
    /// Region.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] with the first difference, or with the status of a table or index that cannot be used, or if
    /// the engine has no TTL ([`is_ttl_unsupported`](crate::SetupError::is_ttl_unsupported)); [`Error::Service`].
    pub async fn verify_table(&self) -> Result<(), Error> {
        self.observe("verify_table", self.verify()).await
    }

    async fn verify(&self) -> Result<(), Error> {
        let mut waiting = Waiting::new(self.table_name());
        let table = match self.describe(&mut waiting).await? {
            Answer::Done(table) => table,
            Answer::Absent(error) => return Err(error.into()),
            Answer::InUse(awaited) => return Err(self.not_ready(&awaited)),
        };
        match Condition::of(S::SCHEMA, &table)? {
            Condition::Ready => self.verify_ttl(&mut waiting).await,
            Condition::Pending(awaited) => Err(self.not_ready(&awaited)),
            Condition::Lacks { index, .. } => {
                let name = index.index_name().unwrap_or_default();
                let lacks = format!("has no index `{name}`; add it with `create_table`");
                Err(self.schema_mismatch(&lacks))
            }
        }
    }

    /// Creates the table and its indexes, and waits until they can be used. Whether this call has created the table.
    async fn make_table(&self, waiting: &mut Waiting<'_>) -> Result<bool, Error> {
        let create = self.creation()?;
        let mut is_new = false;
        // Not every engine creates a table by its ARN.
        let mut is_absent = !is_table_arn(self.table_name());
        loop {
            let mut refused = None;
            if is_absent {
                let created = self.call(waiting, "CreateTable", || create.clone().send());
                match created.await? {
                    Answer::Done(_) => is_new = true,
                    // It exists, or is being deleted, or too many others are being created.
                    Answer::InUse(awaited) => refused = Some(awaited),
                    Answer::Absent(error) => return Err(error.into()),
                }
            }
            let awaited = match self.describe(waiting).await? {
                Answer::Done(table) => {
                    is_absent = false;
                    is_new &= !is_being_deleted(&table);
                    waiting.saw(progress(&table));
                    match self.next_step(waiting, &table).await? {
                        None => return Ok(is_new),
                        Some(awaited) => awaited,
                    }
                }
                // It is gone by now, or DynamoDB does not know a new table for a moment. Then it is refused once more.
                Answer::Absent(_) => {
                    is_absent = true;
                    waiting.saw("absent".to_owned());
                    refused.unwrap_or_else(Awaited::appearance)
                }
                Answer::InUse(awaited) => awaited,
            };
            waiting.pause(awaited).await?;
        }
    }

    /// Adds an index that the table lacks. The state that is to be waited for; `None` if everything is ready.
    async fn next_step(
        &self,
        waiting: &mut Waiting<'_>,
        table: &TableDescription,
    ) -> Result<Option<Awaited>, Error> {
        match Condition::of(S::SCHEMA, table)? {
            Condition::Ready => Ok(None),
            Condition::Pending(awaited) => Ok(Some(awaited)),
            Condition::Lacks {
                until: Some(awaited),
                ..
            } => Ok(Some(awaited)),
            Condition::Lacks { index, until: None } => {
                self.add_index(waiting, index).await.map(Some)
            }
        }
    }

    /// Asks for an index, unless another host is changing the table. Most likely that one adds it too.
    async fn add_index(
        &self,
        waiting: &mut Waiting<'_>,
        index: &Attribute,
    ) -> Result<Awaited, Error> {
        let addition = self.addition(index)?;
        let added = self.call(waiting, "UpdateTable", || addition.clone().send());
        Ok(match added.await? {
            Answer::Done(_) => {
                Awaited::index(&index.index_name().unwrap_or_default(), "not there yet")
            }
            Answer::InUse(awaited) => awaited,
            // It was deleted meanwhile.
            Answer::Absent(_) => Awaited::appearance(),
        })
    }

    async fn describe(&self, waiting: &mut Waiting<'_>) -> Result<Answer<TableDescription>, Error> {
        let describe = self.client().describe_table().table_name(self.table_name());
        let described = self.call(waiting, "DescribeTable", || describe.clone().send());
        Ok(described.await?.map(|described| {
            described
                .table
                .unwrap_or_else(|| TableDescription::builder().build())
        }))
    }

    fn creation(&self) -> Result<CreateTableFluentBuilder, Error> {
        let schema = S::SCHEMA;
        Ok(self
            .client()
            .create_table()
            .table_name(self.table_name())
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(definitions(schema, indexes(schema))?))
            .set_key_schema(Some(table_keys(schema)?))
            .set_global_secondary_indexes(global_indexes(schema)?))
    }

    fn addition(&self, index: &Attribute) -> Result<UpdateTableFluentBuilder, Error> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .set_index_name(index.index_name())
            .set_key_schema(Some(index_keys(S::SCHEMA, index)?))
            .projection(keys_only())
            .build()
            .map_err(incomplete)?;
        Ok(self
            .client()
            .update_table()
            .table_name(self.table_name())
            .set_attribute_definitions(Some(definitions(S::SCHEMA, std::iter::once(index))?))
            .global_secondary_index_updates(
                GlobalSecondaryIndexUpdate::builder().create(create).build(),
            ))
    }
}
