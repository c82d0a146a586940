//! The states of a table and of its indexes: which are refused, which are waited for, and which do not matter.

use aws_sdk_dynamodb::types::{DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
use serde_json::{Value, json};
use session_store_tests::{Fault, TestBench, endpoint};

use super::{Admin, count, describe_as, setup, with_index_status, with_status};
use crate::App;

#[tokio::test(start_paused = true)]
async fn a_table_that_dynamodb_has_locked_is_refused_with_its_status() {
    let bench = TestBench::<App>::new().await;
    for (status, mend) in [
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", "KMS key"),
        ("ARCHIVING", "backup"),
        ("ARCHIVED", "backup"),
    ] {
        describe_as(&bench.wire, with_status(status));
        for refused in [
            bench.store.verify_table().await,
            bench.store.create_table().await,
        ] {
            let error = setup(refused);
            assert!(error.contains(status) && error.contains(mend), "{error}");
        }
    }
}

#[tokio::test]
async fn verify_table_names_the_status_of_a_table_that_cannot_be_used_yet() {
    let bench = TestBench::<App>::new().await;
    for status in ["CREATING", "DELETING"] {
        describe_as(&bench.wire, with_status(status));
        let error = setup(bench.store.verify_table().await);
        assert!(error.contains(status), "{error}");
    }
    describe_as(&bench.wire, with_status("UPDATING"));
    bench.store.verify_table().await.unwrap();
    for status in ["CREATING", "DELETING"] {
        describe_as(&bench.wire, with_index_status("user_id-index", status));
        let error = setup(bench.store.verify_table().await);
        assert!(
            error.contains(status) && error.contains("`user_id-index`"),
            "{error}"
        );
    }
    describe_as(&bench.wire, with_index_status("user_id-index", "UPDATING"));
    bench.store.verify_table().await.unwrap();
}

#[tokio::test]
async fn verify_table_tells_a_ttl_that_is_being_disabled_from_none() {
    let bench = TestBench::<App>::new().await;
    let ttl = |status: &'static str| {
        Fault::edit(move |answer| {
            answer["TimeToLiveDescription"]["TimeToLiveStatus"] = status.into();
        })
    };
    for (status, says) in [("DISABLING", "in an hour"), ("DISABLED", "`create_table`")] {
        bench.wire.next("DescribeTimeToLive", ttl(status));
        let error = setup(bench.store.verify_table().await);
        assert!(error.contains(says), "{error}");
    }
    bench.wire.next("DescribeTimeToLive", ttl("DISABLING"));
    let error = setup(bench.store.create_table().await);
    assert!(error.contains("in an hour"), "{error}");
    bench.wire.next("DescribeTimeToLive", ttl("ENABLING"));
    bench.store.verify_table().await.unwrap();
}

/// Neither are there transactions in such a table, nor a TTL.
#[tokio::test]
async fn a_global_table_with_strong_consistency_is_refused() {
    let bench = TestBench::<App>::new().await;
    describe_as(&bench.wire, |table| {
        table["MultiRegionConsistency"] = "STRONG".into();
    });
    for refused in [
        bench.store.verify_table().await,
        bench.store.create_table().await,
    ] {
        let error = setup(refused);
        assert!(
            error.contains("strong consistency") && error.contains("transactions"),
            "{error}"
        );
    }
    assert_eq!(count(&bench.wire, "UpdateTimeToLive"), 0);
}

