//! Where the client comes from: one choice, made by type.

use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, SetupError};
use crate::item::lifetime::Touch;
use crate::schema::SessionAttributes;
use crate::store::client::{hurried, timeouts};
use crate::store::handle::{DynamoDbStore, Options, ReadConsistency, Unreadable};

/// Builds a [`DynamoDbStore`]: from one source of a client, and with what else is chosen at run time.
///
/// Exactly one of `client` and `endpoint`, `region` and `from_env` (with the feature `aws-config`),
/// `embedded` and `embedded_at` (with the feature `embedded`) has to be called; none or two of them
/// does not compile.
///
/// A client that is made here, and not given, waits a second for a connection, two for an answer and
/// five in all. It pauses 50 ms at most before it sends a second time, and 100 ms before a third.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called and awaited"]
pub struct Builder<S, C = NoClient> {
    source: C,
    table_name: Option<String>,
    options: Options,
    session: PhantomData<fn(S) -> S>,
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Begins to build a store.
    pub fn builder() -> Builder<S> {
        Builder {
            source: NoClient(()),
            table_name: None,
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

    /// Says when [`touch`](DynamoDbStore::touch) writes; by default, when a tenth of the idle
    /// timeout has passed.
    pub fn touch(mut self, policy: Touch) -> Self {
        self.options.touch = policy;
        self
    }

    /// Says what to make of a session that no longer decodes; by default, an error.
    pub fn unreadable(mut self, policy: Unreadable) -> Self {
        self.options.unreadable = policy;
        self
    }

    /// Says how [`load`](DynamoDbStore::load) reads; by default, consistently.
    pub fn read_consistency(mut self, consistency: ReadConsistency) -> Self {
        self.options.reads = consistency;
        self
    }

    /// Lets loads of one session that come at once share their reads, as the requests of one page do;
    /// by default, each reads by itself.
    ///
    /// Of each session one read at a time is under way, and the loads that come meanwhile share the
    /// next. Each still sees every write that was acknowledged before it came. What fifty requests at
    /// once would pay for fifty times costs two reads, and some of them wait twice as long.
    pub fn share_loads(mut self, share: bool) -> Self {
        self.options.share_loads = share;
        self
    }

    /// Uses a client that is ready. Nothing of its configuration is changed.
    pub fn client(self, client: Client) -> Builder<S, Ready>
    where
        C: NotYetChosen,
    {
        self.from(Ready(client))
    }

    /// Uses DynamoDB at this address, such as DynamoDB Local at `http://127.0.0.1:8000`.
    ///
    /// On loopback it takes placeholders for credentials and us-east-1 for the region; elsewhere
    /// both come from the environment, which needs the feature `aws-config`, and so does `https`.
    pub fn endpoint(self, url: impl Into<String>) -> Builder<S, Endpoint>
    where
        C: NotYetChosen,
    {
        self.from(Endpoint(url.into()))
    }

    /// Uses DynamoDB in this region, with credentials from the environment.
    #[cfg(feature = "aws-config")]
    pub fn region(self, region: impl Into<String>) -> Builder<S, InRegion>
    where
        C: NotYetChosen,
    {
        self.from(InRegion(region.into()))
    }

    /// Uses what the environment says of region, credentials and endpoint: variables, profile
    /// files and instance roles, as AWS's own tools do.
    #[cfg(feature = "aws-config")]
    pub fn from_env(self) -> Builder<S, Environment>
    where
        C: NotYetChosen,
    {
        self.from(Environment(()))
    }

    /// Uses a database of this store's own in this process, in memory, and creates the table.
    #[cfg(feature = "embedded")]
    pub fn embedded(self) -> Builder<S, InMemory>
    where
        C: NotYetChosen,
    {
        self.from(InMemory(()))
    }

    /// Uses a database in this process that is kept in this file, and creates the table if it is
    /// not there yet.
    #[cfg(feature = "embedded")]
    pub fn embedded_at(self, path: impl Into<std::path::PathBuf>) -> Builder<S, InFile>
    where
        C: NotYetChosen,
    {
        self.from(InFile(path.into()))
    }

    fn from<D>(self, source: D) -> Builder<S, D> {
        Builder {
            source,
            table_name: self.table_name,
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
    /// It sends nothing to DynamoDB, but for an embedded database, whose table it creates: call
    /// [`create_table`](DynamoDbStore::create_table) or
    /// [`verify_table`](DynamoDbStore::verify_table) where you want that.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] for an endpoint that is no URL or that needs the feature `aws-config`, and
    /// for an embedded database that cannot be opened or holds another kind of table.
    pub async fn build(self) -> Result<DynamoDbStore<S>, Error>
    where
        C: ClientSource,
    {
        // For schemas that were not made by `checked`; those of the derive were.
        const { S::SCHEMA.checked() };
        let client = self.source.connect().await?;
        let table = self
            .table_name
            .unwrap_or_else(|| S::SCHEMA.table.to_owned());
        let store = DynamoDbStore::new(client, table, self.options);
        if C::OWNS_TABLE {
            store.create_table().await?;
        }
        Ok(store)
    }
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
    Environment(()): "What the environment says: [`Builder::from_env`].",
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
        let url = self.0;
        let parsed: http::Uri = url.parse().map_err(|error| {
            SetupError::with_cause(
                format!("the endpoint `{url}` is no URL; give one such as `http://127.0.0.1:8000`"),
                error,
            )
        })?;
        let (Some(scheme @ ("http" | "https")), Some(host)) = (parsed.scheme_str(), parsed.host())
        else {
            return Err(SetupError::new(format!(
                "the endpoint `{url}` is no http or https URL; give one such as `http://127.0.0.1:8000`"
            ))
            .into());
        };
        if is_loopback(host) && scheme == "http" {
            let http = aws_smithy_http_client::Builder::new().build_http();
            return Ok(Client::from_conf(
                on_loopback(url).http_client(http).build(),
            ));
        }
        elsewhere(url).await
    }
}

/// The configuration of a client on this machine, but for its HTTP client.
pub(crate) fn on_loopback(url: impl Into<String>) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "loopback"))
        .endpoint_url(url)
        .timeout_config(timeouts())
        .retry_config(hurried(RetryConfig::standard()))
}

#[cfg(feature = "aws-config")]
async fn elsewhere(url: String) -> Result<Client, Error> {
    Ok(from_environment(|config| config.endpoint_url(url)).await)
}

/// A client as the environment says. How often it tries is the environment's as well.
#[cfg(feature = "aws-config")]
async fn from_environment(
    more: impl FnOnce(aws_config::ConfigLoader) -> aws_config::ConfigLoader,
) -> Client {
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts());
    let config = more(config).load().await;
    let retry = config.retry_config().cloned();
    let retry = hurried(retry.unwrap_or_else(RetryConfig::standard));
    let config = aws_sdk_dynamodb::config::Builder::from(&config).retry_config(retry);
    Client::from_conf(config.build())
}

#[cfg(not(feature = "aws-config"))]
async fn elsewhere(url: String) -> Result<Client, Error> {
    Err(SetupError::new(format!(
        "the endpoint `{url}` needs credentials from the environment or TLS; switch on the feature \
         `aws-config` of session-store, or give a client that is ready"
    ))
    .into())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
