//! Compares the items in the table with the reports of the process.

use std::collections::BTreeMap;

use session_store::{DynamoDbStore, SessionId};
use session_store_tests::{Item, endpoint};

use crate::known::{Known, State, read};
use crate::process::Begun;
use crate::{App, Counts, items};

/// G9: every session whose id is known is in the roster of its owner, and in no other. Rosters without
/// entries are removed, so that the table stays small.
async fn check_rosters(
    store: &DynamoDbStore<App>,
    rosters: &[Item],
    sessions: &[Item],
    known: &BTreeMap<u64, Known>,
) {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for roster in rosters {
        let owner = roster["id"]
            .as_s()
            .unwrap()
            .strip_prefix("#owner#")
            .and_then(|owner| owner.strip_suffix("#N#App"))
            .unwrap();
        for handle in roster["m"].as_m().unwrap().keys() {
            named.entry(handle).or_default().push(owner);
        }
    }
    for item in sessions {
        let session = read(item);
        let handle = item["id"].as_s().unwrap();
        let owner = session.app.owner.to_string();
        let found = named.remove(&**handle).unwrap_or_default();
        let is_new = matches!(
            known.get(&session.app.serial).map(|known| &known.begun),
            Some(Some(Begun::Create(_)))
        );
        // The check before this one has ended the session of a late `create` of an earlier process.
        let is_late = known
            .get(&session.app.serial)
            .is_some_and(|known| known.late.is_some());
        if !((is_new || is_late) && found.is_empty()) {
            assert_eq!(found, [owner], "{item:?}");
        }
    }
    let alive = |roster: &&Item| {
        let mut handles = roster["m"].as_m().unwrap().keys();
        handles.any(|handle| sessions.iter().any(|item| item["id"].as_s() == Ok(handle)))
    };
    for roster in rosters.iter().filter(|roster| !alive(roster)) {
        let delete = store.client().delete_item().table_name(store.table_name());
        delete.key("id", roster["id"].clone()).send().await.unwrap();
    }
}

/// Compares all items with all reports, and settles the operations that had begun.
pub(crate) async fn check(
    store: &DynamoDbStore<App>,
    known: &mut BTreeMap<u64, Known>,
    now: u64,
    counts: &mut Counts,
) {
    let mut found: BTreeMap<u64, State> = BTreeMap::new();
    let (rosters, sessions): (Vec<_>, Vec<_>) = items(store)
        .await
        .into_iter()
        // Without the marks that changes of ids leave.
        .filter(|item| !item.contains_key("moved_to"))
        .partition(|item| item.contains_key("m"));
    check_rosters(store, &rosters, &sessions, known).await;
    for item in sessions {
        let state = read(&item);
        let twice = found.insert(state.app.serial, state);
        assert!(twice.is_none(), "two ids are valid: {twice:?}, {item:?}");
    }
    for (serial, known) in known.iter_mut() {
        let is = found.remove(serial);
        let same = |a: &Option<State>, b: &Option<State>| match (a, b) {
            (Some(a), Some(b)) => {
                let unknown = a.handle.is_none();
                State {
                    handle: b.handle,
                    ..a.clone()
                } == *b
                    && (unknown || a.handle == b.handle)
            }
            (None, None) => true,
            _ => false,
        };
        if let Some(late) = is
            .as_ref()
            .filter(|_| known.state.is_none() && same(&known.late, &is))
        {
            let ended = store.revoke_handle(&late.handle.unwrap()).await.unwrap();
            assert_eq!(ended.deleted(), 1);
            known.late = None;
            continue;
        }
        if known.begun.is_none() {
            assert!(same(&known.state, &is), "{known:?}, but found {is:?}");
            continue;
        }
        let after = known.after(now);
        let id_changes = matches!(known.begun, Some(Begun::Cycle(_)));
        if same(&known.state, &is) {
            counts.interrupted_and_not_done += 1;
            let puts = matches!(known.begun, Some(Begun::Create(_) | Begun::Cycle(_)));
            known.late = after.filter(|_| puts && endpoint().is_some());
        } else {
            assert!(same(&after, &is), "{known:?}, but found {is:?}");
            counts.interrupted_and_done += 1;
            if id_changes {
                let (old, new) = (known.state.as_ref().unwrap(), is.as_ref().unwrap());
                assert_ne!(old.handle, new.handle);
            }
        }
        // An engine in another process may still carry out an operation that had begun. So this ends the
        // session: later writes are refused, and a later put has a known id. A new id that was never
        // reported is of no use.
        let id_is_known = is.as_ref().is_some_and(|is| {
            known
                .id
                .as_ref()
                .is_some_and(|id| Some(SessionId::parse(id).unwrap().handle()) == is.handle)
        });
        known.begun = None;
        known.state = is;
        if endpoint().is_some() || !id_is_known {
            if let Some(state) = known.state.take() {
                let ended = store.revoke_handle(&state.handle.unwrap()).await.unwrap();
                assert_eq!(ended.deleted() + ended.already_gone(), 1);
            }
            known.id = None;
        }
    }
    assert!(found.is_empty(), "unexpected: {found:?}");
    for known in known.values() {
        let (Some(state), Some(id)) = (&known.state, &known.id) else {
            continue;
        };
        let loaded = store.load(&SessionId::parse(id).unwrap()).await.unwrap();
        assert_eq!(*loaded.expect("a live session"), state.app);
    }
}
