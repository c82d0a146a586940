//! The sources of a client whose feature is off. To call one is a compile error that names the feature.

use super::builder::Builder;
use super::source::{NotYetChosen, Ready};

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

// Each returns a builder that could go on, so that `build` is no second error.
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
