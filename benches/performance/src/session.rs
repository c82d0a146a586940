//! The sessions for the benchmarks: that of the axum example, in each format of `data`.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

/// A session of one of the types below, which differ only in how they are stored.
pub trait Visitor:
    SessionAttributes + Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Logs a user in, with this profile.
    fn log_in(&mut self, user: String, profile: String);
    /// Puts something into the cart.
    fn add(&mut self, line: String);
    /// Adds one to the counter.
    fn count(&mut self);
    /// The profile of the user.
    fn profile(&self) -> Option<&str>;

    /// A session of about this many bytes: half of it in one text, half in the lines of a cart.
    fn of(bytes: usize) -> Self {
        let text = prose(bytes);
        let (lines, profile) = text.split_at(bytes / 2);
        let mut session = Self::default();
        session.log_in("u-17".to_owned(), profile.to_owned());
        for line in lines.as_bytes().chunks(30) {
            session.add(String::from_utf8_lossy(line).into_owned());
        }
        session
    }
}

macro_rules! sessions {
    ($($doc:literal $name:ident: [$($index:tt)+] $(, data = $data:literal)? $(, compress = $compress:literal)?;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(
            table = "app-sessions",
            idle_timeout = "30m",
            absolute_timeout = "12h"
            $(, data = $data)?
            $(, compress = $compress)?
        )]
        #[serde(default)]
        pub struct $name {
            /// The user.
            #[dynamo(attr = "user_id", $($index)+)]
            pub user_id: Option<String>,
            /// The theme of the page.
            pub theme: String,
            /// The content of the cart.
            pub cart: Vec<String>,
            /// The number of forms that were sent.
            pub visits: u64,
            /// The profile of the user.
            pub profile: Option<String>,
        }

        impl Visitor for $name {
            fn log_in(&mut self, user: String, profile: String) {
                self.user_id = Some(user);
                self.profile = Some(profile);
            }

            fn add(&mut self, line: String) {
                self.cart.push(line);
            }

            fn count(&mut self) {
                self.visits += 1;
            }

            fn profile(&self) -> Option<&str> {
                self.profile.as_deref()
            }
        }
    )*};
}

sessions! {
    "A session whose user is found by a consistent index."
    AppSession: [index(consistent, limit = 5)];
    "The same, compressed."
    CompressedSession: [index(consistent, limit = 5)], data = "binary", compress = "zstd";
    "A session whose user is found by a default index, so that each call is one request."
    Plain: [index];
    "The same as bytes."
    Binary: [index], data = "binary";
    "The same compressed."
    Zstd: [index], data = "binary", compress = "zstd";
}

/// A line of a cart.
pub const TEA: &str = "Assam tea, 250 g";

/// A text of this many bytes, the same every time: random words of a small vocabulary, so that zstd
/// compresses 2 KB of it to less than half, like prose.
pub fn prose(bytes: usize) -> String {
    const WORDS: usize = 100;
    let mut random = fastrand::Rng::with_seed(17);
    let words: Vec<String> = (0..WORDS)
        .map(|_| {
            let length = random.usize(2..=9);
            (0..length).map(|_| random.lowercase()).collect()
        })
        .collect();
    let mut text = String::new();
    while text.len() < bytes {
        text += &words[random.usize(..WORDS)];
        text.push(' ');
    }
    text.truncate(bytes);
    text
}
