use aws_sdk_dynamodb::types::AttributeValue;

use super::super::roster_note::notes;
use super::*;
use crate::item::OwnTimeouts;
use crate::schema::OnLimit;

const SCHEMA: Schema = Schema::new("sessions")
    .attributes(&[
        Attribute::index::<String>("user_id")
            .consistent()
            .limit(3, OnLimit::EvictOldest),
        Attribute::index::<String>("tenant").consistent(),
        Attribute::index::<String>("plan"),
    ])
    .checked();

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map(entries: &[(&str, &str)]) -> Map {
    let entries = entries.iter();
    entries
        .map(|(name, text)| ((*name).to_owned(), s(text)))
        .collect()
}

/// The same with the notes of a session that is in its rosters.
fn noted(session: &str, entries: &[(&str, &str)]) -> Map {
    let mut map = map(entries);
    let notes = notes(&SCHEMA, handle(session), |name| map.get(name));
    map.extend(
        notes
            .into_iter()
            .map(|(name, note)| (name.to_owned(), note)),
    );
    map
}

fn handle(secret: &str) -> SessionHandle {
    SessionHandle::of_secret(secret.as_bytes())
}

fn lifetime() -> Lifetime {
    Lifetime::new(&SCHEMA, Millis(17_000), OwnTimeouts::default())
}

/// Which session enters or leaves the roster of which value.
type Summary = (
    &'static str,
    String,
    Option<SessionHandle>,
    Option<SessionHandle>,
);

fn summaries(changes: &[RosterChange]) -> Vec<Summary> {
    let summary = |change: &RosterChange| {
        let value = change.of.value.as_s().unwrap().clone();
        (
            change.of.attribute.name,
            value,
            change.enters,
            change.leaves,
        )
    };
    changes.iter().map(summary).collect()
}

fn enters(name: &'static str, value: &str, session: &str) -> Summary {
    (name, value.to_owned(), Some(handle(session)), None)
}

fn leaves(name: &'static str, value: &str, session: &str) -> Summary {
    (name, value.to_owned(), None, Some(handle(session)))
}

/// From a handle and the attributes of a session to others.
fn moved(from: &str, was: &[(&str, &str)], to: &str, is: &[(&str, &str)]) -> Vec<Summary> {
    let was = noted(from, was);
    let (from, to) = (handle(from), handle(to));
    summaries(&changes(
        &SCHEMA,
        (from, &was),
        (to, &map(is)),
        &lifetime(),
        &Limits::default(),
        |_| false,
    ))
}

#[test]
fn a_session_that_gets_a_value_enters_its_roster() {
    assert_eq!(
        moved("a", &[], "a", &[("user_id", "u1")]),
        [enters("user_id", "u1", "a")]
    );
}

#[test]
fn a_session_that_loses_its_value_leaves_its_roster() {
    assert_eq!(
        moved("a", &[("user_id", "u1")], "a", &[]),
        [leaves("user_id", "u1", "a")]
    );
}

#[test]
fn a_session_with_another_value_leaves_one_roster_and_enters_another() {
    let (u1, u2) = ([("user_id", "u1")], [("user_id", "u2")]);
    assert_eq!(
        moved("a", &u1, "a", &u2),
        [leaves("user_id", "u1", "a"), enters("user_id", "u2", "a")]
    );
    assert_eq!(
        moved("a", &u1, "b", &u2),
        [leaves("user_id", "u1", "a"), enters("user_id", "u2", "b")]
    );
}

#[test]
fn a_new_handle_replaces_the_old_one_in_one_change_of_the_roster() {
    let u1 = [("user_id", "u1")];
    assert_eq!(
        moved("a", &u1, "b", &u1),
        [(
            "user_id",
            "u1".to_owned(),
            Some(handle("b")),
            Some(handle("a"))
        )]
    );
}

#[test]
fn an_unchanged_session_changes_no_roster() {
    let u1 = [("user_id", "u1")];
    assert_eq!(moved("a", &u1, "a", &u1), []);
    assert_eq!(moved("a", &[], "b", &[]), []);
}

#[test]
fn a_default_index_has_no_roster_and_each_consistent_one_has_its_own() {
    let was = [("user_id", "u1"), ("tenant", "t1"), ("plan", "free")];
    let is = [("user_id", "u1"), ("tenant", "t2"), ("plan", "paid")];
    assert_eq!(
        moved("a", &was, "a", &is),
        [leaves("tenant", "t1", "a"), enters("tenant", "t2", "a")]
    );
}

