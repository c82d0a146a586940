//! The forms, which are checked when they are read.

use axum::extract::FromRequest;
use serde::Deserialize;
use session_store::SessionHandle;

use crate::error::AppError;
use crate::session::{Role, Theme};

/// The largest body in bytes: a profile in which every byte is percent-encoded, and the rest.
pub(crate) const MAX_BODY: usize = 3 * Profile::MAX + 4096;

/// A form of this type. For a bad form, the response is a page with the reason.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(AppError))]
pub(crate) struct Form<T>(pub(crate) T);

#[derive(Deserialize)]
pub(crate) struct LoginForm {
    pub(crate) user: Text<64>,
    #[serde(default)]
    pub(crate) profile: Profile,
    /// Present if the box is checked.
    pub(crate) remember: Option<String>,
}

/// The user, once more.
#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    pub(crate) user: Text<64>,
}

#[derive(Deserialize)]
pub(crate) struct RenameForm {
    pub(crate) name: Text<40, 0>,
}

#[derive(Deserialize)]
pub(crate) struct CartForm {
    pub(crate) item: Text<100>,
}

#[derive(Deserialize)]
pub(crate) struct ThemeForm {
    pub(crate) theme: Theme,
}

#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    pub(crate) password: String,
}

#[derive(Deserialize)]
pub(crate) struct FindForm {
    pub(crate) user: Text<64>,
}

#[derive(Deserialize)]
pub(crate) struct RoleForm {
    pub(crate) user: Text<64>,
    pub(crate) role: Role,
}

/// One session of the user, or all of them.
#[derive(Deserialize)]
pub(crate) struct EndForm {
    pub(crate) user: Text<64>,
    pub(crate) handle: Option<SessionHandle>,
}

/// Text without space around it, of `MIN` to `MAX` characters.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text<const MAX: usize, const MIN: usize = 1>(String);

impl<const MAX: usize, const MIN: usize> TryFrom<String> for Text<MAX, MIN> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        match text.chars().count() {
            n if (MIN..=MAX).contains(&n) => Ok(Self(text.to_owned())),
            _ => Err(format!("enter {MIN} to {MAX} characters")),
        }
    }
}

impl<const MAX: usize, const MIN: usize> From<Text<MAX, MIN>> for String {
    fn from(text: Text<MAX, MIN>) -> Self {
        text.0
    }
}

/// The profile of a user, if there is one.
#[derive(Default, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Profile(Option<String>);

impl Profile {
    /// In bytes, as DynamoDB counts them.
    const MAX: usize = 64 * 1024;
}

impl TryFrom<String> for Profile {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.len() {
            0 => Ok(Self(None)),
            n if n > Self::MAX => Err("enter at most 64 KB"),
            _ => Ok(Self(Some(text))),
        }
    }
}

impl From<Profile> for Option<String> {
    fn from(profile: Profile) -> Self {
        profile.0
    }
}
