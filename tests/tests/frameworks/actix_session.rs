//! actix-session 0.11: what its own acceptance tests ask of a store, and what this store adds.

use std::collections::HashMap;
use std::rc::Rc;

use actix_session::config::{
    BrowserSession, CookieContentSecurity, PersistentSession, SessionMiddlewareBuilder,
    TtlExtensionPolicy,
};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::body::to_bytes;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App as Actix, Error, guard, web};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::{LocalBoxFuture, join_all};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_store::actix_session::ActixSessions;
use session_store::{DynamoDbStore, SessionAttributes, SessionHandle, SessionId, Unreadable};
use session_store_tests::{Bench, Fault, Item};
use tokio::sync::Barrier;

/// What the application knows of the framework's map.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
}

/// The same with an index that misses nothing, of one session a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Single {
    #[dynamo(attr = "user_id", index(consistent, limit = 1))]
    user_id: Option<String>,
}

/// The same with an index in shards.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Sharded {
    #[dynamo(attr = "user_id", index(shards = 3))]
    user_id: Option<String>,
}

/// The same with an attribute that depends on two entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "both", with = Pair::both)]
#[serde(default)]
struct Pair {
    one: bool,
    two: bool,
}

impl Pair {
    fn both(&self) -> bool {
        self.one && self.two
    }
}

/// How many requests of one browser are under way.
const AT_ONCE: usize = 50;

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

// ---- An application and its visitors ----

/// The application behind the framework's middleware.
struct Site(Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Result<ServiceResponse, Error>>>);

type Middleware<S> = SessionMiddlewareBuilder<ActixSessions<S>>;

impl Site {
    async fn new<S>(sessions: ActixSessions<S>) -> Self
    where
        S: SessionAttributes + DeserializeOwned + Send + Sync + 'static,
    {
        Self::with(sessions, |middleware| middleware).await
    }

    async fn with<S>(
        sessions: ActixSessions<S>,
        configure: impl FnOnce(Middleware<S>) -> Middleware<S>,
    ) -> Self
    where
        S: SessionAttributes + DeserializeOwned + Send + Sync + 'static,
    {
        let middleware = configure(SessionMiddleware::builder(sessions, key())).build();
        // Requests that ask for it go on when each of them has loaded the session.
        let together = Rc::new(Barrier::new(AT_ONCE));
        let app = Actix::new().configure(routes).wrap_fn(move |request, app| {
            let together = (request.query_string() == "together").then(|| Rc::clone(&together));
            let answer = app.call(request);
            async move {
                if let Some(together) = together {
                    together.wait().await;
                }
                answer.await
            }
        });
        let service = init_service(app.wrap(middleware)).await;
        let service = Rc::new(service);
        Self(Box::new(move |request| {
            let service = Rc::clone(&service);
            Box::pin(async move { service.call(request.to_request()).await })
        }))
    }

    async fn get(&self, path: &str, cookie: &Option<Cookie<'_>>) -> Response {
        self.send(Method::GET, path, &header(cookie)).await
    }

    async fn post(&self, path: &str, cookie: &Option<Cookie<'_>>) -> Response {
        self.send(Method::POST, path, &header(cookie)).await
    }

    /// A request with this text for cookies.
    async fn send(&self, method: Method, path: &str, cookies: &str) -> Response {
        let request = TestRequest::with_uri(path).method(method);
        let request = request.insert_header(("cookie", cookies));
        let response = match (self.0)(request).await {
            Ok(response) => response.into_parts().1,
            Err(error) => error.error_response(),
        };
        Response {
            status: response.status(),
            cookie: response.cookies().next().map(Cookie::into_owned),
            entries: match to_bytes(response.into_body()).await {
                Ok(body) => serde_json::from_slice(&body).unwrap_or(Value::Null),
                Err(_) => Value::Null,
            },
        }
    }
}

/// An answer.
#[derive(Debug)]
struct Response {
    status: StatusCode,
    cookie: Option<Cookie<'static>>,
    /// The entries of the session as the request left them, if the application answered.
    entries: Value,
}

fn header(cookie: &Option<Cookie<'_>>) -> String {
    let cookie = cookie.as_ref();
    cookie.map_or_else(String::new, |cookie| {
        format!("{}={}", cookie.name(), cookie.value())
    })
}

/// The key of a session in a cookie of the framework's default kind.
fn session_key(cookie: &Option<Cookie<'static>>) -> String {
    let mut jar = CookieJar::new();
    jar.add_original(cookie.clone().expect("there is a cookie"));
    let opened = jar
        .private(&key())
        .get("id")
        .expect("it is the framework's");
    opened.value().to_owned()
}

fn handle(cookie: &Option<Cookie<'static>>) -> SessionHandle {
    SessionId::parse(&session_key(cookie)).unwrap().handle()
}

/// Any of 64 bytes does; the same for all, so that a test can look into a cookie.
fn key() -> Key {
    Key::from(&[7; 64])
}

