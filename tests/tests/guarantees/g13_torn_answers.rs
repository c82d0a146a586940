//! G10 and G13 with answers that are damaged, come in part or without a body: such an answer says nothing. A read
//! has failed, and of a write it is not known what became of it.

use std::time::Duration;

use session_store::{DynamoDbStore, Error, Session, SessionId};
use session_store_tests::{Fault, TestBench};

use crate::App;

type MakeFault = fn() -> Fault;

/// Answers of status 200 that are none.
const TORN: [(&str, MakeFault); 7] = [
    ("empty", Fault::empty),
    ("torn", || Fault::Torn),
    ("one byte", || Fault::Truncated(1)),
    ("a bit flipped", || Fault::damaged(flip)),
    ("nothing but the checksum", || Fault::damaged(Vec::clear)),
    ("another answer", || {
        Fault::damaged(|body| *body = b"{}  ".to_vec())
    }),
    ("no object", || Fault::Body(200, "maintenance".into())),
];

/// Changes the first digit or letter of a value, so that the JSON stays well formed.
fn flip(body: &mut Vec<u8>) {
    let from = body.iter().position(|byte| *byte == b':').unwrap_or(0);
    let value = body[from..].iter().position(u8::is_ascii_alphanumeric);
    match value {
        Some(at) => body[from + at] ^= 1,
        None => body.push(b' '),
    }
}

/// The same, for requests that the engine carries out.
fn applied() -> impl Iterator<Item = (&'static str, MakeFault)> {
    TORN.into_iter().take(6)
}

#[track_caller]
pub(crate) fn is_unknown<T: std::fmt::Debug>(written: Result<T, Error>, of: &str) {
    match written {
        Err(Error::Service(error)) => {
            assert!(
                error.outcome_unknown() && error.is_retryable(),
                "{of}: {error:?}"
            );
        }
        written => panic!("{of}: {written:?}"),
    }
}

pub(crate) async fn stored(bench: &TestBench<App>, id: &SessionId) -> App {
    Session::into_data(bench.store.load(id).await.unwrap().unwrap())
}

#[tokio::test]
async fn a_load_with_a_torn_answer_fails_and_finds_the_session_later() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let nobody = SessionId::parse(&"A".repeat(43)).unwrap();
    for (name, fault) in TORN {
        bench.wire.every("GetItem", fault);
        // The answer "there is none" can be torn too.
        for id in [session.id(), &nobody] {
            is_unknown(bench.store.load(id).await, name);
        }
        bench.wire.restore("GetItem");
        assert_eq!(stored(&bench, session.id()).await, App::of("u-17"));
        assert!(bench.store.load(&nobody).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn no_part_of_an_answer_is_read_as_a_session_or_as_none() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut read = 0;
    for length in 0.. {
        bench
            .wire
            .every("GetItem", move || Fault::Truncated(length));
        match bench.store.load(session.id()).await {
            Ok(Some(whole)) => {
                assert_eq!(*whole, App::of("u-17"));
                break;
            }
            loaded => is_unknown(loaded, &format!("{length} bytes")),
        }
        read = length;
    }
    assert!(read > 100, "only {read} bytes");
}

#[tokio::test]
async fn nothing_is_written_after_a_torn_read() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    for (name, fault) in TORN {
        bench.wire.clear();
        bench.wire.every("GetItem", fault);
        let updated = bench.store.update(session.id(), |app| app.visits += 1);
        is_unknown(updated.await, name);
        let operations = bench.wire.operations();
        assert!(
            operations.iter().all(|it| it == "GetItem"),
            "{operations:?}"
        );
        bench.wire.restore("GetItem");
        assert_eq!(stored(&bench, session.id()).await.visits, 0);
    }
}

#[tokio::test]
async fn a_list_and_a_revocation_with_a_torn_answer_fail() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    for operation in ["Query", "BatchGetItem"] {
        for (name, fault) in TORN {
            bench.wire.every(operation, fault);
            is_unknown(bench.store.sessions(App::USER_ID, "u-17").all().await, name);
            bench.wire.restore(operation);
        }
    }
    for (name, fault) in TORN {
        bench.wire.every("Query", fault);
        is_unknown(bench.store.revoke(App::USER_ID, "u-17").await, name);
        bench.wire.restore("Query");
    }
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_save_with_a_torn_answer_is_of_unknown_outcome_and_is_stored_once() {
    for (name, fault) in applied() {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        session.visits = 1;
        bench.wire.every("UpdateItem", fault);
        is_unknown(bench.store.save(&mut session).await, name);
        bench.wire.restore("UpdateItem");
        assert_eq!(stored(&bench, session.id()).await.visits, 1, "{name}");
        bench.store.save(&mut session).await.unwrap();
        let stored = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(stored.visits, 1, "{name}");
    }
}

#[tokio::test]
async fn a_create_with_a_torn_answer_leaves_nothing() {
    for (name, fault) in applied() {
        let bench = TestBench::<App>::new().await;
        bench.wire.every("PutItem", fault);
        is_unknown(bench.store.create(App::of("u-17")).await, name);
        assert!(bench.all_items().await.is_empty(), "{name}");
        bench.wire.restore("PutItem");

        // With one such answer, a session begins under another id.
        bench.wire.next("PutItem", fault());
        let session = bench.store.create(App::of("u-17")).await.unwrap();
        assert_eq!(bench.all_items().await.len(), 1, "{name}");
        assert_eq!(stored(&bench, session.id()).await, App::of("u-17"));
    }
}

