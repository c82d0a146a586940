//! G20. A cache is bounded: a client never misses its own writes, what others did is seen within the stated time, and
//! what this host did at once.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use session_store::{
    Cache, DynamoDbStore, Error, Index, ReadConsistency, RevokeAll, Session, SessionAttributes,
    SessionData, SessionId,
};
use session_store_tests::{Fault, TestBench};
use tokio::sync::oneshot;

pub(super) const MILLI: Duration = Duration::from_millis(1);
pub(super) const FIVE_SECONDS: Duration = Duration::from_secs(5);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) trait Shop: SessionData + RevokeAll + Debug + Default + PartialEq {
    const BY_USER: Index<Self, String>;

    fn fields(&mut self) -> (&mut Option<String>, &mut u64, &mut String);

    fn of(user: &str) -> Self {
        let mut shop = Self::default();
        let (user_id, _, text) = shop.fields();
        *user_id = Some(user.to_owned());
        *text = "a text that has nothing to say ".repeat(40);
        shop
    }
}

types_in_every_format! {
    [idle_timeout = "30m", absolute_timeout = "12h", revoke_all]
    {
        #[dynamo(attr = "user_id", index(consistent, limit = 2))]
        user_id: Option<String>,
        visits: u64,
        text: String,
    }
    Shop {
        const BY_USER: Index<Self, String> = Self::USER_ID;

        fn fields(&mut self) -> (&mut Option<String>, &mut u64, &mut String) {
            (&mut self.user_id, &mut self.visits, &mut self.text)
        }
    }
}

in_every_format! {
    a_load_whose_version_is_there_reads_nothing
    a_client_never_misses_what_another_host_wrote_for_it
    what_another_host_changed_is_seen_within_the_time
    a_session_that_another_host_ended_is_seen_within_the_time_and_never_written
    what_this_host_ended_is_seen_at_once
    a_read_that_crosses_an_end_is_not_kept
    an_absent_session_is_not_kept
    timeouts_count_at_every_use
    a_touch_is_written_once_and_makes_no_copy_younger
    loads_at_once_are_one_read
    each_write_of_this_host_refreshes_its_copy
    a_copy_that_lacks_the_changes_of_others_is_not_kept
    a_clock_that_goes_back_makes_no_copy_younger
    a_new_id_that_is_found_out_later_is_not_kept
    copies_make_room_for_others
    an_eventual_read_fills_nothing
}

pub(super) async fn host<S: Shop>(bench: &TestBench<S>, cache: Cache) -> DynamoDbStore<S> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    builder.cache(cache).build().await.unwrap()
}

pub(super) fn for_five_seconds() -> Cache {
    Cache::for_at_most(FIVE_SECONDS)
}

/// How many requests there were.
pub(super) fn requests<S: Shop>(bench: &TestBench<S>) -> usize {
    let requests = bench.wire.operations().len();
    bench.wire.clear();
    requests
}

pub(super) async fn load<S: Shop>(
    host: &DynamoDbStore<S>,
    id: &SessionId,
    version: u64,
) -> Option<Session<S>> {
    host.load_at_least(id, version).await.unwrap()
}

pub(super) fn visits<S: Shop>(session: Option<Session<S>>) -> Option<u64> {
    session.map(|session| *Session::into_data(session).fields().1)
}

mod check {
    use super::*;