fn routes(app: &mut web::ServiceConfig) {
    app.route("/", web::get().to(entries))
        .route("/set/{name}/{value}", web::post().to(set))
        .route("/remove/{name}", web::post().to(remove))
        .route("/replace/{name}/{value}", web::post().to(replace))
        .route("/count", web::post().to(count))
        .route("/log-in/{user}", web::post().to(log_in))
        .route("/log-in-anew/{user}", web::post().to(log_in_anew))
        .route("/log-out", web::post().to(log_out))
        .route("/set-and-log-out/{name}", web::post().to(set_and_log_out))
        .service(
            web::resource("/users-only")
                .guard(guard::fn_guard(|context| {
                    context.get_session().contains_key("user_id")
                }))
                .to(entries),
        );
}

type Answer = Result<web::Json<HashMap<String, Value>>, Error>;

async fn entries(session: Session) -> Answer {
    let entries = session.entries();
    let own = entries.iter().filter(|(name, _)| *name != "session-store");
    let own = own.map(|(name, text)| Ok((name.clone(), serde_json::from_str(text)?)));
    Ok(web::Json(own.collect::<Result<_, Error>>()?))
}

async fn set(session: Session, path: web::Path<(String, String)>) -> Answer {
    let (name, value) = path.into_inner();
    session.insert(name, value)?;
    entries(session).await
}

async fn remove(session: Session, name: web::Path<String>) -> Answer {
    session.remove(&name);
    entries(session).await
}

async fn replace(session: Session, path: web::Path<(String, String)>) -> Answer {
    session.clear();
    set(session, path).await
}

async fn count(session: Session) -> Answer {
    let count = session.get("count")?.unwrap_or(0);
    session.insert("count", count + 1)?;
    entries(session).await
}

async fn log_in(session: Session, user: web::Path<String>) -> Answer {
    session.insert("user_id", user.into_inner())?;
    session.renew();
    entries(session).await
}

async fn log_in_anew(session: Session, user: web::Path<String>) -> Answer {
    session.clear();
    log_in(session, user).await
}

async fn log_out(session: Session) -> Answer {
    session.purge();
    entries(session).await
}

async fn set_and_log_out(session: Session, name: web::Path<String>) -> Answer {
    session.insert(name.into_inner(), true)?;
    log_out(session).await
}

async fn bench() -> (Bench<App>, ActixSessions<App>) {
    let bench = Bench::new().await;
    let sessions = ActixSessions::new(bench.store.clone());
    (bench, sessions)
}

async fn only_item<S>(bench: &Bench<S>) -> Item
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut items = bench.items().await;
    items.retain(|item| !item["id"].as_s().unwrap().starts_with('#'));
    assert_eq!(items.len(), 1);
    items.remove(0)
}

fn lasting(ttl: Duration) -> PersistentSession {
    PersistentSession::default().session_ttl(ttl)
}

const POLICIES: [CookieContentSecurity; 2] = [
    CookieContentSecurity::Signed,
    CookieContentSecurity::Private,
];

// ---- The framework's own acceptance tests ----

#[actix_web::test]
async fn what_one_request_inserts_another_reads() {
    for policy in POLICIES {
        let (_bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .cookie_name("sid".into())
                .cookie_path("/shop".into())
                .cookie_domain(Some("localhost".into()))
                .session_lifecycle(lasting(Duration::seconds(100)))
        });
        let site = site.await;
        let first = site.post("/count", &None).await.cookie;
        let cookie = first.as_ref().unwrap();
        assert_eq!((cookie.name(), cookie.path()), ("sid", Some("/shop")));
        assert_eq!(cookie.max_age(), Some(Duration::seconds(100)));
        assert_eq!(site.get("/", &first).await.entries, json!({ "count": 1 }));
    }
}

#[actix_web::test]
async fn a_change_renews_the_cookie_and_a_reading_does_not() {
    for policy in POLICIES {
        let (bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .session_lifecycle(lasting(Duration::minutes(1)))
        });
        let site = site.await;
        let first = site.post("/count", &None).await.cookie;
        bench.clock.advance(MINUTE / 2);
        bench.wire.clear();
        assert_eq!(site.get("/", &first).await.cookie, None);
        assert_eq!(bench.wire.operations(), ["GetItem"]);

        let second = site.post("/count", &first).await.cookie.unwrap();
        assert_eq!(second.max_age(), Some(Duration::minutes(1)));
        bench.clock.advance(MINUTE / 2);
        let read = site.get("/", &Some(second)).await;
        assert_eq!(
            read.entries,
            json!({ "count": 2 }),
            "it lives longer than the first would"
        );
    }
}

#[actix_web::test]
async fn every_request_renews_the_cookie_if_so_configured() {
    for policy in POLICIES {
        let (bench, sessions) = bench().await;
        let lifecycle = lasting(Duration::minutes(1))
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .session_lifecycle(lifecycle)
        });
        let site = site.await;
        let mut cookie = site.post("/count", &None).await.cookie;
        for _ in 0..3 {
            bench.clock.advance(MINUTE / 2);
            cookie = site.get("/", &cookie).await.cookie;
            assert_eq!(
                cookie.as_ref().unwrap().max_age(),
                Some(Duration::minutes(1))
            );
        }
        bench.clock.advance(MINUTE);
        assert_eq!(site.get("/", &cookie).await.entries, json!({}));
    }
}