#[tokio::test]
async fn a_delete_with_a_torn_answer_is_of_unknown_outcome() {
    for (name, fault) in applied() {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(App::of("u-17")).await.unwrap();
        bench.wire.every("DeleteItem", fault);
        is_unknown(bench.store.delete(session.id()).await, name);
        bench.wire.restore("DeleteItem");
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
        bench.store.delete(session.id()).await.unwrap();
    }
}

#[tokio::test]
async fn an_update_with_a_torn_answer_is_applied_once() {
    for (name, fault) in applied() {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(App::of("u-17")).await.unwrap();
        bench.wire.every("UpdateItem", fault);
        is_unknown(
            bench
                .store
                .update(session.id(), |app| app.visits += 1)
                .await,
            name,
        );
        bench.wire.restore("UpdateItem");
        assert_eq!(stored(&bench, session.id()).await.visits, 1, "{name}");
    }
}

#[tokio::test]
async fn a_touch_with_a_torn_answer_is_of_unknown_outcome() {
    for (name, fault) in applied() {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        bench.clock.advance(Duration::from_secs(600));
        bench.wire.every("UpdateItem", fault);
        is_unknown(bench.store.touch(&mut session).await, name);
        bench.wire.restore("UpdateItem");
        bench.store.touch(&mut session).await.unwrap();
    }
}

/// With `log_in` or `cycle_id`: the same call again takes it to its end.
#[tokio::test]
async fn a_change_of_id_with_a_torn_answer_leaves_one_id_and_can_be_resumed() {
    for logs_in in [false, true] {
        for (name, fault) in applied() {
            let bench = TestBench::<App>::new().await;
            let mut session = bench.store.create(App::of("u-17")).await.unwrap();
            let old = session.id().clone();
            session.visits = 1;
            bench.wire.every("TransactWriteItems", fault);
            is_unknown(change_id(&bench.store, &mut session, logs_in).await, name);
            assert_eq!(bench.items().await.len(), 1, "{name}");
            assert!(bench.store.load(&old).await.unwrap().is_none(), "{name}");

            bench.wire.restore("TransactWriteItems");
            change_id(&bench.store, &mut session, logs_in)
                .await
                .unwrap();
            assert_ne!(*session.id(), old);
            assert_eq!(bench.items().await.len(), 1, "{name}");
            assert_eq!(stored(&bench, session.id()).await.visits, 1, "{name}");
        }
    }
}

async fn change_id(
    store: &DynamoDbStore<App>,
    session: &mut Session<App>,
    logs_in: bool,
) -> Result<(), Error> {
    match logs_in {
        true => store.log_in(session).await,
        false => store.cycle_id(session).await,
    }
}

/// The first attempt is torn, and a later one is refused, since the first one was applied.
#[tokio::test]
async fn an_attempt_after_a_torn_answer_does_not_hide_what_the_torn_one_did() {
    for (name, fault) in applied() {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(App::of("u-17")).await.unwrap();
        bench.wire.next("DeleteItem", fault());
        bench.wire.next("DeleteItem", Fault::throttled());
        bench.wire.next("DeleteItem", Fault::throttled());
        is_unknown(bench.store.delete(session.id()).await, name);
    }
}

#[tokio::test]
async fn a_request_with_a_torn_answer_is_sent_again() {
    for (name, fault) in TORN {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        bench.wire.clear();
        bench.wire.next("GetItem", fault());
        assert_eq!(
            stored(&bench, session.id()).await,
            App::of("u-17"),
            "{name}"
        );
        assert_eq!(bench.wire.operations(), ["GetItem"; 2], "{name}");

        bench.wire.clear();
        bench.wire.next("UpdateItem", fault());
        session.visits += 1;
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(bench.wire.operations(), ["UpdateItem"; 2], "{name}");
        assert_eq!(stored(&bench, session.id()).await.visits, 1, "{name}");
    }
}

/// The refusal of a write has the item, by which the store decides what to do.
#[tokio::test]
async fn a_damaged_refusal_is_not_read() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut ours = bench.store.load(session.id()).await.unwrap().unwrap();
    let update = bench.store.update(session.id(), |app| app.visits = 5);
    update.await.unwrap();
    bench.wire.clear();
    let damage = |body: &mut Vec<u8>| {
        let text = String::from_utf8(std::mem::take(body)).unwrap();
        *body = text.replace("u-17", "u-99").into_bytes();
    };
    bench.wire.next("UpdateItem", Fault::damaged(damage));
    let update = bench.store.update(session.id(), |app| app.visits += 1);
    update.await.unwrap();
    ours.theme = "kept".into();
    bench.wire.next("UpdateItem", Fault::damaged(damage));
    bench.store.save(&mut ours).await.unwrap();
    let stored = stored(&bench, session.id()).await;
    assert_eq!(
        (stored.visits, stored.user_id.as_deref()),
        (6, Some("u-17"))
    );
}

#[tokio::test]
async fn an_answer_in_another_format_is_none() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.every("GetItem", || {
        Fault::Foreign("application/json", r#"{"status":"ok"}"#)
    });
    is_unknown(bench.store.load(session.id()).await, "a proxy");
    bench.wire.restore("GetItem");
    bench.wire.every("UpdateItem", || {
        Fault::Foreign("text/html", "<html>maintenance</html>")
    });
    let update = bench.store.update(session.id(), |app| app.visits += 1);
    is_unknown(update.await, "a proxy");
}
