//! The metrics.

use session_store::Error;
use session_store_tests::{Fault, TestBench};

use super::Plain;
use super::watch::{Watch, watched};

const ATTEMPTS: &str = "session_store_attempts_total";

fn pairs(counters: &[(&str, f64)]) -> Vec<(String, f64)> {
    let counters = counters.iter();
    counters
        .map(|&(labels, n)| (labels.to_owned(), n))
        .collect()
}

/// How many operations ended so, by the histogram of their durations.
fn operations(watch: &Watch) -> Vec<(String, usize)> {
    const NAME: &str = "session_store_operation_duration_seconds{";
    let metrics = watch.metrics().into_iter();
    let operations = metrics.filter_map(|(key, values)| {
        assert!(
            values
                .iter()
                .all(|&seconds| (0.0..60.0).contains(&seconds) || !key.starts_with(NAME))
        );
        let labels = key.strip_prefix(NAME)?.trim_end_matches('}').to_owned();
        Some((labels, values.len()))
    });
    operations.collect()
}

#[test]
fn an_operation_is_counted_by_its_outcome() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        watch.clear();
        let session = bench.store.create(Plain::default()).await.unwrap();
        bench.store.load(session.id()).await.unwrap();
        bench.store.load(session.id()).await.unwrap();
        bench.wire.every("GetItem", Fault::throttled);
        bench.store.load(session.id()).await.unwrap_err();
        bench.wire.every("GetItem", || Fault::Refuse);
        bench.store.load(session.id()).await.unwrap_err();
        bench.wire.every("GetItem", || {
            Fault::Answer(400, "AccessDeniedException", "no")
        });
        bench.store.load(session.id()).await.unwrap_err();
        let expected = [
            ("operation=create,outcome=ok", 1),
            ("operation=load,outcome=ok", 2),
            ("operation=load,outcome=refused", 1),
            ("operation=load,outcome=throttled", 1),
            ("operation=load,outcome=unavailable", 1),
        ];
        assert_eq!(operations(&watch), expected.map(|(l, n)| (l.to_owned(), n)));
    });
}

/// The SDK has sent the request again, and the operation has succeeded.
#[test]
fn an_attempt_is_counted_by_its_result() {
    for (fault, result) in [
        (Fault::throttled as fn() -> Fault, "throttled"),
        (|| Fault::Refuse, "no_answer"),
        (|| Fault::LoseResponse, "no_answer"),
        (Fault::empty, "flawed"),
        (|| Fault::Torn, "flawed"),
        (|| Fault::damaged(|body| body[1] ^= 1), "flawed"),
        (|| Fault::Foreign("text/html", "<html>"), "flawed"),
        (
            || Fault::Answer(500, "InternalServerError", "broken"),
            "failed",
        ),
        (
            || Fault::Answer(503, "ServiceUnavailable", "broken"),
            "failed",
        ),
    ] {
        watched(async |watch| {
            let bench = TestBench::<Plain>::new().await;
            let session = bench.store.create(Plain::default()).await.unwrap();
            bench.wire.next("GetItem", fault());
            bench.wire.next("GetItem", fault());
            watch.clear();
            bench.store.load(session.id()).await.unwrap();
            let metrics = watch.metrics();
            let count = |key: String| metrics.get(&key).map(|values| values[0]);
            assert_eq!(
                count(format!("{ATTEMPTS}{{request=GetItem,result={result}}}")),
                Some(2.0),
                "{metrics:?}"
            );
            assert_eq!(
                count(format!("{ATTEMPTS}{{request=GetItem,result=ok}}")),
                Some(1.0)
            );
            assert_eq!(
                count("session_store_retries_total{request=GetItem}".into()),
                Some(2.0)
            );
        });
    }
}

#[test]
fn a_refusal_is_one_attempt_and_no_retry() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let session = bench.store.create(Plain::default()).await.unwrap();
        bench
            .wire
            .next("GetItem", Fault::Answer(400, "AccessDeniedException", "no"));
        watch.clear();
        bench.store.load(session.id()).await.unwrap_err();
        let attempts = watch.counters(ATTEMPTS);
        assert_eq!(attempts, pairs(&[("request=GetItem,result=refused", 1.0)]));
        assert_eq!(watch.counters("session_store_retries_total"), []);
    });
}

#[test]
fn a_write_that_others_were_ahead_of_is_a_conflict() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let session = bench.store.create(Plain::default()).await.unwrap();
        let id = session.id().clone();
        let (store, other) = (bench.store.clone(), id.clone());
        let meanwhile = async move || {
            store.update(&other, |it| it.visits += 1).await.unwrap();
        };
        bench.wire.next("UpdateItem", Fault::meanwhile(meanwhile));
        watch.clear();
        bench.store.update(&id, |it| it.visits += 1).await.unwrap();
        let conflicts = watch.counters("session_store_conflicts_total");
        assert_eq!(conflicts, pairs(&[("request=UpdateItem", 1.0)]));
    });
}

#[test]
fn an_event_is_counted_with_its_reason() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        watch.clear();
        let session = bench.store.create(Plain::default()).await.unwrap();
        bench.store.delete(session.id()).await.unwrap();
        let events = watch.counters("session_store_events_total");
        let expected = [
            ("event=created,reason=", 1.0),
            ("event=ended,reason=log_out", 1.0),
        ];
        assert_eq!(events, pairs(&expected));
    });
}

#[test]
fn the_size_of_an_item_is_that_of_the_whole_item() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        watch.clear();
        let text = "x".repeat(10_000);
        let plain = Plain {
            text,
            ..Plain::default()
        };
        let mut session = bench.store.create(plain).await.unwrap();
        session.visits += 1;
        bench.store.save(&mut session).await.unwrap();
        let metrics = watch.metrics();
        let sizes = &metrics["session_store_item_size_bytes{}"];
        assert_eq!(sizes.len(), 2, "{sizes:?}");
        assert!(
            sizes.iter().all(|size| (10_000.0..11_000.0).contains(size)),
            "{sizes:?}"
        );
    });
}

#[test]
fn a_session_that_would_be_too_large_has_its_own_outcome() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        watch.clear();
        session.text = "x".repeat(400 * 1024);
        let refused = bench.store.save(&mut session).await;
        assert!(matches!(refused, Err(Error::TooLarge(_))));
        assert_eq!(
            operations(&watch),
            [("operation=save,outcome=too_large".to_owned(), 1)]
        );
    });
}