/// From the first visit past a log-in to the log-out, with old cookies sent again.
#[actix_web::test]
async fn a_visit_with_log_in_and_log_out() {
    for policy in POLICIES {
        let (bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .session_lifecycle(lasting(Duration::days(7)))
        });
        let site = site.await;
        let nothing = site.get("/", &None).await;
        assert_eq!((nothing.cookie, nothing.entries), (None, json!({})));
        assert!(
            bench.items().await.is_empty(),
            "who changes nothing has no session"
        );

        let first = site.post("/count", &None).await.cookie;
        assert_eq!(first.as_ref().unwrap().max_age(), Some(Duration::days(7)));
        let read = site.get("/", &first).await;
        assert_eq!((read.cookie, read.entries), (None, json!({ "count": 1 })));
        let second = site.post("/count", &first).await;
        assert_eq!(second.entries, json!({ "count": 2 }));

        let third = site.post("/log-in/ferris", &second.cookie).await.cookie;
        assert_ne!(
            third.as_ref().unwrap().value(),
            second.cookie.as_ref().unwrap().value()
        );
        let known = json!({ "count": 2, "user_id": "ferris" });
        assert_eq!(site.get("/", &third).await.entries, known);
        let counted = site.post("/count", &third).await;
        assert_eq!(counted.entries, json!({ "count": 3, "user_id": "ferris" }));

        let old = site.get("/", &second.cookie).await;
        assert_eq!(
            (old.cookie, old.entries),
            (None, json!({})),
            "the key before the log-in"
        );
        let out = site.post("/log-out", &third).await.cookie.unwrap();
        assert_eq!(
            (out.max_age(), out.path()),
            (Some(Duration::ZERO), Some("/"))
        );
        let after = site.get("/", &third).await;
        assert_eq!((after.cookie, after.entries), (None, json!({})));
        assert!(bench.items().await.is_empty());
    }
}

#[actix_web::test]
async fn a_guard_sees_the_session() {
    for policy in POLICIES {
        let (_bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware.cookie_content_security(policy)
        });
        let site = site.await;
        assert_eq!(
            site.get("/users-only", &None).await.status,
            StatusCode::NOT_FOUND
        );
        let cookie = site.post("/log-in/ferris", &None).await.cookie;
        let counted = site.post("/count", &cookie).await.cookie;
        let known = site.get("/users-only", &counted).await;
        assert_eq!(known.entries, json!({ "count": 1, "user_id": "ferris" }));
    }
}

/// A failure of the store is an answer of 500, and tells the visitor nothing.
#[actix_web::test]
async fn g10_a_failed_read_is_no_missing_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let item = only_item(&bench).await;
    for _ in 0..3 {
        bench.wire.next(
            "GetItem",
            Fault::Answer(500, "InternalServerError", "secret"),
        );
    }
    let failed = site.post("/count", &cookie).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((failed.cookie, failed.entries), (None, Value::Null));
    assert_eq!(only_item(&bench).await, item);

    let unreadable = [
        ("data", AttributeValue::S("{}".into())),
        (
            "data",
            AttributeValue::M(HashMap::from([(
                "theme".into(),
                AttributeValue::N("5".into()),
            )])),
        ),
    ];
    for (name, value) in unreadable {
        let mut broken = item.clone();
        broken.insert(name.into(), value);
        bench.put(broken.clone()).await;
        for path in ["/count", "/log-in/ferris", "/log-out"] {
            let failed = site.post(path, &cookie).await;
            assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(
            only_item(&bench).await,
            broken,
            "nothing is written over it"
        );
    }
}

/// Where the store is told so, a session that cannot be read is none.
#[actix_web::test]
async fn an_unreadable_session_can_count_as_absent() {
    let bench = Bench::<App>::new().await;
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let store = builder.unreadable(Unreadable::Absent).build().await;
    let sessions = ActixSessions::<App>::new(store.unwrap());
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let mut item = only_item(&bench).await;
    let theme = HashMap::from([("theme".into(), AttributeValue::N("5".into()))]);
    for data in [AttributeValue::M(theme), AttributeValue::S("{}".into())] {
        item.insert("data".into(), data);
        bench.put(item.clone()).await;
        let read = site.get("/", &cookie).await;
        assert_eq!((read.status, read.entries), (StatusCode::OK, json!({})));
    }
}

// ---- What is stored, and found again ----

