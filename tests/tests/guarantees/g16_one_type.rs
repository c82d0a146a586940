//! G16. An id belongs to one session type: to another type it is nothing, whatever that calls.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::{Item, TestBench};

macro_rules! user {
    ($(#[$option:meta])* $name:ident) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        $(#[$option])*
        struct $name {
            #[dynamo(attr = "user_id", index(consistent, limit = 2))]
            user_id: Option<u64>,
            #[dynamo(attr = "tenant", index)]
            tenant: Option<String>,
            theme: String,
        }

        impl $name {
            #[allow(dead_code, reason = "one of the types only reads")]
            fn of(user: u64) -> Self {
                Self {
                    user_id: Some(user),
                    tenant: Some("acme".into()),
                    ..Self::default()
                }
            }
        }
    };
}

user! {
    /// With the default table and cookie, as `Staff`.
    #[dynamo(table = "tests")]
    Customer
}

user! {
    #[dynamo(table = "tests")]
    Staff
}

user! {
    /// The customers' sessions after their struct was renamed.
    #[dynamo(table = "tests", type_name = "Customer")]
    Shopper
}

user! {
    #[dynamo(table = "tests", data = "binary")]
    PackedStaff
}

/// A session of before items had a type, or of a program that does not write it.
async fn without_type(bench: &TestBench<Customer>, session: &Session<Customer>) -> Item {
    let mut item = bench.item(session.handle()).await.unwrap();
    item.remove("session_type").unwrap();
    bench.put(item.clone()).await;
    item
}

async fn is_nothing_to<S>(staff: &DynamoDbStore<S>, customer: &Session<Customer>)
where
    S: SessionAttributes
        + Clone
        + Serialize
        + serde::de::DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    assert!(staff.load(customer.id()).await.unwrap().is_none());
    let at_least = staff.load_at_least(customer.id(), 1).await.unwrap();
    assert!(at_least.is_none());
    let updated = staff.update(customer.id(), |_| ()).await;
    assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
    staff.delete(customer.id()).await.unwrap();
    let revoked = staff.revoke_handle(&customer.handle()).await.unwrap();
    assert_eq!(revoked.deleted(), 0);
}

