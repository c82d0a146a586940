//! `builder`: the source of the client, and the options that are chosen at run time.

use std::marker::PhantomData;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use tokio::runtime::Handle;

use crate::dynamodb::Table;
use crate::error::{Error, SetupError};
use crate::item::{Codec, Touch};
use crate::schema::{Adjustments, IsIndex, SessionAttributes, SessionData, check_table_name};

#[cfg(feature = "cache")]
use super::cache::{Cache, CacheOption};
use super::handle::{DynamoDbStore, Options, ReadConsistency, Unreadable};
#[cfg(not(feature = "aws-config"))]
use super::source::HasAwsConfig;
#[cfg(not(feature = "embedded"))]
use super::source::HasEmbedded;
use super::source::{Address, ClientSource, Endpoint, NoClient, NotYetChosen, Ready};
#[cfg(feature = "aws-config")]
use super::source::{Environment, InRegion};
#[cfg(feature = "embedded")]
use super::source::{InFile, InMemory};
use super::type_names;

/// Builds a [`DynamoDbStore`] from one source of a client, with the options that are chosen at run time.
///
/// Exactly one of `client` and `endpoint`, `region` and `from_env` (with the feature `aws-config`),
/// `embedded` and `embedded_at` (with the feature `embedded`) has to be called; none or two of them
/// does not compile.
///
/// A client that the builder makes waits one second for a connection, two for an answer, and five in all.
/// It pauses at most 50 ms before the second attempt, and 100 ms before the third.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called and awaited"]
pub struct Builder<S, C = NoClient> {
    source: C,
    table_name: Option<String>,
    adjustments: Adjustments,
    options: Options,
    session: PhantomData<fn(S) -> S>,
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Begins to build a store.
    pub fn builder() -> Builder<S> {
        Builder {
            source: NoClient(()),
            table_name: None,
            adjustments: Adjustments::default(),
            options: Options::default(),
            session: PhantomData,
        }
    }
}

impl<S, C> Builder<S, C> {
    /// Uses another table than that of the type, since the name can differ by environment.
    ///
    /// The name has 3 to 255 of the characters `a-z`, `A-Z`, `0-9`, `_`, `.` and `-`. The ARN of a table does as
    /// well, such as `arn:aws:dynamodb:eu-west-1:111122223333:table/sessions`, in the region of the client.
    pub fn table_name(mut self, name: impl Into<String>) -> Self {
        self.table_name = Some(name.into());
        self
    }

