//! G20. Situations from public reports on caches in front of stores.
//!
//! `docs/cases.md` has the thread of each test.

use std::time::Duration;

use futures_util::future::{join_all, poll_immediate};
use session_store::{Cache, DynamoDbStore, Error, Session};
use session_store_tests::{Fault, TestBench};
use tokio::time::timeout;

use super::g20_cache::{
    AsBytes, AsMap, Compressed, FIVE_SECONDS, HOUR, MILLI, Shop, for_five_seconds, host, load,
    requests, visits,
};

const MINUTE: Duration = Duration::from_secs(60);

in_every_format! {
    a_read_that_crosses_a_change_of_this_host_is_not_kept
    a_change_that_is_not_stored_is_not_in_memory
    a_load_that_is_given_up_holds_nobody_up
    a_read_that_failed_is_tried_again
    a_copy_that_is_too_old_is_read_once
    use_from_memory_extends_a_session
    use_makes_no_copy_younger
    an_old_id_is_read_within_the_time_and_never_used
    a_write_that_failed_leaves_nothing_in_memory
    a_write_that_was_dropped_keeps_no_copy_out
    a_change_from_memory_leaves_those_of_others
    nothing_in_memory_brings_an_ended_session_back
    a_change_of_all_sessions_is_seen_at_once
    the_other_devices_of_a_user_are_out_at_once
    a_refresh_asks_the_table
    time_passes_though_the_clock_stands_still
}

/// A session of another host, of which this one has a copy.
async fn copied<S: Shop>(bench: &TestBench<S>, host: &DynamoDbStore<S>) -> Session<S> {
    let session = bench.store.create(S::of("u-17")).await.unwrap();
    let copy = load(host, session.id(), 1).await.unwrap();
    let _ = requests(bench);
    copy
}

fn for_an_hour() -> Cache {
    Cache::for_at_most(HOUR)
}

mod check {
    use super::*;

