//! The users: a table in memory, as axum-login needs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum_login::{AuthUser, AuthnBackend};
use serde::Deserialize;
use tokio::task::{JoinError, spawn_blocking};

/// A user, without the hash of the password, which stays in the table.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) name: String,
    /// The number of this password, counted from the first.
    credential: [u8; 8],
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }

    /// A session that began with another password has ended: axum-login keeps this value in each session,
    /// and compares it. So a log-in has no effect if it has checked the old password, and stores its
    /// session after the others were ended.
    ///
    /// The number is as good as the hash of the password for this, and reveals nothing to a reader of the
    /// sessions.
    fn session_auth_hash(&self) -> &[u8] {
        &self.credential
    }
}

/// A log-in form.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// The table of users.
#[derive(Clone)]
pub struct Users {
    table: Arc<Mutex<HashMap<String, Row>>>,
    /// A hash without a password, so that an unknown name takes as long as a wrong password.
    dummy_hash: Arc<str>,
}

#[derive(Clone)]
struct Row {
    hash: String,
    credential: u64,
}

impl Users {
    /// A table with these names and passwords.
    pub fn new<'a>(users: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let row = |(name, password): (&str, &str)| {
            let hash = password_auth::generate_hash(password);
            (
                name.to_owned(),
                Row {
                    hash,
                    credential: 1,
                },
            )
        };
        Self {
            table: Arc::new(Mutex::new(users.into_iter().map(row).collect())),
            dummy_hash: password_auth::generate_hash("").into(),
        }
    }

    /// Gives a user another password, if `current` is correct.
    pub(crate) async fn change_password(
        &self,
        current: Credentials,
        new: String,
    ) -> Result<Option<User>, JoinError> {
        let name = current.user.clone();
        let Some(checked) = self.authenticate(current).await? else {
            return Ok(None);
        };
        let hash = spawn_blocking(|| password_auth::generate_hash(new)).await?;
        let mut table = self.table();
        // If two parallel changes have the same old password, the first wins.
        let row = table
            .get_mut(&name)
            .filter(|row| row.user(&name).credential == checked.credential);
        Ok(row.map(|row| {
            *row = Row {
                hash,
                credential: row.credential + 1,
            };
            row.user(&name)
        }))
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn user(&self, name: &str) -> User {
        User {
            name: name.to_owned(),
            credential: self.credential.to_be_bytes(),
        }
    }
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = JoinError;

    async fn authenticate(&self, given: Credentials) -> Result<Option<User>, JoinError> {
        let row = self.table().get(&given.user).cloned();
        let hash = row
            .as_ref()
            .map_or_else(|| self.dummy_hash.to_string(), |row| row.hash.clone());
        // It takes some tens of milliseconds, on purpose, so it runs on a thread that may block.
        let password = given.password;
        let verify = move || password_auth::verify_password(password, &hash).is_ok();
        let verified = spawn_blocking(verify).await?;
        Ok(row.filter(|_| verified).map(|row| row.user(&given.user)))
    }

    async fn get_user(&self, name: &String) -> Result<Option<User>, JoinError> {
        Ok(self.table().get(name).map(|row| row.user(name)))
    }
}