#[test]
fn a_change_carries_the_creation_of_the_session_the_end_of_the_roster_and_the_limit() {
    let rosters = rosters_of(&SCHEMA, &map(&[("user_id", "u1")]));
    let changes = entries(&rosters, handle("a"), &lifetime(), &Limits::default());
    assert_eq!(summaries(&changes), [enters("user_id", "u1", "a")]);
    assert_eq!(changes[0].created_at, Millis(17_000));
    assert_eq!(changes[0].kept_until, lifetime().roster_end());
    assert_eq!(changes[0].max_entries, 3);
    assert!(matches!(changes[0].entry, Entry::IfBelowLimit));
}

#[test]
fn some_of_the_changes_of_a_large_roster_ask_to_see_it_and_none_exceeds_the_limit() {
    fastrand::seed(17);
    let max_entries = |name: &str| {
        let of = rosters_of(&SCHEMA, &map(&[(name, "value")])).remove(0);
        RosterChange::new(of, &lifetime(), &Limits::default()).max_entries
    };
    let (probes, others): (Vec<_>, Vec<_>) = (0..800)
        .map(|_| max_entries("tenant"))
        .partition(|max| *max == 64);
    assert!((50..150).contains(&probes.len()), "{}", probes.len());
    assert!(others.iter().all(|max| *max == Attribute::MAX_LIMIT));
    assert!((0..100).all(|_| max_entries("user_id") == 3));
}

#[test]
fn a_session_is_in_the_rosters_of_its_consistent_indexes() {
    let item = map(&[("user_id", "u1"), ("plan", "free")]);
    let rosters = rosters_of(&SCHEMA, &item);
    let rosters: Vec<_> = rosters
        .iter()
        .map(|of| (of.attribute.name, &of.value))
        .collect();
    assert_eq!(rosters, [("user_id", &s("u1"))]);
}