    pub async fn a_read_that_crosses_a_change_of_this_host_is_not_kept<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let mut session = bench.store.create(S::of("u-17")).await.unwrap();
        let id = session.id().clone();
        let (fault, mut held) = Fault::held();
        bench.wire.next("BatchGetItem", fault);
        let reading = tokio::spawn({
            let (host, id) = (host.clone(), id.clone());
            async move { visits(load(&host, &id, 1).await) }
        });
        held.carried_out().await;
        *session.fields().1 = 1;
        host.save(&mut session).await.unwrap();
        held.release();
        assert_eq!(reading.await.unwrap(), Some(0));
        assert_eq!(visits(load(&host, &id, 1).await), Some(1));
    }

    pub async fn a_change_that_is_not_stored_is_not_in_memory<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let mut session = host.create(S::of("u-17")).await.unwrap();
        let id = session.id().clone();
        let _ = requests(&bench);
        for _ in 0..2 {
            // What goes on with the session that was stored, and with one from memory.
            let mut copy = load(&host, &id, 1).await.unwrap();
            for session in [&mut session, &mut copy] {
                *session.fields().1 += 1;
                session.fields().2.push_str("changed");
            }
        }
        assert_eq!(*load(&host, &id, 1).await.unwrap(), S::of("u-17"));
        assert_eq!(requests(&bench), 0);
    }

    pub async fn a_load_that_is_given_up_holds_nobody_up<S: Shop>() {
        for way in ["dropped", "not polled"] {
            let bench = TestBench::<S>::new().await;
            let host = host(&bench, for_an_hour()).await;
            let session = bench.store.create(S::of("u-17")).await.unwrap();
            let id = session.id();
            let (fault, mut held) = Fault::held();
            bench.wire.next("BatchGetItem", fault);
            let mut first = Box::pin(load(&host, id, 1));
            tokio::select! {
                _ = &mut first => unreachable!("its answer is held"),
                () = held.carried_out() => {}
            }
            let others = join_all((0..5).map(|_| load(&host, id, 1)));
            let others = async {
                tokio::pin!(others);
                assert!(poll_immediate(&mut others).await.is_none());
                if way == "dropped" {
                    drop(first);
                } else {
                    std::mem::forget(first);
                }
                held.release();
                others.await
            };
            let others = timeout(FIVE_SECONDS, others).await.expect(way);
            assert!(others.iter().all(Option::is_some));
        }
    }

    pub async fn a_read_that_failed_is_tried_again<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let session = bench.store.create(S::of("u-17")).await.unwrap();
        for _ in 0..3 {
            let fault = Fault::Answer(400, "AccessDeniedException", "no");
            bench.wire.next("BatchGetItem", fault);
        }
        let loads = (0..5).map(|_| host.load_at_least(session.id(), 1));
        let failed = join_all(loads).await;
        assert!(
            failed
                .iter()
                .any(|load| matches!(load, Err(Error::Service(_))))
        );
        bench.wire.clear();
        assert_eq!(visits(load(&host, session.id(), 1).await), Some(0));
    }

    pub async fn a_copy_that_is_too_old_is_read_once<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let session = copied(&bench, &host).await;
        for _ in 0..3 {
            bench.clock.advance(FIVE_SECONDS);
            let loads = (0..50).map(|_| load(&host, session.id(), 1));
            assert!(join_all(loads).await.iter().all(Option::is_some));
            assert_eq!(requests(&bench), 1);
        }
    }

    /// The idle timeout is 30 minutes.
    pub async fn use_from_memory_extends_a_session<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(24 * HOUR)).await;
        let session = copied(&bench, &host).await;
        for _ in 0..30 {
            bench.clock.advance(10 * MINUTE);
            let mut copy = load(&host, session.id(), 1).await.unwrap();
            host.touch(&mut copy).await.unwrap();
            // The touch is all that it costs.
            assert_eq!(requests(&bench), 1);
        }
        bench.clock.advance(30 * MINUTE - MILLI);
        let read = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(*read, *session);
    }

    pub async fn use_makes_no_copy_younger<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, Cache::for_at_most(10 * MINUTE)).await;
        let session = copied(&bench, &host).await;
        let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
        *other.fields().1 = 7;
        bench.store.save(&mut other).await.unwrap();
        for _ in 0..9 {
            bench.clock.advance(MINUTE);
            let mut copy = load(&host, session.id(), 1).await.unwrap();
            assert_eq!(*copy.fields().1, 0);
            host.touch(&mut copy).await.unwrap();
        }
        bench.clock.advance(MINUTE);
        assert_eq!(visits(load(&host, session.id(), 1).await), Some(7));
    }

    pub async fn an_old_id_is_read_within_the_time_and_never_used<S: Shop>() {
        for way in ["new id", "log-in"] {
            let bench = TestBench::<S>::new().await;
            let host = host(&bench, for_five_seconds()).await;
            let mut copy = copied(&bench, &host).await;
            let old = copy.id().clone();
            let mut session = bench.store.load(&old).await.unwrap().unwrap();
            match way {
                "new id" => bench.store.cycle_id(&mut session).await.unwrap(),
                _ => bench.store.log_in(&mut session).await.unwrap(),
            }
            bench.clock.advance(FIVE_SECONDS - MILLI);
            assert!(load(&host, &old, 1).await.is_some());
            // An attacker who knows it gets no new id.
            assert!(matches!(
                host.cycle_id(&mut copy).await,
                Err(Error::Gone(_))
            ));
            assert!(load(&host, &old, 1).await.is_none(), "{way}");
            assert!(load(&host, session.id(), 1).await.is_some());
        }
    }

    pub async fn a_write_that_failed_leaves_nothing_in_memory<S: Shop>() {
        for (is_stored, times) in [(false, 3), (true, 20)] {
            let bench = TestBench::<S>::new().await;
            let host = host(&bench, for_an_hour()).await;
            let mut session = copied(&bench, &host).await;
            for _ in 0..times {
                let fault = match is_stored {
                    true => Fault::LoseResponse,
                    false => Fault::Answer(500, "InternalServerError", "no"),
                };
                bench.wire.next("UpdateItem", fault);
            }
            *session.fields().1 = 1;
            assert!(matches!(
                host.save(&mut session).await,
                Err(Error::Service(_))
            ));
            bench.wire.clear();
            let found = visits(load(&host, session.id(), 1).await);
            assert_eq!(found, Some(is_stored.into()));
        }
    }

    pub async fn a_write_that_was_dropped_keeps_no_copy_out<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let mut session = copied(&bench, &host).await;
        let id = session.id().clone();
        let (fault, mut held) = Fault::held();
        bench.wire.next("UpdateItem", fault);
        *session.fields().1 = 1;
        let saving = tokio::spawn({
            let host = host.clone();
            async move { host.save(&mut session).await }
        });
        held.carried_out().await;
        saving.abort();
        assert!(saving.await.is_err());
        drop(held);
        let _ = requests(&bench);
        for reads in [1, 0, 0] {
            assert_eq!(visits(load(&host, &id, 1).await), Some(1));
            assert_eq!(requests(&bench), reads);
        }
    }

    pub async fn a_change_from_memory_leaves_those_of_others<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let mut copy = copied(&bench, &host).await;
        for visits in 1..4 {
            let mut other = bench.store.load(copy.id()).await.unwrap().unwrap();
            *other.fields().1 = visits;
            bench.store.save(&mut other).await.unwrap();
            let mut behind = load(&host, copy.id(), 1).await.unwrap();
            assert!(*behind.fields().1 < visits);
            let text = format!("changed {visits} times");
            behind.fields().2.clone_from(&text);
            host.save(&mut behind).await.unwrap();
            let mut read = bench.store.load(copy.id()).await.unwrap().unwrap();
            let (_, found, found_text) = read.fields();
            assert_eq!((*found, &*found_text), (visits, &text));
            // It is behind again for the next round.
            copy = load(&host, copy.id(), 1).await.unwrap();
        }
    }

    pub async fn nothing_in_memory_brings_an_ended_session_back<S: Shop>() {
        for way in ["save", "touch", "new id", "update", "handle"] {
            let bench = TestBench::<S>::new().await;
            let host = host(&bench, for_an_hour()).await;
            let session = copied(&bench, &host).await;
            let id = session.id();
            bench.clock.advance(10 * MINUTE);
            bench.store.delete(id).await.unwrap();
            let mut copy = load(&host, id, 1).await.unwrap();
            *copy.fields().1 += 1;
            let visit = |data: &mut S| *data.fields().1 += 1;
            let written = match way {
                "save" => host.save(&mut copy).await,
                "touch" => host.touch(&mut copy).await,
                "new id" => host.cycle_id(&mut copy).await,
                "update" => host.update(id, visit).await,
                _ => host.update_handle(&id.handle(), visit).await,
            };
            assert!(matches!(written, Err(Error::Gone(_))), "{way}: {written:?}");
            let items = bench.items().await;
            assert!(items.iter().all(|item| !item.contains_key("data")), "{way}");
        }
    }

    pub async fn a_change_of_all_sessions_is_seen_at_once<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let sessions = [copied(&bench, &host).await, copied(&bench, &host).await];
        let change = |data: &mut S| *data.fields().1 = 7;
        let changed = host.update_all(S::BY_USER, "u-17", change).await.unwrap();
        assert!(changed.failed().is_empty());
        for session in &sessions {
            assert_eq!(visits(load(&host, session.id(), 1).await), Some(7));
        }
    }

    pub async fn the_other_devices_of_a_user_are_out_at_once<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let [own, other] = [copied(&bench, &host).await, copied(&bench, &host).await];
        let revoked = host.revoke(S::BY_USER, "u-17").except(&own);
        assert_eq!(revoked.await.unwrap().deleted(), 1);
        let _ = requests(&bench);
        assert!(load(&host, own.id(), 1).await.is_some());
        assert_eq!(requests(&bench), 0);
        assert!(load(&host, other.id(), 1).await.is_none());
    }

    pub async fn a_refresh_asks_the_table<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_an_hour()).await;
        let mut copy = copied(&bench, &host).await;
        bench
            .store
            .update(copy.id(), |data| *data.fields().1 = 7)
            .await
            .unwrap();
        host.refresh(&mut copy).await.unwrap();
        assert_eq!(*copy.fields().1, 7);
        bench.store.delete(copy.id()).await.unwrap();
        assert!(matches!(host.refresh(&mut copy).await, Err(Error::Gone(_))));
    }

    pub async fn time_passes_though_the_clock_stands_still<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let host = host(&bench, for_five_seconds()).await;
        let session = copied(&bench, &host).await;
        tokio::time::pause();
        for (time, reads) in [(FIVE_SECONDS / 2, 0), (FIVE_SECONDS, 1)] {
            tokio::time::advance(time).await;
            assert!(load(&host, session.id(), 1).await.is_some());
            assert_eq!(requests(&bench), reads);
        }
        tokio::time::resume();
    }
}