#[actix_web::test]
async fn the_map_is_the_data_and_promoted_fields_are_attributes() {
    let (bench, sessions) = bench().await;
    let state = HashMap::from([
        ("user_id".to_owned(), r#""u-17""#.to_owned()),
        (
            "other".to_owned(),
            r#"{"list":[1,-2.5,1e20,null,true,18446744073709551615],"no":""}"#.to_owned(),
        ),
    ]);
    let key = sessions
        .save(state.clone(), &Duration::minutes(5))
        .await
        .unwrap();
    let item = only_item(&bench).await;
    assert_eq!(item["user_id"].as_s().unwrap(), "u-17");
    let data = item["data"].as_m().unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!(data["user_id"], AttributeValue::S("u-17".into()));
    assert!(data["other"].as_m().unwrap()["list"].is_l());
    let ends = bench.clock.millis() / 1000 + 300;
    assert_eq!(item["expires_at"].as_n().unwrap(), &ends.to_string());
    assert!(
        !format!("{item:?}").contains(key.as_ref()),
        "the key is a secret"
    );

    let mut loaded = sessions.load(&key).await.unwrap().unwrap();
    loaded.remove("session-store").unwrap();
    let values = |state: HashMap<String, String>| -> HashMap<String, Value> {
        let parse = |(name, text): (String, String)| (name, serde_json::from_str(&text).unwrap());
        state.into_iter().map(parse).collect()
    };
    assert_eq!(values(loaded), values(state));
    assert_eq!(only_item(&bench).await, item, "a load writes nothing");
}

#[actix_web::test]
async fn sessions_are_found_and_revoked_by_user() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let phone = site.post("/log-in/ferris", &None).await.cookie;
    let laptop = site.post("/log-in/ferris", &None).await.cookie;
    let other = site.post("/log-in/corro", &None).await.cookie;
    let devices = sessions
        .store()
        .sessions(App::USER_ID, "ferris")
        .all()
        .await
        .unwrap();
    let mut found: Vec<_> = devices.iter().map(|device| device.handle()).collect();
    let mut expected = [handle(&phone), handle(&laptop)];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);

    let revoked = bench.store.revoke(App::USER_ID, "ferris").await.unwrap();
    assert_eq!(revoked.deleted(), 2);
    for cookie in [&phone, &laptop] {
        assert_eq!(site.get("/", cookie).await.entries, json!({}));
    }
    assert_eq!(
        site.get("/", &other).await.entries,
        json!({ "user_id": "corro" })
    );
}

/// The limit of one session a user holds for what the framework does, and the roster follows.
#[actix_web::test]
async fn g9_a_consistent_index_follows_log_in_and_log_out() {
    let bench = Bench::<Single>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let count = |user: &'static str| bench.store.sessions(Single::USER_ID, user).count();
    let phone = site.post("/log-in/ferris", &None).await.cookie;
    bench.clock.advance(MINUTE);
    let laptop = site.post("/count", &None).await.cookie;
    let laptop = site.post("/log-in/ferris", &laptop).await.cookie;
    assert_eq!(
        site.get("/", &phone).await.entries,
        json!({}),
        "it made room"
    );
    assert_eq!(count("ferris").await.unwrap(), 1);

    bench.wire.clear();
    site.post("/count", &laptop).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    bench.wire.clear();
    site.post("/set/user_id/corro", &laptop).await;
    assert!(
        bench
            .wire
            .operations()
            .contains(&"TransactWriteItems".to_owned())
    );
    assert_eq!(
        (
            count("ferris").await.unwrap(),
            count("corro").await.unwrap()
        ),
        (0, 1)
    );
    assert_eq!(
        bench
            .store
            .revoke(Single::USER_ID, "corro")
            .await
            .unwrap()
            .deleted(),
        1
    );

    let again = site.post("/log-in/ferris", &None).await.cookie;
    site.post("/log-out", &again).await;
    let rosters = bench.items().await;
    assert!(
        rosters
            .iter()
            .all(|item| item["m"].as_m().unwrap().is_empty())
    );
}

// ---- Writes ----

#[actix_web::test]
async fn an_update_writes_what_changed() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    site.post("/set/language/de", &cookie).await;
    bench.wire.clear();
    site.post("/set/user_id/ferris", &cookie).await;
    let calls = bench.wire.calls();
    assert_eq!(calls.len(), 2, "a load and an update");
    let update = &calls[1].input;
    let names = update["ExpressionAttributeNames"].to_string();
    let values = update["ExpressionAttributeValues"].to_string();
    assert!(names.contains("user_id") && !names.contains("theme") && !names.contains("language"));
    assert!(
        values.contains("ferris") && !values.contains("dark") && !values.contains("session-store")
    );

    site.post("/remove/user_id", &cookie).await;
    let item = only_item(&bench).await;
    assert!(!item.contains_key("user_id"));
    assert_eq!(item["data"].as_m().unwrap().len(), 2);

    bench.wire.clear();
    site.post("/replace/theme/light", &cookie).await;
    assert_eq!(
        bench.wire.operations(),
        ["GetItem", "GetItem", "UpdateItem"]
    );
    let data = only_item(&bench).await["data"].as_m().unwrap().clone();
    assert_eq!(
        data,
        HashMap::from([("theme".to_owned(), AttributeValue::S("light".into()))])
    );
}

/// What another program keeps in the item stays, under a new key as well.
#[actix_web::test]
async fn g4_unknown_attributes_survive() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let mut item = only_item(&bench).await;
    let created_at = item["created_at"].clone();
    item.insert("theirs".into(), AttributeValue::S("kept".into()));
    bench.put(item).await;
    bench.clock.advance(MINUTE);
    let cookie = site.post("/count", &cookie).await.cookie;
    site.post("/log-in/ferris", &cookie).await;
    let item = only_item(&bench).await;
    assert_eq!(item["theirs"].as_s().unwrap(), "kept");
    assert_eq!(item["created_at"], created_at);
}

/// A session of a binary that did not promote the field yet is found after the next update.
#[actix_web::test]
async fn an_update_mends_promoted_attributes() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let mut item = only_item(&bench).await;
    item.remove("user_id").unwrap();
    bench.put(item).await;
    site.post("/count", &cookie).await;
    let item = only_item(&bench).await;
    assert_eq!(item["user_id"].as_s().unwrap(), "ferris");
    assert_eq!(item["data"].as_m().unwrap()["count"].as_n().unwrap(), "1");
    bench.wire.clear();
    site.post("/count", &cookie).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
}

