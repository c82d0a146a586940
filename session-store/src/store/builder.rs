//! `builder`: where the client comes from, as one choice that the compiler checks.

use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
#[cfg(feature = "aws-config")]
use aws_sdk_dynamodb::config::Region;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::Table;
use crate::error::{Error, SetupError};
use crate::item::{Codec, Touch};
use crate::schema::{Schema, SessionAttributes};

use super::client::at_endpoint;
#[cfg(feature = "aws-config")]
use super::client::from_environment;
use super::handle::{DynamoDbStore, Options, ReadConsistency, Unreadable};

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
    key_prefix: String,
    options: Options,
    session: PhantomData<fn(S) -> S>,
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Begins to build a store.
    pub fn builder() -> Builder<S> {
        Builder {
            source: NoClient(()),
            table_name: None,
            key_prefix: String::new(),
            options: Options::default(),
            session: PhantomData,
        }
    }
}

impl<S, C> Builder<S, C> {
    /// Uses another table than that of the type, since the name can differ by environment.
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
        self.key_prefix = prefix.into();
        self
    }

    /// Says when [`touch`](DynamoDbStore::touch) writes; by default, when a tenth of the idle
    /// timeout has passed.
    pub fn touch(mut self, policy: Touch) -> Self {
        self.options.touch = policy;
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
    /// be: serde writes them and cannot read them. It costs about as much as decoding a load.
    pub fn read_back(mut self, check: bool) -> Self {
        self.options.read_back = check;
        self
    }

    /// Uses a client that is ready. Nothing of its configuration is changed.
    pub fn client(self, client: Client) -> Builder<S, Ready>
    where
        C: NotYetChosen,
    {
        self.with_source(Ready(client))
    }

    /// Uses DynamoDB at this address, such as DynamoDB Local at `http://127.0.0.1:8000`.
    ///
    /// On loopback it takes placeholders for credentials and us-east-1 for the region; elsewhere
    /// both come from the environment, which needs the feature `aws-config`, and so does `https`.
    pub fn endpoint(self, url: impl Into<String>) -> Builder<S, Endpoint>
    where
        C: NotYetChosen,
    {
        self.with_source(Endpoint(url.into()))
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
            key_prefix: self.key_prefix,
            options: self.options,
            session: self.session,
        }
    }
}

impl<S, C> Builder<S, C>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Builds the store.
    ///
    /// It sends no request to DynamoDB: call [`create_table`](DynamoDbStore::create_table) or
    /// [`verify_table`](DynamoDbStore::verify_table) if you want that. Only in an embedded database does it
    /// create the table.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] for a [`Touch::After`] that is not from 0 to 1, for a
    /// [`key_prefix`](Self::key_prefix) with other characters, for an endpoint that is not a URL or that
    /// needs the feature `aws-config`, and for an embedded database that cannot be opened or holds another
    /// kind of table.
    pub async fn build(self) -> Result<DynamoDbStore<S>, Error>
    where
        C: ClientSource,
    {
        // For schemas that were not made by `checked`. The derive calls it.
        const { S::SCHEMA.checked() };
        self.options.touch.check()?;
        let schema = schema_with(S::SCHEMA, &self.key_prefix)?;
        let client = self.source.connect().await?;
        let name = self.table_name;
        let name = name.unwrap_or_else(|| S::SCHEMA.table.to_owned());
        let table = Table::new(client, name, Codec::new(schema));
        let store = DynamoDbStore::new(table, self.options);
        if C::OWNS_TABLE {
            store.create_table().await?;
        }
        Ok(store)
    }
}

/// The schema with a prefix that is given at run time.
fn schema_with(schema: &'static Schema, prefix: &str) -> Result<&'static Schema, SetupError> {
    if Schema::is_deployment_prefix(prefix) {
        return Ok(schema.with_key_prefix(prefix));
    }
    Err(SetupError::new(format!(
        "the key prefix `{prefix}` cannot be used; give at most 64 of the characters a-z, A-Z, 0-9, `_`, \
         `-`, `.`, `:` and `/`"
    )))
}

/// No source of a client is chosen yet.
#[derive(Debug)]
pub struct NoClient(());

/// The builder's state before a source of a client is chosen.
#[diagnostic::on_unimplemented(
    message = "this builder already has its client",
    label = "a second source of a client",
    note = "call only one of `client`, `region`, `endpoint`, `from_env`, `embedded` and `embedded_at`"
)]
pub trait NotYetChosen: sealed::Sealed {}

impl NotYetChosen for NoClient {}

/// A source of a client that a builder can have.
#[diagnostic::on_unimplemented(
    message = "this builder has no client yet",
    label = "cannot build a store without a client",
    note = "call one of `client`, `region`, `endpoint`, `from_env`, `embedded` and `embedded_at` before `build`"
)]
pub trait ClientSource: sealed::Connect {}

mod sealed {
    use super::{Client, Error};

    pub trait Sealed {}

    pub trait Connect: Sealed + Send {
        /// Whether the database is this store's alone, so that the store makes its table.
        const OWNS_TABLE: bool = false;

        fn connect(self) -> impl Future<Output = Result<Client, Error>> + Send;
    }
}

impl sealed::Sealed for NoClient {}

macro_rules! sources {
    ($($(#[cfg($feature:meta)])? $source:ident($inner:ty): $what:literal,)*) => {$(
        #[doc = $what]
        #[derive(Debug)]
        $(#[cfg($feature)])?
        pub struct $source($inner);

        $(#[cfg($feature)])?
        impl sealed::Sealed for $source {}

        $(#[cfg($feature)])?
        impl ClientSource for $source {}
    )*};
}

sources! {
    Ready(Client): "A client that is ready: [`Builder::client`].",
    Endpoint(String): "An address: [`Builder::endpoint`].",
    #[cfg(feature = "aws-config")]
    InRegion(String): "A region of AWS: [`Builder::region`].",
    #[cfg(feature = "aws-config")]
    Environment(()): "The environment: [`Builder::from_env`].",
    #[cfg(feature = "embedded")]
    InMemory(()): "A database in memory: [`Builder::embedded`].",
    #[cfg(feature = "embedded")]
    InFile(std::path::PathBuf): "A database in a file: [`Builder::embedded_at`].",
}

impl sealed::Connect for Ready {
    async fn connect(self) -> Result<Client, Error> {
        Ok(self.0)
    }
}

impl sealed::Connect for Endpoint {
    async fn connect(self) -> Result<Client, Error> {
        at_endpoint(self.0).await
    }
}

#[cfg(feature = "aws-config")]
impl sealed::Connect for InRegion {
    async fn connect(self) -> Result<Client, Error> {
        let region = Region::new(self.0);
        Ok(from_environment(|config| config.region(region)).await)
    }
}

#[cfg(feature = "aws-config")]
impl sealed::Connect for Environment {
    async fn connect(self) -> Result<Client, Error> {
        Ok(from_environment(|config| config).await)
    }
}

#[cfg(feature = "embedded")]
impl sealed::Connect for InMemory {
    const OWNS_TABLE: bool = true;

    async fn connect(self) -> Result<Client, Error> {
        Ok(crate::embedded::Embedded::memory().await?.client())
    }
}

#[cfg(feature = "embedded")]
impl sealed::Connect for InFile {
    const OWNS_TABLE: bool = true;

    async fn connect(self) -> Result<Client, Error> {
        Ok(crate::embedded::Embedded::open(self.0).await?.client())
    }
}