    /// Puts this text before the key of each item, and before the type's own prefix: for a table that several
    /// deployments share, such as tenants or stages. The sessions of one are nothing to another.
    ///
    /// At most 64 of the characters `a-z`, `A-Z`, `0-9`, `_`, `-`, `.`, `:` and `/`. A default index on the
    /// table has the sessions of all deployments, and each lists and revokes its own. To use one prefix
    /// for each user does not scale: the process remembers every prefix that it has used.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.adjustments.key_prefix = prefix.into();
        self
    }

    /// Uses a shorter idle timeout than the type declares, such as for one customer or stage.
    ///
    /// The type stays the upper bound. The timeouts of a store hold for every session that it meets, whatever
    /// store has created it. A session's [own idle timeout](crate::Session::set_idle_timeout) takes its place,
    /// as it does that of the type. The process remembers each combination of such settings that it has used.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.adjustments.idle_timeout = Some(timeout);
        self
    }

    /// Uses a shorter absolute timeout than the type declares, and with it an idle timeout that is no longer.
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.adjustments.absolute_timeout = Some(timeout);
        self
    }

    /// Says when [`touch`](DynamoDbStore::touch) writes; by default, when a tenth of the idle timeout has passed, or a
    /// third for an item of more than 1 KB ([`Touch::BySize`]).
    pub fn touch(mut self, policy: Touch) -> Self {
        self.options.touch = policy;
        self
    }

    /// Keeps sessions in the memory of this host for a few seconds, so that most pages of a visitor read nothing.
    ///
    /// It answers a load whose caller knows which version its client last wrote:
    /// [`load_at_least`](crate::DynamoDbStore::load_at_least), and the layer for axum with a signed cookie, which
    /// carries the version beside the id. So a client never misses its own writes, whichever host took them. A plain
    /// [`load`](crate::DynamoDbStore::load) always reads, and every write keeps its conditions.
    ///
    /// What other hosts did is seen after the time of the cache at most, also that they have ended or revoked a session;
    /// what this host did is seen at once. Idle and absolute timeout count at every use. An absent session is not
    /// kept. Reads that fill the cache are consistent ones.
    #[cfg(feature = "cache")]
    pub fn cache(mut self, cache: Cache) -> Self
    where
        S: SessionData,
    {
        self.options.cache = Some(CacheOption::of::<S>(cache));
        self
    }

    /// Says how to treat a session that cannot be read; by default, the store gives an error, and a
    /// framework treats the visitor as one without a session.
    pub fn unreadable(mut self, policy: Unreadable) -> Self {
        self.options.unreadable = Some(policy);
        self
    }

    /// Says how [`load`](DynamoDbStore::load) reads; by default, consistently.
    pub fn read_consistency(mut self, consistency: ReadConsistency) -> Self {
        self.options.reads = consistency;
        self
    }

    /// Lets loads of one session that come at once share their reads, as the requests of one page do;
    /// by default, each load reads by itself.
    ///
    /// For each session one read at a time is in flight, and the loads that come meanwhile share the next.
    /// Each load still sees every write that was acknowledged before it came. Fifty requests at once cost
    /// two reads instead of fifty, and some of them wait twice as long.
    pub fn share_loads(mut self, share: bool) -> Self {
        self.options.share_loads = share;
        self
    }

    /// Reads each session back before it is written, and refuses one that its type could not read
    /// ([`Error::Encode`]); by default, only in debug builds and with the feature `test-util`.
    ///
    /// It is for types with an untagged or tagged enum, or a `flatten`, in which a map with integer keys can
    /// be: serde writes them and cannot read them. It costs some 230 thousand instructions for
    /// a session of 2 KB in a map, a fifth of what a save takes in the program.
    pub fn read_back(mut self, check: bool) -> Self {
        self.options.read_back = check;
        self
    }

    /// Refuses to make a session larger than this many bytes, names included, as DynamoDB counts them
    /// ([`Error::TooLarge`], and 413 in the layer for axum); by default, DynamoDB's own 400 KB.
    ///
    /// A visitor decides how large a session becomes, and each request of it costs by its size: at 400 KB, a read
    /// is 100 units, and a write 400. A new id, and so a log-in, may exceed it by 4 KB (without a limit, the last
    /// 512 bytes are kept for it), so that a visitor with a full session can log in. A session that is too large
    /// already, as after this limit was lowered, can be read, ended, and made smaller.
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.options.max_size = Some(bytes);
        self
    }

    /// Asks DynamoDB for the capacity units of each request (`ReturnConsumedCapacity`), and puts them into the
    /// span of the request and into the metrics. It adds some 60 bytes to each answer, and no cost.
    pub fn report_capacity(mut self) -> Self {
        self.options.reports_capacity = true;
        self
    }

    /// Uses a client that is ready.
    ///
    /// Nothing of its configuration is changed but this: an answer that is empty, is not in DynamoDB's format, or
    /// does not have its checksum (`x-amz-crc32`) is an error, and the request is sent again after it, as often as
    /// the configuration says; so is a transaction that is cancelled by throttling. For that the store makes a client
    /// of its own from the configuration. If the configuration names no HTTP client, the two do not share their
    /// connections.
    pub fn client(self, client: Client) -> Builder<S, Ready>
    where
        C: NotYetChosen,
    {
        self.with_source(Ready(client))
    }

    /// Uses DynamoDB at this address, such as DynamoDB Local at `http://127.0.0.1:8000`.
    ///
    /// On loopback it takes placeholders for credentials and us-east-1 for the region. Elsewhere both come from the
    /// environment, which needs the feature `aws-config`, and so does `https`; or call
    /// [`local_credentials`](Self::local_credentials) next.
    pub fn endpoint(self, url: impl Into<String>) -> Builder<S, Endpoint>
    where
        C: NotYetChosen,
    {
        self.with_source(Endpoint(Address {
            url: url.into(),
            local_credentials: false,
        }))
    }

    /// Uses DynamoDB in this region, with credentials from the environment.
    #[cfg(feature = "aws-config")]
    pub fn region(self, region: impl Into<String>) -> Builder<S, InRegion>
    where
        C: NotYetChosen,
    {
        self.with_source(InRegion(region.into()))
    }

    /// Takes region, credentials and endpoint from the environment: variables, profile files and
    /// instance roles, as AWS's own tools do.
    #[cfg(feature = "aws-config")]
    pub fn from_env(self) -> Builder<S, Environment>
    where
        C: NotYetChosen,
    {
        self.with_source(Environment(()))
    }

    /// Uses a new database in this process, in memory, and creates the table.
    #[cfg(feature = "embedded")]
    pub fn embedded(self) -> Builder<S, InMemory>
    where
        C: NotYetChosen,
    {
        self.with_source(InMemory(()))
    }

    /// Uses a database in this process that is kept in this file, and creates the table if it does not
    /// exist.
    ///
    /// The file is closed with the last clone of the stores that use it. To close it before, see
    /// [`Embedded::close`](crate::embedded::Embedded::close).
    #[cfg(feature = "embedded")]
    pub fn embedded_at(self, path: impl Into<std::path::PathBuf>) -> Builder<S, InFile>
    where
        C: NotYetChosen,
    {
        self.with_source(InFile(path.into()))
    }

    fn with_source<D>(self, source: D) -> Builder<S, D> {
        Builder {
            source,
            table_name: self.table_name,
            adjustments: self.adjustments,
            options: self.options,
            session: self.session,
        }
    }
}