#[actix_web::test]
async fn a_session_is_in_the_shards_of_its_user() {
    let bench = Bench::<Sharded>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let count = |user: &'static str| bench.store.sessions(Sharded::USER_ID, user).count();
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    assert_eq!(count("ferris").await.unwrap(), 1);
    let mut item = only_item(&bench).await;
    item.remove("user_id-shard").unwrap();
    bench.put(item).await;
    assert_eq!(count("ferris").await.unwrap(), 0);
    site.post("/count", &cookie).await;
    assert_eq!(count("ferris").await.unwrap(), 1);
    bench.wire.clear();
    site.post("/count", &cookie).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    site.post("/log-in/corro", &cookie).await;
    assert_eq!(count("ferris").await.unwrap(), 0);
    assert_eq!(count("corro").await.unwrap(), 1);
}

/// With `OnEveryRequest`, a request that changes nothing writes when the session ends, and no more.
#[actix_web::test]
async fn extending_the_ttl_writes_the_expiry_alone() {
    let (bench, sessions) = bench().await;
    let lifecycle = BrowserSession::default()
        .state_ttl(Duration::minutes(10))
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let site = Site::with(sessions, |middleware| {
        middleware.session_lifecycle(lifecycle)
    })
    .await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let mut before = only_item(&bench).await;
    bench.clock.advance(MINUTE);
    bench.wire.clear();
    site.get("/", &cookie).await;

    let calls = bench.wire.calls();
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    let names = &calls[1].input["ExpressionAttributeNames"];
    let update = calls[1].input["UpdateExpression"].as_str().unwrap();
    let set = update.strip_prefix("SET ").unwrap().split(',');
    let mut set: Vec<_> = set
        .map(|clause| names[clause.split_once('=').unwrap().0].as_str().unwrap())
        .collect();
    set.sort();
    assert_eq!(set, ["expires_at", "touched_at"]);

    let now = bench.clock.millis();
    before.insert("touched_at".into(), AttributeValue::N(now.to_string()));
    before.insert(
        "expires_at".into(),
        AttributeValue::N((now / 1000 + 600).to_string()),
    );
    assert_eq!(only_item(&bench).await, before);
}

#[actix_web::test]
async fn g6_nothing_outlives_the_absolute_timeout_or_shortens_a_session() {
    let (bench, sessions) = bench().await;
    let begin = bench.clock.millis() / 1000;
    let ends = async || {
        only_item(&bench).await["expires_at"]
            .as_n()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            - begin
    };
    let (hour, week) = (Duration::hours(1), Duration::days(7));
    let key = sessions.save(HashMap::new(), &hour).await.unwrap();
    assert_eq!(ends().await, 3600);
    sessions
        .update_ttl(&key, &Duration::minutes(5))
        .await
        .unwrap();
    assert_eq!(ends().await, 3600, "it was granted an hour");

    bench.clock.advance(50 * MINUTE);
    sessions.update_ttl(&key, &hour).await.unwrap();
    assert_eq!(ends().await, 50 * 60 + 3600);
    sessions.update_ttl(&key, &week).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);

    let mut state = sessions.load(&key).await.unwrap().unwrap();
    state.insert("theme".into(), r#""dark""#.into());
    let key = sessions.update(key, state, &week).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);

    // An update with less time leaves what others have granted.
    let mut state = sessions.load(&key).await.unwrap().unwrap();
    state.insert("theme".into(), r#""light""#.into());
    let short = Duration::minutes(5);
    let key = sessions.update(key, state, &short).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);
    let theme = only_item(&bench).await["data"].as_m().unwrap()["theme"].clone();
    assert_eq!(theme, AttributeValue::S("light".into()));

    // A new key goes on where the old one was.
    bench.clock.advance(60 * MINUTE);
    let state = sessions.load(&key).await.unwrap().unwrap();
    sessions.delete(&key).await.unwrap();
    let key = sessions.save(state, &week).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);
    bench.clock.set((begin + 12 * 3600) * 1000);
    assert_eq!(sessions.load(&key).await.unwrap(), None);
}

#[actix_web::test]
async fn g11_what_cannot_be_stored_is_known_before_the_call() {
    let (bench, sessions) = bench().await;
    let key = sessions
        .save(HashMap::new(), &Duration::HOUR)
        .await
        .unwrap();
    let key: String = key.into();
    let key = || SessionKey::try_from(key.clone()).unwrap();
    let before = only_item(&bench).await;
    bench.wire.clear();
    let large = format!("{:?}", "x".repeat(401 * 1024));
    for (name, text) in [("theme", "5"), ("", "1"), ("big", &large), ("broken", "{")] {
        let state = HashMap::from([(name.to_owned(), text.to_owned())]);
        let saved = sessions.save(state.clone(), &Duration::HOUR).await;
        let Err(SaveError::Serialization(error)) = saved else {
            panic!("{saved:?}")
        };
        assert!(format!("{error:#}").contains(name), "{error:#}");
        let mut loaded = sessions.load(&key()).await.unwrap().unwrap();
        loaded.extend(state);
        bench.wire.clear();
        let updated = sessions.update(key(), loaded, &Duration::HOUR).await;
        assert!(
            matches!(updated, Err(UpdateError::Serialization(_))),
            "{updated:?}"
        );
        assert_eq!(bench.wire.operations(), [""; 0]);
    }
    assert_eq!(only_item(&bench).await, before);
}

