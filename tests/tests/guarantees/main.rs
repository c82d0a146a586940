//! The tests of each guarantee, by its number, on the engine that `SESSION_STORE_ENDPOINT` chooses.

#[macro_use]
mod formats;

mod across;
mod by_handle;
mod g01_no_resurrection;
mod g01_revoke_all;
mod g02_no_ghosts;
mod g03_no_lost_updates;
mod g03_removed_entries;
mod g04_another_user;
mod g04_forgotten;
mod g04_unknown_data;
mod g05_expired_is_absent;
mod g06_authentication;
mod g06_own_timeouts;
mod g06_timeouts;
mod g07_atomic_id;
mod g07_dropped;
mod g08_secret_ids;
mod g08_secret_values;
mod g09_consistent_index;
mod g09_default_index;
mod g09_key_types;
mod g09_limits;
mod g09_sharded_index;
mod g10_failed_reads;
mod g11_known_before_the_call;
mod g11_max_size;
mod g11_sizes;
mod g12_no_control_plane;
mod g13_late_answers;
mod g13_retried_writes;
mod g13_torn_answers;
mod g14_known_cost;
mod g15_cases;
mod g15_entries;
mod g15_serde_in_macros;
mod g16_cases;
mod g16_earlier_rosters;
mod g16_keys;
mod g16_one_type;
mod g16_two_structs;
mod g17_cases;
mod g17_ending;
mod g17_limits;
mod g17_many_new_ids;
mod g17_revocation;
mod g18_answered;
mod g19_deploys;
mod g20_cache;
mod g20_cases;
mod g20_memory;
mod g20_updates;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use session_store::{SessionAttributes, as_string_set};

/// The session of most tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[dynamo(attr = "tenant", index)]
    tenant: Option<u64>,
    #[dynamo(attr = "roles", with = as_string_set)]
    roles: BTreeSet<String>,
    theme: String,
    cart: Vec<Line>,
    visits: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Line {
    sku: String,
    qty: u32,
}

impl App {
    fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            ..Self::default()
        }
    }
}