// The sources whose feature is off: to call one is a compile error that names the feature. Each returns a
// builder that has its client, so that `build` is not a second error.
#[cfg(not(feature = "aws-config"))]
#[doc(hidden)]
impl<S, C> Builder<S, C> {
    pub fn region(self, _: impl Into<String>) -> Builder<S, Ready>
    where
        C: NotYetChosen + HasAwsConfig,
    {
        unreachable!("no builder has the feature")
    }

    pub fn from_env(self) -> Builder<S, Ready>
    where
        C: NotYetChosen + HasAwsConfig,
    {
        unreachable!("no builder has the feature")
    }
}

#[cfg(not(feature = "embedded"))]
#[doc(hidden)]
impl<S, C> Builder<S, C> {
    pub fn embedded(self) -> Builder<S, Ready>
    where
        C: NotYetChosen + HasEmbedded,
    {
        unreachable!("no builder has the feature")
    }

    pub fn embedded_at(self, _: impl Into<std::path::PathBuf>) -> Builder<S, Ready>
    where
        C: NotYetChosen + HasEmbedded,
    {
        unreachable!("no builder has the feature")
    }
}

impl<S> Builder<S, Endpoint> {
    /// Takes placeholders for credentials and us-east-1 for the region at any address, and not on loopback alone:
    /// for DynamoDB Local in a container, such as at `http://dynamodb:8000`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # #[dynamo(idle_timeout = "30m")]
    /// # struct AppSession {
    /// #     visits: u64,
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let builder = DynamoDbStore::<AppSession>::builder().endpoint("http://dynamodb:8000");
    /// let store = builder.local_credentials().build().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It needs neither TLS nor the feature `aws-config`. An `https` endpoint is refused by [`build`](Self::build).
    pub fn local_credentials(mut self) -> Self {
        self.source.0.local_credentials = true;
        self
    }
}

impl<S: SessionAttributes, C> Builder<S, C> {
    /// Allows fewer sessions of one value than the type declares for this consistent index, such as by the
    /// customer's plan: `.limit(AppSession::USER_ID, 1)`. It holds from the next log-in on.
    pub fn limit<I: IsIndex<S>>(mut self, index: I, sessions: u32) -> Self {
        let name = index.attribute().name();
        let limits = &mut self.adjustments.limits;
        limits.retain(|(other, _)| *other != name);
        limits.push((name, sessions));
        limits.sort_unstable();
        self
    }
}

impl<S, C> Builder<S, C>
where
    S: SessionData,
{
    /// Builds the store.
    ///
    /// It sends no request to DynamoDB: call [`create_table`](DynamoDbStore::create_table) or
    /// [`verify_table`](DynamoDbStore::verify_table) if you want that. Only in an embedded database does it
    /// create the table.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] without a tokio runtime, which the SDK needs, for a [`Touch::After`] that is not from 0 to 1, for a
    /// [`max_size`](Self::max_size) below 1024, for a [`table_name`](Self::table_name) or a
    /// [`key_prefix`](Self::key_prefix) with other characters, for timeouts and limits above those of the type, for a
    /// region with other characters, for an endpoint that is not a URL or that needs the feature `aws-config`, for
    /// an embedded database that cannot be opened or holds another kind of table, and for two structs of one name that
    /// this process would store in one table, if neither declares its name (`type_name`).
    pub async fn build(self) -> Result<DynamoDbStore<S>, Error>
    where
        C: ClientSource,
    {
        // For schemas that were not made by `checked`. The derive calls it.
        const { S::SCHEMA.checked() };
        if let Err(error) = Handle::try_current() {
            let text = "no tokio runtime runs here; build the store inside of one, such as under `#[tokio::main]`";
            return Err(SetupError::with_cause(text, error).into());
        }
        self.options.touch.check()?;
        #[cfg(feature = "cache")]
        if let Some(cache) = &self.options.cache {
            cache.settings.check()?;
        }
        if let Some(max_size @ ..1024) = self.options.max_size {
            let text = format!("a session needs more than {max_size} bytes; give at least 1024");
            return Err(SetupError::new(text).into());
        }
        let schema = S::SCHEMA.adjusted(&self.adjustments)?;
        let name = self.table_name;
        let name = name.unwrap_or_else(|| S::SCHEMA.table.to_owned());
        check_table_name(&name)?;
        if let Some(place) = self.source.place() {
            type_names::claim::<S>(place, &name, schema)?;
        }
        let client = self.source.connect().await?;
        let codec = match self.options.max_size {
            Some(max_size) => Codec::new(schema).with_max_size(max_size),
            None => Codec::new(schema),
        };
        let table = Table::new(client, name, codec);
        let table = table.reporting_capacity(self.options.reports_capacity);
        let store = DynamoDbStore::new(table, self.options);
        if C::OWNS_TABLE {
            store.create_table().await?;
            store.own_table().await;
        }
        Ok(store)
    }
}