#[actix_web::test]
async fn g13_a_write_whose_answer_was_lost_is_applied_once() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    bench.wire.next("PutItem", Fault::LoseResponse);
    let cookie = site.post("/count", &None).await.cookie;
    assert_eq!(
        handle(&cookie).to_string(),
        *only_item(&bench).await["id"].as_s().unwrap()
    );
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    site.post("/count", &cookie).await;
    let item = only_item(&bench).await;
    assert_eq!(item["version"].as_n().unwrap(), "2");
    assert_eq!(item["data"].as_m().unwrap()["count"].as_n().unwrap(), "2");

    // Whether the first delete ended it, or a revocation before, nobody knows.
    bench.wire.next("DeleteItem", Fault::LoseResponse);
    let renewed = site.post("/log-in/ferris", &cookie).await;
    assert_eq!(renewed.status, StatusCode::OK);
    assert_eq!(site.get("/", &renewed.cookie).await.entries, json!({}));
    assert!(bench.items().await.is_empty());
}

// ---- Sessions that have ended ----

/// A request that is slow to save, while its user is logged out everywhere.
#[actix_web::test]
async fn g1_no_slow_request_brings_a_session_back() {
    for (path, first_write) in [
        ("/count", "UpdateItem"),
        ("/remove/user_id", "UpdateItem"),
        ("/log-in/ferris", "DeleteItem"),
        ("/log-out", "DeleteItem"),
    ] {
        let (bench, sessions) = bench().await;
        let site = Site::new(sessions).await;
        let cookie = site.post("/log-in/ferris", &None).await.cookie;
        let store = bench.store.clone();
        let revoke = move || async move {
            let revoked = store.revoke(App::USER_ID, "ferris").await.unwrap();
            assert_eq!(revoked.deleted(), 1);
        };
        bench.wire.next(first_write, Fault::meanwhile(revoke));
        let slow = site.post(path, &cookie).await;
        assert_eq!(
            slow.status,
            StatusCode::OK,
            "{path}: no fault of the visitor's"
        );
        assert!(bench.items().await.is_empty(), "{path}");
        let next = site.get("/", &slow.cookie).await;
        assert_eq!(
            (next.status, next.entries),
            (StatusCode::OK, json!({})),
            "{path}"
        );
    }
}

