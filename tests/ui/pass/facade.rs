//! A macro of another crate, which re-exports session-store and is all that its users depend on.

#![deny(warnings)]

session_store_tests::session! {
    #[dynamo(revoke_all, idle_timeout = "30m")]
    #[dynamo(attr = "is_admin", with = AppSession::is_admin)]
    #[dynamo(attr = "first", with = AppSession::first, index, key = u64)]
    pub struct AppSession {
        #[dynamo(attr = "user_id", index(consistent, limit = 2), user)]
        user_id: Option<String>,
        #[dynamo(attr = "team", index(shards = 3))]
        team: u64,
        #[dynamo(attr = "theme")]
        theme: String,
    }
}

impl AppSession {
    fn is_admin(&self) -> bool {
        self.team == 0
    }

    fn first(&self) -> Option<u64> {
        Some(self.team)
    }
}

fn main() {
    let _ = (AppSession::USER_ID, AppSession::FIRST, AppSession::TEAM);
}