    pub async fn a_load_whose_version_is_there_reads_nothing<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let session = host.create(S::of("u-17")).await.unwrap();
        let _ = requests(&bench);
        let cached = load(&host, session.id(), 1).await.unwrap();
        assert_eq!(requests(&bench), 0);
        assert_eq!(*cached, *session);
        assert_eq!(cached.handle(), session.handle());
        assert_eq!(cached.created_at(), session.created_at());
        assert_eq!(cached.expires_at(), session.expires_at());
        assert_eq!(Session::written_version(&cached), Some(1));
        // A plain load reads, and so does one whose version is not there.
        let read = host.load(session.id()).await.unwrap().unwrap();
        assert_eq!((*read == *cached, requests(&bench)), (true, 1));
        assert!(load(&host, session.id(), 2).await.is_some());
        assert_eq!(requests(&bench), 1);
        // The read fills it for another host.
        let other = super::host(&bench, for_five_seconds()).await;
        assert!(load(&other, session.id(), 1).await.is_some());
        assert_eq!(requests(&bench), 1);
        assert_eq!(*load(&other, session.id(), 1).await.unwrap(), *session);
        assert_eq!(requests(&bench), 0);
        // It can be changed and saved like any other.
        let mut cached = load(&other, session.id(), 1).await.unwrap();
        *cached.fields().1 += 1;
        other.save(&mut cached).await.unwrap();
        assert_eq!(visits(host.load(session.id()).await.unwrap()), Some(1));
    }

    pub async fn a_client_never_misses_what_another_host_wrote_for_it<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let [a, b] = [
            host(&bench, Cache::for_at_most(HOUR)).await,
            host(&bench, Cache::for_at_most(HOUR)).await,
        ];
        let mut session = a.create(S::of("u-17")).await.unwrap();
        for (i, host) in [&b, &a, &a, &b, &b, &a].into_iter().enumerate() {
            let version = Session::written_version(&session).unwrap();
            let mut copy = load(host, session.id(), version).await.unwrap();
            assert_eq!(*copy.fields().1, i as u64);
            *copy.fields().1 += 1;
            host.save(&mut copy).await.unwrap();
            session = copy;
        }
    }

    pub async fn what_another_host_changed_is_seen_within_the_time<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let session = bench.store.create(S::of("u-17")).await.unwrap();
        assert_eq!(visits(load(&host, session.id(), 1).await), Some(0));
        let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
        *other.fields().1 = 7;
        bench.store.save(&mut other).await.unwrap();
        bench.clock.advance(FIVE_SECONDS - MILLI);
        assert_eq!(visits(load(&host, session.id(), 1).await), Some(0));
        bench.clock.advance(MILLI);
        assert_eq!(visits(load(&host, session.id(), 1).await), Some(7));
    }

    pub async fn a_session_that_another_host_ended_is_seen_within_the_time_and_never_written<
        S: Shop,
    >() {
        for way in ["delete", "revoke", "all"] {
            let bench = TestBench::<S>::new().await;
            let host = host(&bench, for_five_seconds()).await;
            let session = bench.store.create(S::of("u-17")).await.unwrap();
            let id = session.id();
            load(&host, id, 1).await.unwrap();
            match way {
                "delete" => bench.store.delete(id).await.unwrap(),
                "revoke" => drop(bench.store.revoke(S::BY_USER, "u-17").await.unwrap()),
                _ => {
                    let moment = bench.clock.now() + HOUR;
                    bench.store.revoke_all_created_before(moment).await.unwrap();
                }
            }
            bench.clock.advance(FIVE_SECONDS - MILLI);
            let mut copy = load(&host, id, 1).await.unwrap();
            bench.clock.advance(MILLI);
            assert!(load(&host, id, 1).await.is_none(), "{way}");
            if way == "all" {
                continue;
            }
            *copy.fields().1 += 1;
            assert!(matches!(host.save(&mut copy).await, Err(Error::Gone(_))));
            assert!(host.load(id).await.unwrap().is_none());
        }
    }

    pub async fn what_this_host_ended_is_seen_at_once<S: Shop>() {
        for way in [
            "delete", "revoke", "only", "handle", "erase", "all", "evicted", "new id", "log-in",
        ] {
            let bench = TestBench::<S>::new().await;
            let host = host(&bench, Cache::for_at_most(HOUR)).await;
            let mut session = host.create(S::of("u-17")).await.unwrap();
            bench.clock.advance(MILLI);
            let id = session.id().clone();
            assert!(load(&host, &id, 1).await.is_some());
            let revoke = || host.revoke(S::BY_USER, "u-17");
            match way {
                "delete" => host.delete(&id).await.unwrap(),
                "revoke" => assert_eq!(revoke().await.unwrap().deleted(), 1),
                "only" => assert_eq!(revoke().only(id.handle()).await.unwrap().deleted(), 1),
                "handle" => drop(host.revoke_handle(&id.handle()).await.unwrap()),
                "erase" => drop(host.erase(S::BY_USER, "u-17").await.unwrap()),
                "all" => {
                    let moment = bench.clock.now() + MILLI;
                    host.revoke_all_created_before(moment).await.unwrap();
                }
                "evicted" => {
                    for _ in 0..2 {
                        bench.clock.advance(MILLI);
                        host.create(S::of("u-17")).await.unwrap();
                    }
                }
                "new id" => host.cycle_id(&mut session).await.unwrap(),
                _ => host.log_in(&mut session).await.unwrap(),
            }
            assert!(load(&host, &id, 1).await.is_none(), "{way}");
        }
    }

    pub async fn a_read_that_crosses_an_end_is_not_kept<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(HOUR)).await;
        let session = bench.store.create(S::of("u-17")).await.unwrap();
        let id = session.id().clone();
        let (answer, answered) = oneshot::channel::<()>();
        let late = Fault::late(async { drop(answered.await) });
        bench.wire.next("BatchGetItem", late);
        let reading = tokio::spawn({
            let (host, id) = (host.clone(), id.clone());
            async move { load(&host, &id, 1).await.is_some() }
        });
        while bench
            .wire
            .operations()
            .last()
            .is_none_or(|last| last != "BatchGetItem")
        {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        host.delete(&id).await.unwrap();
        // One that comes after the end does not get what the read has found.
        let after = tokio::spawn({
            let (host, id) = (host.clone(), id.clone());
            async move { load(&host, &id, 1).await.is_some() }
        });
        tokio::task::yield_now().await;
        answer.send(()).unwrap();
        assert!(!after.await.unwrap());
        // It was read before the end.
        assert!(reading.await.unwrap());
        assert!(load(&host, &id, 1).await.is_none());
    }

    pub async fn an_absent_session_is_not_kept<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(HOUR)).await;
        let id = session_store::test_util::fixtures::session_id();
        let _ = requests(&bench);
        for _ in 0..3 {
            assert!(load(&host, &id, 1).await.is_none());
            assert_eq!(requests(&bench), 1);
        }
    }

    pub async fn timeouts_count_at_every_use<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(24 * HOUR)).await;
        let session = host.create(S::of("u-17")).await.unwrap();
        bench.clock.advance(HOUR / 2 - MILLI);
        let _ = requests(&bench);
        let mut cached = load(&host, session.id(), 1).await.unwrap();
        assert_eq!(requests(&bench), 0);
        bench.clock.advance(MILLI);
        assert!(load(&host, session.id(), 1).await.is_none());
        assert!(matches!(host.touch(&mut cached).await, Err(Error::Gone(_))));

        let mut session = host.create(S::of("u-17")).await.unwrap();
        let end = session.created_at() + 12 * HOUR;
        while bench.clock.now() + HOUR / 3 < end {
            bench.clock.advance(HOUR / 3);
            host.touch(&mut session).await.unwrap();
        }
        bench.clock.advance(HOUR / 3 - MILLI);
        let _ = requests(&bench);
        assert!(load(&host, session.id(), 1).await.is_some());
        assert_eq!(requests(&bench), 0);
        bench.clock.advance(MILLI);
        assert!(load(&host, session.id(), 1).await.is_none());
    }

    pub async fn a_touch_is_written_once_and_makes_no_copy_younger<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(HOUR / 4)).await;
        let session = host.create(S::of("u-17")).await.unwrap();
        bench.clock.advance(HOUR / 6);
        let _ = requests(&bench);
        let expected = session.expires_at() + HOUR / 6;
        for touches in [1, 0, 0] {
            let mut cached = load(&host, session.id(), 1).await.unwrap();
            host.touch(&mut cached).await.unwrap();
            assert_eq!(cached.expires_at(), expected);
            assert_eq!(requests(&bench), touches);
        }
        // Others may have changed it since it was read.
        let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
        *other.fields().1 = 7;
        bench.store.save(&mut other).await.unwrap();
        bench.clock.advance(HOUR / 4 - HOUR / 6 - MILLI);
        let mut cached = load(&host, session.id(), 1).await.unwrap();
        assert_eq!(*cached.fields().1, 0);
        host.touch(&mut cached).await.unwrap();
        bench.clock.advance(MILLI);
        assert_eq!(visits(load(&host, session.id(), 1).await), Some(7));
    }

    pub async fn loads_at_once_are_one_read<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let session = bench.store.create(S::of("u-17")).await.unwrap();
        let _ = requests(&bench);
        let loads = (0..50).map(|_| load(&host, session.id(), 1));
        let loaded = join_all(loads).await;
        assert!(loaded.iter().all(|session| session.is_some()));
        assert_eq!(requests(&bench), 1);
    }

    pub async fn each_write_of_this_host_refreshes_its_copy<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let mut session = host.create(S::default()).await.unwrap();
        for way in ["save", "new id", "log-in", "update", "handle"] {
            bench.clock.advance(2 * FIVE_SECONDS);
            let expected = *session.fields().1 + 1;
            *session.fields().1 = expected;
            let visit = |data: &mut S| *data.fields().1 += 1;
            match way {
                "save" => host.save(&mut session).await.unwrap(),
                "new id" => host.cycle_id(&mut session).await.unwrap(),
                "log-in" => host.log_in(&mut session).await.unwrap(),
                "update" => host.update(session.id(), visit).await.unwrap(),
                _ => host.update_handle(&session.handle(), visit).await.unwrap(),
            }
            let _ = requests(&bench);
            let version = Session::written_version(&session).unwrap();
            let mut cached = load(&host, session.id(), version).await.unwrap();
            assert_eq!(
                (*cached.fields().1, requests(&bench)),
                (expected, 0),
                "{way}"
            );
            let read = host.load(session.id()).await.unwrap().unwrap();
            assert_eq!(*cached, *read);
            assert_eq!(cached.expires_at(), read.expires_at());
            assert_eq!(Session::touched_at(&cached), Session::touched_at(&read));
            assert_eq!(
                Session::written_version(&cached),
                Session::written_version(&read)
            );
            session = cached;
        }
    }

    pub async fn a_copy_that_lacks_the_changes_of_others_is_not_kept<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let mut session = host.create(S::of("u-17")).await.unwrap();
        let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
        *other.fields().1 = 7;
        bench.store.save(&mut other).await.unwrap();
        *session.fields().2 = "changed".into();
        host.save(&mut session).await.unwrap();
        // The other client may know the version of its own write, which was the second, and this one that of the last.
        let last = Session::written_version(&session).unwrap();
        for version in [2, last, 2] {
            let mut loaded = load(&host, session.id(), version).await.unwrap();
            let (_, visits, text) = loaded.fields();
            assert_eq!((*visits, text.as_str()), (7, "changed"));
        }
    }

    pub async fn a_new_id_that_is_found_out_later_is_not_kept<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(HOUR)).await;
        let mut session = host.create(S::of("u-17")).await.unwrap();
        for _ in 0..20 {
            bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        }
        let unknown = host.cycle_id(&mut session).await;
        assert!(matches!(unknown, Err(Error::Service(error)) if error.outcome_unknown()));
        bench.wire.clear();
        // Another host ends the session under its new id.
        let ended = bench.store.revoke(S::BY_USER, "u-17").await.unwrap();
        assert_eq!(ended.deleted(), 1);
        host.cycle_id(&mut session).await.unwrap();
        assert!(load(&host, session.id(), 1).await.is_none());
    }

    pub async fn a_clock_that_goes_back_makes_no_copy_younger<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let session = host.create(S::of("u-17")).await.unwrap();
        bench.clock.set(bench.clock.millis() - 1);
        let _ = requests(&bench);
        assert!(load(&host, session.id(), 1).await.is_some());
        assert_eq!(requests(&bench), 1);
    }

    pub async fn copies_make_room_for_others<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let cache = Cache::for_at_most(HOUR).max_bytes(100 << 10);
        let host = host(&bench, cache).await;
        let mut ids = Vec::new();
        for i in 0..200 {
            let session = host.create(S::of(&format!("u-{i}"))).await.unwrap();
            ids.push(session.id().clone());
        }
        let _ = requests(&bench);
        let mut hits = 0;
        for id in &ids {
            assert!(load(&host, id, 1).await.is_some());
            hits += usize::from(requests(&bench) == 0);
        }
        // Each has a text of 1,240 bytes, twice.
        assert!((5..40).contains(&hits), "{hits}");
    }

    pub async fn an_eventual_read_fills_nothing<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let builder = DynamoDbStore::<S>::builder().client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name());
        let builder = builder.read_consistency(ReadConsistency::Eventual);
        let host = builder.cache(for_five_seconds()).build().await.unwrap();
        let session = bench.store.create(S::of("u-17")).await.unwrap();
        assert!(host.load(session.id()).await.unwrap().is_some());
        let _ = requests(&bench);
        assert!(load(&host, session.id(), 1).await.is_some());
        assert_eq!(requests(&bench), 1);
    }
}

#[tokio::test]
async fn a_cache_that_keeps_nothing_is_refused() {
    let bench = TestBench::<AsMap>::new().await;
    for cache in [
        Cache::for_at_most(Duration::ZERO),
        for_five_seconds().max_bytes(0),
    ] {
        let builder = DynamoDbStore::<AsMap>::builder().client(bench.store.client().clone());
        assert!(matches!(
            builder.cache(cache).build().await,
            Err(Error::Setup(_))
        ));
    }
}