/// The same for a session that reaches its end meanwhile; and nothing is left of one that never was.
#[actix_web::test]
async fn g1_and_g2_an_ended_session_takes_no_writes() {
    let (bench, sessions) = bench().await;
    let save = || sessions.save(HashMap::new(), &Duration::HOUR);
    let never = SessionKey::try_from("A".repeat(43)).unwrap();
    sessions.update_ttl(&never, &Duration::HOUR).await.unwrap();
    let state = HashMap::from([("user_id".to_owned(), r#""u-17""#.to_owned())]);
    let never = sessions
        .update(never, state.clone(), &Duration::HOUR)
        .await
        .unwrap();
    assert_eq!(never.as_ref(), "A".repeat(43));
    sessions.delete(&never).await.unwrap();
    assert!(bench.items().await.is_empty());

    let key = save().await.unwrap();
    let mut loaded = sessions.load(&key).await.unwrap().unwrap();
    loaded.extend(state.clone());
    let before = only_item(&bench).await;
    bench.clock.advance(60 * MINUTE);
    for state in [loaded.clone(), state] {
        let key = SessionKey::try_from(key.as_ref().to_owned()).unwrap();
        sessions.update_ttl(&key, &Duration::HOUR).await.unwrap();
        sessions.update(key, state, &Duration::HOUR).await.unwrap();
        assert_eq!(
            only_item(&bench).await,
            before,
            "DynamoDB has not deleted it yet"
        );
    }
    sessions.delete(&key).await.unwrap();
    let new = sessions
        .save(loaded.clone(), &Duration::HOUR)
        .await
        .unwrap();
    assert!(sessions.load(&new).await.unwrap().is_none());
    sessions.delete(&key).await.unwrap();
    sessions.delete(&save().await.unwrap()).await.unwrap();
    let new = sessions.save(loaded, &Duration::HOUR).await.unwrap();
    assert!(
        sessions.load(&new).await.unwrap().is_none(),
        "another one was deleted"
    );
    assert!(bench.items().await.is_empty());
}

/// A log-in that wants to succeed in any case clears the session first.
#[actix_web::test]
async fn a_log_in_to_a_cleared_session_is_a_new_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/count", &None).await.cookie;
    let (store, old) = (bench.store.clone(), handle(&cookie));
    let end = move || async move { store.revoke_handle(&old).await.map(drop).unwrap() };
    bench.wire.next("DeleteItem", Fault::meanwhile(end));
    let new = site.post("/log-in-anew/ferris", &cookie).await.cookie;
    assert_eq!(
        site.get("/", &new).await.entries,
        json!({ "user_id": "ferris" })
    );
}

// ---- Cookies ----

#[actix_web::test]
async fn a_bad_cookie_is_an_anonymous_request() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let ended = site.post("/log-in/ferris", &None).await.cookie;
    site.post("/log-out", &ended).await;
    let live = site.post("/log-in/corro", &None).await.cookie;
    let before = only_item(&bench).await;

    let sealed = |key: Key, value: &str| {
        let mut jar = CookieJar::new();
        jar.private_mut(&key)
            .add(Cookie::new("id", value.to_owned()));
        jar.get("id").unwrap().value().to_owned()
    };
    let id = session_key(&live);
    let value = live.as_ref().unwrap().value();
    let cookies = [
        "".to_owned(),
        "id".to_owned(),
        "id=".to_owned(),
        "=; ;;id==".to_owned(),
        "id=%00%ff".to_owned(),
        "id=\"".to_owned(),
        format!("id={}", "x".repeat(100_000)),
        format!("id={id}"),
        format!("id={}", &value[..value.len() - 1]),
        format!("id={}", sealed(Key::from(&[8; 64]), &id)),
        format!("id={}", sealed(key(), "")),
        format!("id={}", sealed(key(), "1")),
        format!("id={}", sealed(key(), &id[1..])),
        format!("id={}", sealed(key(), &format!("{id}="))),
        format!("id={}", sealed(key(), &"x".repeat(4064))),
        format!("id={}", sealed(key(), &"x".repeat(5000))),
        format!("id={}", sealed(key(), &handle(&live).to_string())),
        format!("id={}", sealed(key(), &"A".repeat(43))),
        format!("id={}", ended.as_ref().unwrap().value()),
        // The first of two counts.
        format!("id=x; id={value}"),
        format!("id={}; id={value}", ended.as_ref().unwrap().value()),
    ];
    for cookie in &cookies {
        let shown = &cookie[..cookie.len().min(80)];
        let read = site.send(Method::GET, "/", cookie).await;
        assert_eq!(
            (read.status, read.entries),
            (StatusCode::OK, json!({})),
            "{shown}"
        );
        for path in ["/log-out", "/remove/theme"] {
            let done = site.send(Method::POST, path, cookie).await;
            assert_eq!(done.status, StatusCode::OK, "{shown}");
            assert_eq!(only_item(&bench).await, before, "{shown}");
        }
        for path in ["/count", "/log-in/ferris"] {
            let begun = site.send(Method::POST, path, cookie).await;
            assert_eq!(begun.status, StatusCode::OK, "{shown}");
            let key = session_key(&begun.cookie);
            assert!(
                SessionId::parse(&key).is_ok() && !cookie.contains(&key),
                "{shown}"
            );
            let done = site.post("/log-out", &begun.cookie).await;
            assert_eq!(done.status, StatusCode::OK);
        }
        assert_eq!(only_item(&bench).await, before, "{shown}");
    }
    let both = format!("id={value}; id=x");
    let read = site.send(Method::GET, "/", &both).await;
    assert_eq!(read.entries, json!({ "user_id": "corro" }));
}

#[actix_web::test]
async fn a_text_that_is_no_id_is_not_looked_up() {
    let (bench, sessions) = bench().await;
    bench.wire.clear();
    for text in ["", "1", "#user_id#u-17", "#everyone", &"x".repeat(4064)] {
        let key = || SessionKey::try_from(text.to_owned()).unwrap();
        assert!(sessions.load(&key()).await.unwrap().is_none());
        sessions.update_ttl(&key(), &Duration::HOUR).await.unwrap();
        sessions.delete(&key()).await.unwrap();
        let updated = sessions
            .update(key(), HashMap::new(), &Duration::HOUR)
            .await
            .unwrap();
        assert_eq!(updated, key());
    }
    assert_eq!(bench.wire.operations(), [""; 0]);
}

// ---- Parallel requests of one browser ----

#[actix_web::test]
async fn g3_parallel_changes_of_different_entries_are_all_kept() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let paths: Vec<_> = (0..AT_ONCE)
        .map(|n| format!("/set/entry-{n}/{n}"))
        .collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let entries = site.get("/", &cookie).await.entries;
    for n in 0..AT_ONCE {
        assert_eq!(entries[format!("entry-{n}")], n.to_string());
    }
    assert_eq!(
        only_item(&bench).await["data"].as_m().unwrap().len(),
        AT_ONCE + 1
    );
}

#[actix_web::test]
async fn g3_of_parallel_changes_of_the_same_entry_one_is_kept() {
    let (_bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let paths: Vec<_> = (0..AT_ONCE)
        .map(|n| format!("/set/theme/{n}?together"))
        .collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let theme = site.get("/", &cookie).await.entries["theme"].clone();
    assert!(theme.as_str().unwrap().parse::<usize>().unwrap() < AT_ONCE);
}

#[actix_web::test]
async fn g1_parallel_changes_do_not_undo_a_log_out() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let path = |n| match n % 2 {
        0 => format!("/set/entry-{n}/{n}?together"),
        _ => format!("/set-and-log-out/entry-{n}?together"),
    };
    let paths: Vec<_> = (0..AT_ONCE).map(path).collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK);
        let next = site.get("/", &answer.cookie).await;
        assert_eq!((next.status, next.entries), (StatusCode::OK, json!({})));
    }
    assert_eq!(site.get("/", &cookie).await.entries, json!({}));
    assert!(bench.items().await.is_empty());
}