fn delta(written: &[(&'static str, Option<AttributeValue>)]) -> Delta {
    Delta {
        attributes: written.to_vec(),
        ..Delta::default()
    }
}

/// The plan of a save that writes these attributes to a session of user u1.
fn plan(written: &[(&'static str, Option<&str>)]) -> RosterPlan {
    let written: Vec<_> = written
        .iter()
        .map(|(name, text)| (*name, text.map(s)))
        .collect();
    let was = noted("a", &[("user_id", "u1"), ("plan", "free")]);
    let delta = delta(&written);
    RosterPlan::new(
        &SCHEMA,
        handle("a"),
        &was,
        &delta,
        &lifetime(),
        &Limits::default(),
    )
}

#[test]
fn a_save_that_moves_a_session_depends_on_the_value_that_it_had() {
    let moves = plan(&[("user_id", Some("u2")), ("tenant", Some("t1"))]);
    assert_eq!(
        moves.expected_values,
        [("user_id", Some(s("u1"))), ("tenant", None)]
    );
    assert_eq!(
        summaries(&moves.changes),
        [
            leaves("user_id", "u1", "a"),
            enters("user_id", "u2", "a"),
            enters("tenant", "t1", "a")
        ]
    );

    let removes = plan(&[("user_id", None)]);
    assert_eq!(removes.expected_values, [("user_id", Some(s("u1")))]);
    assert_eq!(summaries(&removes.changes), [leaves("user_id", "u1", "a")]);
}

#[test]
fn a_save_that_writes_the_value_again_depends_on_it_and_changes_no_roster() {
    let plan = plan(&[("user_id", Some("u1"))]);
    assert_eq!(plan.expected_values, [("user_id", Some(s("u1")))]);
    assert_eq!(summaries(&plan.changes), []);
}

#[test]
fn a_save_enters_a_session_that_is_in_no_roster_of_the_value_that_it_keeps() {
    let was = map(&[("user_id", "u1"), ("plan", "free")]);
    let written = [("plan", Some(s("paid")))];
    let plan = RosterPlan::new(
        &SCHEMA,
        handle("a"),
        &was,
        &delta(&written),
        &lifetime(),
        &Limits::default(),
    );
    assert_eq!(plan.expected_values, [("user_id", Some(s("u1")))]);
    assert_eq!(summaries(&plan.changes), [enters("user_id", "u1", "a")]);
    // The limit is left to the next log-in.
    let limit = plan.changes[0].limit;
    assert_eq!((limit.sessions, limit.policy), (7_500, OnLimit::Reject));
    let note = note(&SCHEMA, handle("a"), &SCHEMA.attributes[0], &s("u1"));
    assert_eq!(plan.notes, [("user_id-roster", Some(note))]);
}

#[test]
fn a_save_that_only_repairs_a_value_is_no_log_in_to_its_limit() {
    let mut delta = delta(&[("user_id", Some(s("u2")))]);
    let was = map(&[("user_id", "u1")]);
    let limit = |delta: &Delta| {
        let plan = RosterPlan::new(
            &SCHEMA,
            handle("a"),
            &was,
            delta,
            &lifetime(),
            &Limits::default(),
        );
        plan.changes[1].limit.sessions
    };
    assert_eq!(limit(&delta), 3);
    delta.repaired.insert("user_id");
    assert_eq!(limit(&delta), 7_500);
}

#[test]
fn a_session_that_leaves_a_roster_loses_the_note() {
    let plan = plan(&[("user_id", None)]);
    assert_eq!(plan.notes, [("user_id-roster", None)]);
}

#[test]
fn a_new_id_of_a_session_in_no_roster_enters_it_whatever_the_limit() {
    let was = map(&[("user_id", "u1")]);
    let changes = |was: &Map| {
        let is = map(&[("user_id", "u1")]);
        let to = (handle("b"), &is);
        changes(
            &SCHEMA,
            (handle("a"), was),
            to,
            &lifetime(),
            &Limits::default(),
            |_| true,
        )
    };
    assert_eq!(changes(&was)[0].limit.sessions, 7_500);
    assert_eq!(
        changes(&noted("a", &[("user_id", "u1")]))[0].limit.sessions,
        3
    );
}

#[test]
fn a_save_that_writes_no_value_of_a_roster_depends_on_none() {
    let plan = plan(&[("plan", Some("paid"))]);
    assert_eq!(plan.expected_values, []);
    assert_eq!(summaries(&plan.changes), []);
    assert!(!plan.is_stale(&map(&[("user_id", "u2")])));
}

#[test]
fn a_plan_is_stale_if_any_value_that_it_depends_on_is_another() {
    let plan = plan(&[("user_id", Some("u2")), ("tenant", Some("t1"))]);
    assert!(!plan.is_stale(&map(&[("user_id", "u1"), ("plan", "paid")])));
    assert!(plan.is_stale(&map(&[("user_id", "u2")])));
    assert!(plan.is_stale(&map(&[])));
    assert!(plan.is_stale(&map(&[("user_id", "u1"), ("tenant", "t1")])));
}

/// A roster with these entries.
fn roster(entries: impl IntoIterator<Item = (String, AttributeValue)>) -> Map {
    let entries = AttributeValue::M(entries.into_iter().collect());
    Map::from([(MEMBERS.to_owned(), entries)])
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

#[test]
fn members_come_newest_first_and_of_one_moment_by_handle() {
    let mut twins = [handle("c"), handle("d")];
    twins.sort();
    let entry = |handle: SessionHandle, created: &str| (handle.to_string(), n(created));
    let roster = roster([
        entry(twins[0], "100"),
        entry(handle("old"), "99"),
        entry(twins[1], "100"),
        entry(handle("new"), "1000"),
    ]);
    let members = members(&roster).unwrap();
    let handles: Vec<_> = members.iter().map(|member| member.handle).collect();
    assert_eq!(handles, [handle("new"), twins[1], twins[0], handle("old")]);
    let created: Vec<_> = members.iter().map(|member| member.created_at.0).collect();
    assert_eq!(created, [1000, 100, 100, 99]);
}

#[test]
fn an_item_without_a_map_of_entries_is_no_roster_and_an_empty_map_is_one() {
    assert_eq!(members(&Map::new()), None);
    assert_eq!(members(&map(&[(MEMBERS, "text")])), None);
    assert_eq!(members(&roster([])), Some(vec![]));
}

/// A change that evicts these sessions.
fn evicting(victims: &[&str]) -> RosterChange {
    let of = rosters_of(&SCHEMA, &map(&[("user_id", "u1")])).remove(0);
    RosterChange {
        entry: Entry::Evicting {
            victims: victims.iter().map(|secret| handle(secret)).collect(),
            expected_len: 3,
        },
        ..RosterChange::new(of, &lifetime(), &Limits::default())
    }
}

#[test]
fn the_victims_of_all_changes_are_noted_and_a_change_without_an_eviction_has_none() {
    let mut evicted = Evicted::default();
    let plain = RosterChange {
        entry: Entry::IfBelowLimit,
        ..evicting(&[])
    };
    evicted.note(&[evicting(&["a", "b"]), plain, evicting(&["c"])]);
    assert_eq!(evicted.ended, [handle("a"), handle("b"), handle("c")]);
    assert_eq!(evicted.perhaps, []);
}

#[test]
fn an_uncertain_victim_is_noted_once_however_often_the_transaction_is_tried() {
    let mut evicted = Evicted::default();
    evicted.note_uncertain(&[evicting(&["a"])]);
    evicted.note_uncertain(&[evicting(&["a", "b"])]);
    assert_eq!(evicted.perhaps, [handle("a"), handle("b")]);
    assert_eq!(evicted.ended, []);
}

fn full(live: &[&str], needed: usize) -> FullRoster {
    FullRoster {
        live: live.iter().map(|secret| handle(secret)).collect(),
        needed,
        len: live.len(),
    }
}

fn handles(secrets: &[&str]) -> Vec<SessionHandle> {
    secrets.iter().map(|secret| handle(secret)).collect()
}

#[test]
fn the_first_in_the_order_of_a_roster_is_evicted() {
    let victims = choose_victims(&[full(&["old", "new"], 1)], &[]);
    assert_eq!(victims, [handles(&["old"])]);
}

#[test]
fn as_few_sessions_as_possible_are_evicted_whatever_the_order_of_the_rosters() {
    // The oldest of `b` is in `a` too, but not the other way round.
    let a = || full(&["x", "y"], 1);
    let b = || full(&["y", "z"], 1);
    let y = handles(&["y"]);
    assert_eq!(choose_victims(&[a(), b()], &[]), [y.clone(), y.clone()]);
    assert_eq!(choose_victims(&[b(), a()], &[]), [y.clone(), y.clone()]);
}

#[test]
fn a_session_that_ends_anyway_needs_no_other() {
    let victims = choose_victims(&[full(&["x", "y"], 1)], &handles(&["y"]));
    assert_eq!(victims, [handles(&["y"])]);
}

#[test]
fn names_that_no_session_has_are_told_from_entries() {
    let entries = Map::from([
        (handle("a").to_string(), AttributeValue::N("17".into())),
        (handle("b").to_string(), s("soon")),
        ("junk".to_owned(), AttributeValue::N("1".into())),
    ]);
    let roster = Map::from([(MEMBERS.to_owned(), AttributeValue::M(entries))]);
    let found = members(&roster).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|entry| (entry.handle, entry.created_at))
        .collect();
    assert_eq!(found, [(handle("a"), Millis(17)), (handle("b"), Millis(0))]);
    assert_eq!(foreign_entries(&roster), ["junk"]);
}

#[test]
fn a_session_enters_by_its_own_limit_and_leaves_whatever_that_is() {
    let limits = Limits::new(vec![("user_id", 2), ("tenant", 70)]);
    let was = noted("a", &[("user_id", "u1")]);
    let is = map(&[("user_id", "u2"), ("tenant", "t1")]);
    let (from, to) = ((handle("a"), &was), (handle("a"), &is));
    let changes = changes(&SCHEMA, from, to, &lifetime(), &limits, |_| false);
    let entered = changes.iter().filter(|change| change.enters.is_some());
    let limit = entered.map(|change| {
        assert!(change.max_entries <= change.limit.sessions);
        (change.of.attribute.name, change.limit.sessions)
    });
    assert_eq!(limit.collect::<Vec<_>>(), [("user_id", 2), ("tenant", 70)]);

    // A value that it has kept is entered whatever the limit.
    let unnoted = map(&[("user_id", "u2")]);
    let from = (handle("a"), &unnoted);
    let lacking = super::changes(&SCHEMA, from, from, &lifetime(), &limits, |_| true);
    assert_eq!(lacking[0].limit.sessions, 7_500);
}
