//! The spans: one for each operation, and in it one for each request, with OpenTelemetry's names.

use session_store::DynamoDbStore;
use session_store_tests::{Fault, TestBench};
use tracing::Level;

use super::Plain;
use super::watch::{Seen, watched};

fn ours(spans: Vec<Seen>) -> Vec<Seen> {
    spans.into_iter().filter(Seen::is_ours).collect()
}

#[test]
fn an_operation_has_a_span_and_each_of_its_requests_has_one_in_it() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let table = bench.store.table_name();
        let session = bench.store.create(Plain::default()).await.unwrap();
        watch.clear();
        bench.store.load(session.id()).await.unwrap();
        let spans = ours(watch.spans());
        let [load, request] = &*spans else {
            panic!("{spans:?}")
        };
        let fields = |span: &Seen, operation: &str, kind: &str| {
            assert_eq!(span.field("otel.name"), format!("{operation} {table}"));
            assert_eq!(span.field("otel.kind"), kind);
            assert_eq!(span.field("db.system.name"), "aws.dynamodb");
            assert_eq!(span.field("db.operation.name"), operation);
            assert_eq!(span.field("db.collection.name"), table);
            assert_eq!(span.field("otel.status_code"), "");
            assert_eq!(span.field("error.type"), "");
        };
        assert_eq!((load.name, load.level), ("session_store", Level::INFO));
        fields(load, "load", "internal");
        assert_eq!((request.name, request.level), ("dynamodb", Level::DEBUG));
        assert_eq!(request.parent, Some("session_store"));
        fields(request, "GetItem", "client");
    });
}

#[test]
fn a_span_has_the_capacity_units_if_the_store_asks_for_them() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let builder = DynamoDbStore::<Plain>::builder().client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name());
        let store = builder.report_capacity().build().await.unwrap();
        let session = store.create(Plain::default()).await.unwrap();
        watch.clear();
        store.load(session.id()).await.unwrap();
        let spans = ours(watch.spans());
        assert_eq!(spans[1].field("aws.dynamodb.consumed_capacity"), "1.0");
        let metrics = watch.metrics();
        let units = &metrics["session_store_capacity_units{request=GetItem}"];
        assert_eq!(units, &[1.0]);
        bench.store.load(session.id()).await.unwrap();
        let spans = ours(watch.spans());
        assert_eq!(spans[1].field("aws.dynamodb.consumed_capacity"), "");
    });
}

#[test]
fn a_failure_is_in_both_spans_with_its_code_and_request_id() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let session = bench.store.create(Plain::default()).await.unwrap();
        bench.wire.every("GetItem", Fault::throttled);
        watch.clear();
        bench.store.load(session.id()).await.unwrap_err();
        let spans = ours(watch.spans());
        let [load, request] = &*spans else {
            panic!("{spans:?}")
        };
        assert_eq!(load.field("error.type"), "throttled");
        assert_eq!(load.field("otel.status_code"), "ERROR");
        let code = "ProvisionedThroughputExceededException";
        assert_eq!(request.field("error.type"), code);
        assert_eq!(request.field("otel.status_code"), "ERROR");
        assert_eq!(request.field("aws.request_id"), "TEST-REQUEST-ID");
    });
}

/// A session that has ended is an answer, and no failure of the store.
#[test]
fn a_session_that_is_gone_is_no_failure() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        bench.store.delete(session.id()).await.unwrap();
        watch.clear();
        session.visits += 1;
        bench.store.save(&mut session).await.unwrap_err();
        let spans = ours(watch.spans());
        assert_eq!(spans.len(), 2);
        assert_eq!(spans[0].field("error.type"), "gone");
        for span in spans {
            assert_eq!(span.field("otel.status_code"), "", "{span:?}");
        }
    });
}