#[actix_web::test]
async fn of_parallel_renewals_one_gets_the_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let log_in = || site.post("/log-in/ferris?together", &cookie);
    let answers = join_all((0..AT_ONCE).map(|_| log_in())).await;
    let mut live = 0;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK);
        let next = site.get("/", &answer.cookie).await.entries;
        live += usize::from(next == json!({ "theme": "dark", "user_id": "ferris" }));
    }
    assert_eq!(live, 1);
    only_item(&bench).await;
}

/// Changes that come when the old session has gone are dropped; the others are in the new one.
#[actix_web::test]
async fn of_parallel_renewals_and_changes_one_session_is_left() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let path = |n| match n % 2 {
        0 => format!("/set/entry-{n}/{n}?together"),
        _ => "/log-in/ferris?together".to_owned(),
    };
    let paths: Vec<_> = (0..AT_ONCE).map(path).collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let left = only_item(&bench).await;
    assert_eq!(left["user_id"].as_s().unwrap(), "ferris");
    assert_eq!(
        left["data"].as_m().unwrap()["theme"].as_s().unwrap(),
        "dark"
    );
    assert_eq!(site.get("/", &cookie).await.entries, json!({}));
}

/// What the framework cannot do: between the old key and the new one there is no session.
#[actix_web::test]
async fn g7_a_new_key_is_two_writes() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    bench.wire.clear();
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    let calls = bench.wire.operations();
    assert_eq!(calls, ["GetItem", "DeleteItem", "PutItem"]);

    let (store, (tell, told)) = (bench.store.clone(), std::sync::mpsc::channel());
    let revoke = move || async move {
        let revoked = store.revoke(App::USER_ID, "ferris").await.unwrap();
        tell.send(revoked.deleted()).unwrap();
    };
    bench.wire.next("PutItem", Fault::meanwhile(revoke));
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(told.recv(), Ok(0), "a revocation misses it");
    let known = json!({ "user_id": "ferris" });
    assert_eq!(site.get("/", &cookie).await.entries, known);

    let refusal = Fault::Answer(400, "AccessDeniedException", "no");
    bench.wire.next("PutItem", refusal);
    let failed = site.post("/log-in/ferris", &cookie).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(bench.items().await.is_empty(), "a failure ends it");
}

/// A log-in takes along what another request has stored since it read the session.
#[actix_web::test]
async fn g3_a_new_key_holds_what_others_have_changed() {
    let (bench, sessions) = bench().await;
    let site = Rc::new(Site::new(sessions.clone()).await);
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let id = session_key(&cookie);
    let other = move || async move {
        let key = SessionKey::try_from(id).unwrap();
        let mut state = sessions.load(&key).await.unwrap().unwrap();
        state.insert("cart".into(), "[1]".into());
        sessions.update(key, state, &Duration::HOUR).await.unwrap();
    };
    bench.wire.next("DeleteItem", Fault::meanwhile(other));
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    let entries = json!({ "theme": "dark", "user_id": "ferris", "cart": [1] });
    assert_eq!(site.get("/", &cookie).await.entries, entries);
}

/// An attribute that is computed from two entries fits both, whoever wrote which.
#[actix_web::test]
async fn g3_a_computed_attribute_fits_what_two_requests_changed() {
    let bench = Bench::<Pair>::new().await;
    let sessions = ActixSessions::new(bench.store.clone());
    let key = sessions
        .save(HashMap::new(), &Duration::HOUR)
        .await
        .unwrap();
    let again = SessionKey::try_from(key.as_ref().to_owned()).unwrap();
    let mut one = sessions.load(&key).await.unwrap().unwrap();
    let mut two = one.clone();
    one.insert("one".into(), "true".into());
    two.insert("two".into(), "true".into());
    sessions.update(key, one, &Duration::HOUR).await.unwrap();
    sessions.update(again, two, &Duration::HOUR).await.unwrap();
    assert_eq!(only_item(&bench).await["both"], AttributeValue::Bool(true));
}

#[actix_web::test]
async fn the_errors_of_the_trait_are_told_apart() {
    let (bench, sessions) = bench().await;
    let key = sessions
        .save(HashMap::new(), &Duration::HOUR)
        .await
        .unwrap();
    let refuse = |operation| {
        bench
            .wire
            .next(operation, Fault::Answer(400, "AccessDeniedException", "no"));
    };
    refuse("GetItem");
    assert!(matches!(
        sessions.load(&key).await,
        Err(LoadError::Other(_))
    ));
    refuse("PutItem");
    let saved = sessions.save(HashMap::new(), &Duration::HOUR).await;
    assert!(matches!(saved, Err(SaveError::Other(_))));
    refuse("UpdateItem");
    assert!(sessions.update_ttl(&key, &Duration::HOUR).await.is_err());
    refuse("DeleteItem");
    assert!(sessions.delete(&key).await.is_err());
    let mut state = sessions.load(&key).await.unwrap().unwrap();
    state.insert("theme".into(), r#""dark""#.into());
    refuse("UpdateItem");
    let updated = sessions.update(key, state, &Duration::HOUR).await;
    assert!(matches!(updated, Err(UpdateError::Other(_))));
}
