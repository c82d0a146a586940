//! actix-session 0.11: an application behind its middleware, and the requests to it.

mod acceptance;
mod attributes;
mod cookies;
mod cost;
mod guarantees;
mod lifetime;
mod moved;
mod one_thread;
mod parallel;
mod renewal;
mod touch;
mod user;

use std::collections::HashMap;
use std::rc::Rc;

use actix_session::config::SessionMiddlewareBuilder;
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::body::to_bytes;
use actix_web::cookie::{Cookie, CookieJar, Key};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App as Actix, Error, guard, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_store::frameworks::actix_session::ActixSessions;
use session_store::{SessionAttributes, SessionHandle, SessionId};
use session_store_tests::{Item, TestBench};
use tokio::sync::Barrier;

/// The part of the framework's map that the application knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
}

/// The number of parallel requests of one browser.
const AT_ONCE: usize = 50;

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

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
        // If requests ask for it, they continue when all of them have loaded the session.
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

    /// A request with this text as its cookies.
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

/// A response.
#[derive(Debug)]
struct Response {
    status: StatusCode,
    cookie: Option<Cookie<'static>>,
    /// The entries of the session at the end of the request, if the application responded.
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
        .expect("the framework signed it");
    opened.value().to_owned()
}

fn handle(cookie: &Option<Cookie<'static>>) -> SessionHandle {
    SessionId::parse(&session_key(cookie)).unwrap().handle()
}

/// Any 64 bytes will do. They are always the same, so that a test can read a cookie.
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
        .route("/renew", web::post().to(renew))
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

async fn renew(session: Session) -> Answer {
    session.renew();
    entries(session).await
}

async fn log_out(session: Session) -> Answer {
    session.purge();
    entries(session).await
}

async fn set_and_log_out(session: Session, name: web::Path<String>) -> Answer {
    session.insert(name.into_inner(), true)?;
    log_out(session).await
}

async fn bench() -> (TestBench<App>, ActixSessions<App>) {
    let bench = TestBench::new().await;
    let sessions = ActixSessions::new(bench.store.clone());
    (bench, sessions)
}

async fn only_item<S>(bench: &TestBench<S>) -> Item
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut items = bench.items().await;
    items.retain(|item| !item["id"].as_s().unwrap().starts_with('#'));
    assert_eq!(items.len(), 1);
    items.remove(0)
}