#[tokio::test]
async fn settings_that_do_not_matter_are_accepted() {
    let bench = TestBench::<App>::new().await;
    describe_as(&bench.wire, |table| {
        let settings = json!({
            "MultiRegionConsistency": "EVENTUAL",
            "GlobalTableVersion": "2019.11.21",
            "Replicas": [{ "RegionName": "eu-west-1", "ReplicaStatus": "CREATING" }],
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" },
            "TableClassSummary": { "TableClass": "STANDARD_INFREQUENT_ACCESS" },
            "BillingModeSummary": { "BillingMode": "PROVISIONED" },
            "OnDemandThroughput": { "MaxReadRequestUnits": 40, "MaxWriteRequestUnits": 40 },
            "SSEDescription": { "Status": "ENABLED", "SSEType": "KMS" },
            "DeletionProtectionEnabled": true,
            "LocalSecondaryIndexes": [{
                "IndexName": "of-others",
                "KeySchema": [
                    { "AttributeName": "id", "KeyType": "HASH" },
                    { "AttributeName": "of-others", "KeyType": "RANGE" },
                ],
                "Projection": { "ProjectionType": "ALL" },
            }],
        });
        let Value::Object(settings) = settings else {
            unreachable!()
        };
        table.as_object_mut().unwrap().extend(settings);
        table["GlobalSecondaryIndexes"][0]["Projection"] = json!({ "ProjectionType": "ALL" });
    });
    bench.store.verify_table().await.unwrap();
    bench.store.create_table().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_indexes_of_other_types_do_not_matter() {
    if endpoint().is_some() {
        println!("skipped: see the head of live_index.rs");
        return;
    }
    let bench = TestBench::<App>::new().await;
    bench.other::<Admin>().await.create_table().await.unwrap();
    for status in ["CREATING", "DELETING"] {
        describe_as(&bench.wire, with_index_status("by-tenant", status));
        bench.store.verify_table().await.unwrap();
        bench.wire.clear();
        describe_as(&bench.wire, with_index_status("by-tenant", status));
        bench.store.create_table().await.unwrap();
        assert_eq!(
            bench.wire.operations(),
            ["CreateTable", "DescribeTable", "DescribeTimeToLive"]
        );
    }
}

/// A table allows one new index at a time.
#[tokio::test(start_paused = true)]
async fn an_index_is_added_after_that_of_another_type() {
    if endpoint().is_some() {
        println!("skipped: see the head of live_index.rs");
        return;
    }
    let bench = TestBench::<App>::new().await;
    let admin = bench.other::<Admin>().await;
    for _ in 0..3 {
        let filling = Fault::edit(|answer| {
            with_index_status("user_id-index", "CREATING")(&mut answer["Table"]);
        });
        bench.wire.next("DescribeTable", filling);
    }
    admin.create_table().await.unwrap();
    admin.verify_table().await.unwrap();
    let operations = bench.wire.operations();
    let added = operations.iter().position(|of| of == "UpdateTable");
    let looked = operations.iter().take(added.unwrap());
    assert_eq!(looked.filter(|of| *of == "DescribeTable").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_being_deleted_is_made_anew() {
    let bench = TestBench::<App>::new().await;
    let old = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.clear();
    for _ in 0..2 {
        let deleting = Fault::edit(|answer| with_status("DELETING")(&mut answer["Table"]));
        bench.wire.next("DescribeTable", deleting);
    }
    let (client, name) = (bench.client.clone(), bench.store.table_name().to_owned());
    let gone = Fault::meanwhile(move || async move {
        client.delete_table().table_name(name).send().await.unwrap();
    });
    bench.wire.next("DescribeTable", gone);

    bench.store.create_table().await.unwrap();
    bench.store.verify_table().await.unwrap();
    assert_eq!(count(&bench.wire, "CreateTable"), 2);
    assert!(bench.store.load(old.id()).await.unwrap().is_none());
}

/// Its operator deletes an index, and the next host needs it.
#[tokio::test(start_paused = true)]
async fn an_index_that_is_being_deleted_is_added_anew() {
    if endpoint().is_some() {
        println!("skipped: see the head of live_index.rs");
        return;
    }
    let bench = TestBench::<App>::new().await;
    // It can have had other keys.
    let deleting = Fault::edit(|answer| {
        let table = &mut answer["Table"];
        with_index_status("user_id-index", "DELETING")(table);
        table["GlobalSecondaryIndexes"][0]["KeySchema"][0]["AttributeName"] = "account".into();
    });
    bench.wire.next("DescribeTable", deleting);
    let (client, name) = (bench.client.clone(), bench.store.table_name().to_owned());
    let gone = Fault::meanwhile(move || async move {
        let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("user_id-index");
        let delete = delete.build().unwrap();
        let update = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
        let updated = client.update_table().table_name(name);
        let updated = updated.global_secondary_index_updates(update).send();
        updated.await.unwrap();
    });
    bench.wire.next("DescribeTable", gone);

    bench.store.create_table().await.unwrap();
    bench.store.verify_table().await.unwrap();
    assert_eq!(count(&bench.wire, "UpdateTable"), 1);
}