#[tokio::test]
async fn a_session_of_another_type_is_absent_to_every_operation() {
    let bench = TestBench::<Customer>::new().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    let before = bench.item(customer.handle()).await;
    is_nothing_to(&bench.other::<Staff>().await, &customer).await;
    is_nothing_to(&bench.other::<PackedStaff>().await, &customer).await;
    assert_eq!(bench.item(customer.handle()).await, before);
    assert!(bench.store.load(customer.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_new_id_stays_of_its_type() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    let mut customer = bench.store.create(Customer::of(7)).await.unwrap();
    bench.store.cycle_id(&mut customer).await.unwrap();
    customer.theme = "dark".into();
    bench.store.save(&mut customer).await.unwrap();
    is_nothing_to(&staff, &customer).await;
}

#[tokio::test]
async fn listing_and_revocation_see_the_sessions_of_their_type_alone() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    let employee = staff.create(Staff::of(7)).await.unwrap();
    let listed = staff.sessions(Staff::USER_ID, 7).all().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle(), employee.handle());
    let listed = staff.sessions(Staff::TENANT, "acme").all().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle(), employee.handle());
    let only = staff.revoke(Staff::USER_ID, 7).only(customer.handle());
    assert_eq!(only.await.unwrap().deleted(), 0);
    assert_eq!(staff.revoke(Staff::USER_ID, 7).await.unwrap().deleted(), 1);
    let by_index = staff.revoke(Staff::TENANT, "acme").await.unwrap();
    assert_eq!((by_index.deleted(), by_index.failed().len()), (0, 0));
    assert!(bench.store.load(customer.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn each_type_has_its_own_limit() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    for _ in 0..2 {
        let customer = bench.store.create(Customer::of(7)).await.unwrap();
        assert_eq!(Session::evicted(&customer), []);
        let employee = staff.create(Staff::of(7)).await.unwrap();
        assert_eq!(Session::evicted(&employee), []);
    }
}

#[tokio::test]
async fn a_renamed_struct_keeps_its_sessions_under_its_old_name() {
    let bench = TestBench::<Customer>::new().await;
    let shop = bench.other::<Shopper>().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    let mut shopper = shop.load(customer.id()).await.unwrap().unwrap();
    shopper.theme = "dark".into();
    shop.save(&mut shopper).await.unwrap();
    let customer = bench.store.load(customer.id()).await.unwrap().unwrap();
    assert_eq!(customer.theme, "dark");
    assert_eq!(shop.sessions(Shopper::USER_ID, 7).count().await.unwrap(), 1);
    let revoked = shop.revoke(Shopper::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

/// It belongs to the first type that writes to it, and is readable until then.
#[tokio::test]
async fn a_session_without_a_type_belongs_to_the_first_that_writes_it() {
    for way in ["save", "touch", "cycle_id", "update"] {
        let bench = TestBench::<Customer>::new().await;
        let staff = bench.other::<Staff>().await;
        let customer = bench.store.create(Customer::of(7)).await.unwrap();
        without_type(&bench, &customer).await;
        let mut customer = bench.store.load(customer.id()).await.unwrap().unwrap();
        let mut by_staff = staff.load(customer.id()).await.unwrap().unwrap();
        match way {
            "save" => {
                customer.theme = "dark".into();
                bench.store.save(&mut customer).await.unwrap();
            }
            "touch" => {
                bench.clock.advance(std::time::Duration::from_secs(600));
                bench.store.touch(&mut customer).await.unwrap();
            }
            "update" => {
                let id = customer.id().clone();
                let updated = bench.store.update(&id, |it| it.theme.push('x'));
                updated.await.unwrap();
            }
            _ => bench.store.cycle_id(&mut customer).await.unwrap(),
        }
        let item = bench.item(customer.handle()).await.unwrap();
        assert_eq!(
            item["session_type"],
            AttributeValue::S("Customer".into()),
            "{way}"
        );
        is_nothing_to(&staff, &customer).await;
        // Nor can a copy that the other type had loaded before be written.
        by_staff.theme = "mine".into();
        let saved = staff.save(&mut by_staff).await;
        assert!(matches!(saved, Err(Error::Gone(_))), "{way}: {saved:?}");
        assert!(bench.store.load(customer.id()).await.unwrap().is_some());
    }
}

/// An old program keeps the type of what it changes, since it does not know it (G4).
#[tokio::test]
async fn a_type_that_is_no_text_is_of_another_type() {
    let bench = TestBench::<Customer>::new().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    for kind in [AttributeValue::N("7".into()), AttributeValue::S("".into())] {
        let mut item = bench.item(customer.handle()).await.unwrap();
        item.insert("session_type".into(), kind);
        bench.put(item).await;
        assert!(bench.store.load(customer.id()).await.unwrap().is_none());
    }
}

/// The roster of an earlier program: under a key without type and kind, and with entries of both types.
fn earlier_roster(user: u64, handles: &[&str], expires_at: &AttributeValue) -> Item {
    // As late as any session of these tests.
    let created = || AttributeValue::N("4000000000000".into());
    let entries = handles
        .iter()
        .map(|handle| ((*handle).to_owned(), created()));
    Item::from([
        (
            "id".to_owned(),
            AttributeValue::S(format!("#user_id#{user}")),
        ),
        ("m".to_owned(), AttributeValue::M(entries.collect())),
        ("expires_at".to_owned(), expires_at.clone()),
    ])
}

/// Makes the table as an earlier program would have left it with these sessions.
async fn age(bench: &TestBench<Customer>, sessions: &[Session<Customer>]) {
    let mut handles = Vec::new();
    for session in sessions {
        without_type(bench, session).await;
        handles.push(session.handle().to_string());
    }
    let handles: Vec<_> = handles.iter().map(String::as_str).collect();
    for item in bench.items().await {
        if item["id"]
            .as_s()
            .unwrap()
            .starts_with("#user_id#7#N#Customer")
        {
            bench
                .put(earlier_roster(7, &handles, &item["expires_at"]))
                .await;
            bench
                .delete([("id".to_owned(), item["id"].clone())].into())
                .await;
        }
    }
}

#[tokio::test]
async fn the_rosters_of_an_earlier_program_are_not_lost() {
    let bench = TestBench::<Customer>::new().await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        bench.clock.advance(std::time::Duration::from_millis(1));
        sessions.push(bench.store.create(Customer::of(7)).await.unwrap());
    }
    age(&bench, &sessions).await;
    let count = bench.store.sessions(Customer::USER_ID, 7).count().await;
    assert_eq!(count.unwrap(), 2);
    // They count towards the limit.
    bench.clock.advance(std::time::Duration::from_millis(1));
    let third = bench.store.create(Customer::of(7)).await.unwrap();
    assert_eq!(Session::evicted(&third).len(), 1);
    let count = bench.store.sessions(Customer::USER_ID, 7).count().await;
    assert_eq!(count.unwrap(), 2);
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
    for session in &sessions {
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_revocation_ends_what_an_earlier_program_has_entered() {
    let bench = TestBench::<Customer>::new().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    // The roster of this program is there too.
    let other = bench.store.create(Customer::of(7)).await.unwrap();
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.failed().len(), 0);
    for session in [&session, &other] {
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

/// It gets a new id while the revocation goes through the earlier roster, and so moves to the new one.
#[tokio::test]
async fn a_revocation_ends_a_session_that_leaves_an_earlier_roster_meanwhile() {
    let bench = TestBench::<Customer>::new().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    let moving = bench.store.load(session.id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    bench.wire.next(
        "DeleteItem",
        session_store_tests::Fault::meanwhile(move || async move {
            let mut moving = moving;
            store.cycle_id(&mut moving).await.unwrap();
            sender.send(moving.id().clone()).unwrap();
        }),
    );
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.failed().len(), 0);
    let id = receiver.await.unwrap();
    assert!(bench.store.load(&id).await.unwrap().is_none());
}

/// Each session counts once, in whatever rosters it is.
#[tokio::test]
async fn a_revocation_counts_each_session_once() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    let other = bench.store.create(Customer::of(7)).await.unwrap();
    let employee = staff.create(Staff::of(7)).await.unwrap();
    // The shared roster of before has all of them.
    let mut roster = earlier_roster(7, &[], &AttributeValue::N("99999999999".into()));
    if let Some(AttributeValue::M(entries)) = roster.get_mut("m") {
        for handle in [session.handle(), other.handle(), employee.handle()] {
            entries.insert(
                handle.to_string(),
                AttributeValue::N("4000000000000".into()),
            );
        }
    }
    bench.put(roster).await;
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    let counts = (revoked.deleted(), revoked.already_gone(), revoked.moved());
    assert_eq!((counts, revoked.failed().len()), ((2, 0, 0), 0));
    assert!(staff.load(employee.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_of_an_earlier_program_gets_a_new_id_and_ends() {
    let bench = TestBench::<Customer>::new().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    let mut session = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.store.cycle_id(&mut session).await.unwrap();
    session.user_id = Some(8);
    bench.store.save(&mut session).await.unwrap();
    let count = bench.store.sessions(Customer::USER_ID, 7).count().await;
    assert_eq!(count.unwrap(), 0);
    let revoked = bench.store.revoke(Customer::USER_ID, 8).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

macro_rules! keyed {
    ($name:ident, $key:ty $(, $limit:ident = $count:literal)?) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "keyed")]
        struct $name {
            #[dynamo(attr = "user_id", index(consistent $(, $limit = $count)?))]
            user_id: $key,
            theme: String,
        }
    };
}

/// Reads a user id of both forms, as a program must whose ids were texts before.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct UserId(u64);

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(id) => Ok(Self(id)),
            Either::Text(id) => id.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

impl session_store::IndexKey for UserId {
    type As = u64;

    fn as_key(&self) -> &u64 {
        &self.0
    }
}

keyed!(Text, String);
keyed!(Number, UserId);
keyed!(OneText, String, limit = 1);
keyed!(OneNumber, UserId, limit = 1);

/// A session that takes the place of itself evicts nobody, and is not named twice in its transaction.
#[tokio::test]
async fn a_new_id_after_the_user_id_has_become_a_number_takes_its_own_place() {
    let bench = TestBench::<OneText>::new().await;
    let new = bench.other::<OneNumber>().await;
    let text = OneText {
        user_id: "17".into(),
        theme: String::new(),
    };
    let session = bench.store.create(text).await.unwrap();
    let mut session = new.load(session.id()).await.unwrap().unwrap();
    new.cycle_id(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), []);
    assert!(new.load(session.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_user_id_can_go_from_text_to_number() {
    let bench = TestBench::<Text>::new().await;
    let new = bench.other::<Number>().await;
    let text = || Text {
        user_id: "17".into(),
        theme: String::new(),
    };
    let first = bench.store.create(text()).await.unwrap();
    let second = bench.store.create(text()).await.unwrap();
    let third = bench.store.create(text()).await.unwrap();
    // Writes to the sessions of before.
    let mut loaded = new.load(first.id()).await.unwrap().unwrap();
    loaded.theme = "dark".into();
    new.save(&mut loaded).await.unwrap();
    let mut loaded = new.load(second.id()).await.unwrap().unwrap();
    new.cycle_id(&mut loaded).await.unwrap();
    let listed = new.sessions(Number::USER_ID, UserId(17)).count().await;
    assert_eq!(listed.unwrap(), 3);
    let revoked = new.revoke(Number::USER_ID, UserId(17)).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (3, 0));
    for id in [loaded.id(), first.id(), third.id()] {
        assert!(new.load(id).await.unwrap().is_none());
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Hashes {
    #[dynamo(attr = "a", index(consistent))]
    a: Option<String>,
    #[dynamo(attr = "a#b", index(consistent))]
    a_b: Option<String>,
}

#[tokio::test]
async fn two_attributes_never_share_a_roster() {
    let bench = TestBench::<Hashes>::new().await;
    let hashes = |a: Option<&str>, a_b: Option<&str>| Hashes {
        a: a.map(str::to_owned),
        a_b: a_b.map(str::to_owned),
    };
    let one = bench.store.create(hashes(Some("b#c"), None)).await.unwrap();
    let other = bench.store.create(hashes(None, Some("c"))).await.unwrap();
    // One session in both at once would name one item twice in a transaction.
    let mut both = bench.store.create(hashes(None, None)).await.unwrap();
    *both = hashes(Some("b#c"), Some("c"));
    bench.store.save(&mut both).await.unwrap();
    let of_a = bench.store.sessions(Hashes::A, "b#c").all().await.unwrap();
    let handles: Vec<_> = of_a.iter().map(|session| session.handle()).collect();
    assert!(handles.contains(&one.handle()) && !handles.contains(&other.handle()));
    assert_eq!(handles.len(), 2);
    assert_eq!(
        bench
            .store
            .sessions(Hashes::A_B, "c")
            .count()
            .await
            .unwrap(),
        2
    );
}

#[tokio::test]
async fn deployments_with_different_prefixes_share_a_table_and_nothing_else() {
    let bench = TestBench::<Customer>::new().await;
    let deployment = |prefix: &str| {
        DynamoDbStore::<Customer>::builder()
            .client(bench.store.client().clone())
            .table_name(bench.store.table_name())
            .key_prefix(prefix)
            .build()
    };
    let blue = deployment("blue/").await.unwrap();
    let green = deployment("blue/green/").await.unwrap();
    let session = blue.create(Customer::of(7)).await.unwrap();
    let key = format!("blue/{}", session.handle());
    let items = bench.items().await;
    assert!(items.iter().any(|item| item["id"].as_s() == Ok(&key)));
    for other in [&green, &bench.store] {
        is_nothing_to_deployment(other, &session).await;
    }
    let mut session = blue.load(session.id()).await.unwrap().unwrap();
    session.theme = "dark".into();
    blue.save(&mut session).await.unwrap();
    blue.cycle_id(&mut session).await.unwrap();
    assert_eq!(
        blue.sessions(Customer::USER_ID, 7).count().await.unwrap(),
        1
    );
    assert_eq!(
        blue.sessions(Customer::TENANT, "acme")
            .count()
            .await
            .unwrap(),
        1
    );
    let revoked = blue.revoke(Customer::TENANT, "acme").await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

async fn is_nothing_to_deployment(other: &DynamoDbStore<Customer>, session: &Session<Customer>) {
    assert!(other.load(session.id()).await.unwrap().is_none());
    other.delete(session.id()).await.unwrap();
    assert_eq!(
        other.revoke(Customer::USER_ID, 7).await.unwrap().deleted(),
        0
    );
    let by_tenant = other.revoke(Customer::TENANT, "acme").await.unwrap();
    assert_eq!(by_tenant.deleted(), 0);
    assert_eq!(
        other
            .sessions(Customer::TENANT, "acme")
            .count()
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn a_prefix_that_could_be_the_key_of_something_else_is_refused() {
    let bench = TestBench::<Customer>::new().await;
    for prefix in ["#everyone", "a b", "ü", &"a".repeat(65)] {
        let built = DynamoDbStore::<Customer>::builder()
            .client(bench.store.client().clone())
            .key_prefix(prefix)
            .build();
        let error = built.await.unwrap_err();
        assert!(matches!(error, Error::Setup(_)), "{prefix}: {error}");
    }
}
