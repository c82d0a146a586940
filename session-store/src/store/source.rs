//! Where a builder's client comes from, as one choice that the compiler checks.

use aws_sdk_dynamodb::Client;
#[cfg(feature = "aws-config")]
use aws_sdk_dynamodb::config::Region;

use crate::error::Error;
#[cfg(feature = "aws-config")]
use crate::error::SetupError;

use super::client::at_endpoint;
#[cfg(feature = "aws-config")]
use super::client::from_environment;

/// No source of a client is chosen yet.
#[derive(Debug)]
pub struct NoClient(pub(super) ());

/// The builder's state before a source of a client is chosen.
#[diagnostic::on_unimplemented(
    message = "this builder already has its client",
    label = "a second source of a client",
    note = "call only one of `client`, `region`, `endpoint`, `from_env`, `embedded` and `embedded_at`"
)]
pub trait NotYetChosen: sealed::Sealed {}

impl NotYetChosen for NoClient {}

/// The builder's state with the feature `aws-config`. No state has it while the feature is off.
#[cfg(not(feature = "aws-config"))]
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`region` and `from_env` need the feature `aws-config` of session-store",
    label = "needs the feature `aws-config`",
    note = "switch it on in Cargo.toml: `session-store = {{ version = \"0.1\", features = [\"aws-config\"] }}`",
    note = "without it, call `client` with a client that is ready, or `endpoint`"
)]
pub trait HasAwsConfig {}

/// The builder's state with the feature `embedded`. No state has it while the feature is off.
#[cfg(not(feature = "embedded"))]
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`embedded` and `embedded_at` need the feature `embedded` of session-store",
    label = "needs the feature `embedded`",
    note = "switch it on in Cargo.toml: `session-store = {{ version = \"0.1\", features = [\"embedded\"] }}`"
)]
pub trait HasEmbedded {}

/// A source of a client that a builder can have.
#[diagnostic::on_unimplemented(
    message = "this builder has no client yet",
    label = "cannot build a store without a client",
    note = "call one of `client`, `region`, `endpoint`, `from_env`, `embedded` and `embedded_at` before `build`"
)]
pub trait ClientSource: sealed::Connect {}

pub(super) mod sealed {
    use super::{Client, Error};

    pub trait Sealed {}

    pub trait Connect: Sealed + Send {
        /// Whether the database is this store's alone, so that the store makes its table.
        const OWNS_TABLE: bool = false;

        /// Where its table is, as far as it tells: two stores of one place and table name can be on one table. `None` if
        /// no other store can be there.
        fn place(&self) -> Option<String>;

        fn connect(self) -> impl Future<Output = Result<Client, Error>> + Send;
    }
}

impl sealed::Sealed for NoClient {}

macro_rules! sources {
    ($($(#[cfg($feature:meta)])? $source:ident($inner:ty): $what:literal,)*) => {$(
        #[doc = $what]
        #[derive(Debug)]
        $(#[cfg($feature)])?
        pub struct $source(pub(super) $inner);

        $(#[cfg($feature)])?
        impl sealed::Sealed for $source {}

        $(#[cfg($feature)])?
        impl ClientSource for $source {}
    )*};
}

sources! {
    Ready(Client): "A client that is ready: [`Builder::client`](super::Builder::client).",
    Endpoint(Address): "An address: [`Builder::endpoint`](super::Builder::endpoint).",
    #[cfg(feature = "aws-config")]
    InRegion(String): "A region of AWS: [`Builder::region`](super::Builder::region).",
    #[cfg(feature = "aws-config")]
    Environment(()): "The environment: [`Builder::from_env`](super::Builder::from_env).",
    #[cfg(feature = "embedded")]
    InMemory(()): "A database in memory: [`Builder::embedded`](super::Builder::embedded).",
    #[cfg(feature = "embedded")]
    InFile(std::path::PathBuf): "A database in a file: [`Builder::embedded_at`](super::Builder::embedded_at).",
}

#[derive(Debug)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) local_credentials: bool,
}

impl sealed::Connect for Ready {
    fn place(&self) -> Option<String> {
        let config = self.0.config();
        Some(format!("{:?} {:?}", config.region(), config.http_client()))
    }

    async fn connect(self) -> Result<Client, Error> {
        Ok(self.0)
    }
}

impl sealed::Connect for Endpoint {
    fn place(&self) -> Option<String> {
        Some(self.0.url.clone())
    }

    async fn connect(self) -> Result<Client, Error> {
        at_endpoint(self.0.url, self.0.local_credentials).await
    }
}

/// The region becomes a part of the name of a host.
#[cfg(feature = "aws-config")]
fn check_region(region: &str) -> Result<(), SetupError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !region.is_empty() && region.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(SetupError::new(format!(
        "`{region}` cannot be a region; give one such as `eu-west-1`"
    )))
}

#[cfg(feature = "aws-config")]
impl sealed::Connect for InRegion {
    fn place(&self) -> Option<String> {
        Some(self.0.clone())
    }

    async fn connect(self) -> Result<Client, Error> {
        check_region(&self.0)?;
        let region = Region::new(self.0);
        Ok(from_environment(|config| config.region(region)).await)
    }
}

#[cfg(feature = "aws-config")]
impl sealed::Connect for Environment {
    fn place(&self) -> Option<String> {
        Some(String::new())
    }

    async fn connect(self) -> Result<Client, Error> {
        Ok(from_environment(|config| config).await)
    }
}

#[cfg(feature = "embedded")]
impl sealed::Connect for InMemory {
    const OWNS_TABLE: bool = true;

    fn place(&self) -> Option<String> {
        None
    }

    async fn connect(self) -> Result<Client, Error> {
        Ok(crate::embedded::Embedded::memory().await?.client())
    }
}

#[cfg(feature = "embedded")]
impl sealed::Connect for InFile {
    const OWNS_TABLE: bool = true;

    fn place(&self) -> Option<String> {
        Some(self.0.display().to_string())
    }

    async fn connect(self) -> Result<Client, Error> {
        Ok(crate::embedded::Embedded::open(self.0).await?.client())
    }
}

#[cfg(all(test, feature = "aws-config"))]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_part_of_a_name_of_a_host() {
        for region in ["eu-west-1", "us-gov-east-1", "local"] {
            assert!(check_region(region).is_ok(), "{region}");
        }
        for region in ["", " ", "eu west", "eu-west-1\n", "evil.example/", "größe"] {
            assert!(check_region(region).is_err(), "{region}");
        }
    }
}
