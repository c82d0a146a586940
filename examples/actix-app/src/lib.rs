//! An example of session-store with actix-session: log-in, a counter of visits, and a list of the user's
//! devices, to log out everywhere.

use actix_session::{Session, SessionMiddleware};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::cookie::Key;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::{Data, Form, ServiceConfig, get, post};
use actix_web::{Error, HttpResponse};
use maud::{DOCTYPE, Markup, html};
use serde::{Deserialize, Serialize};
use session_store::frameworks::actix_session::ActixSessions;
use session_store::{DynamoDbStore, SessionAttributes};

/// The fields that the store knows. The application reads and writes the entries of the same names through
/// actix-session's [`Session`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "actix-sessions", absolute_timeout = "12h")]
#[serde(default)]
pub struct AppSession {
    /// The user: a separate attribute, with an index that misses no session. By `user`, the store knows a
    /// log-in: the absolute timeout then begins anew, and another user needs a new key.
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    pub user_id: Option<String>,
    /// The number of visits.
    pub visits: u64,
}

/// The store of this app.
pub type Store = DynamoDbStore<AppSession>;

/// The middleware that gives each request its session.
pub fn sessions(store: &Store, key: Key) -> SessionMiddleware<ActixSessions<AppSession>> {
    SessionMiddleware::builder(ActixSessions::new(store.clone()), key)
        // There is no TLS on loopback; remove this line if there is.
        .cookie_secure(false)
        .build()
}

/// The pages of the app.
pub fn pages(store: Store) -> impl FnOnce(&mut ServiceConfig) {
    move |app| {
        app.app_data(Data::new(store))
            .route("/", get().to(home))
            .route("/log-in", post().to(log_in))
            .route("/log-out", post().to(log_out))
            .route("/log-out-everywhere", post().to(log_out_everywhere));
    }
}

/// Refuses the forms of other sites, which could log the visitor in as somebody else.
pub async fn from_this_site(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    if may_pass(&request) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let refusal = HttpResponse::Forbidden().body(same_origin::REFUSAL);
    Ok(request.into_response(refusal).map_into_right_body())
}

/// The types of actix-web are those of an older `http`.
fn may_pass(request: &ServiceRequest) -> bool {
    let copy = http::Request::builder()
        .method(request.method().as_str())
        .uri(request.uri().to_string());
    let copy = request.headers().iter().fold(copy, |copy, (name, value)| {
        copy.header(name.as_str(), value.as_bytes())
    });
    copy.body(()).is_ok_and(|copy| same_origin::allows(&copy))
}

/// The page. It counts its visits in an entry of the session without an index.
async fn home(session: Session, store: Data<Store>) -> Result<Markup, Error> {
    let visits = session.get::<u64>("visits")?.unwrap_or(0) + 1;
    session.insert("visits", visits)?;
    let user = session.get::<String>("user_id")?;
    let devices = match &user {
        Some(user) => {
            let devices = store.sessions(AppSession::USER_ID, user).all().await;
            devices.map_err(failed)?
        }
        None => Vec::new(),
    };
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "actix-app" } }
            body {
                p { "Visits: " (visits) }
                @if let Some(user) = user {
                    h1 { "Hello, " (user) }
                    h2 { "Your devices" }
                    ul {
                        @for device in devices { li { code { (device.handle()) } } }
                    }
                    form method="post" action="/log-out" { button { "Log out" } }
                    form method="post" action="/log-out-everywhere" {
                        button { "Log out everywhere" }
                    }
                } @else {
                    form method="post" action="/log-in" {
                        input name="user" required maxlength="100" placeholder="Any name";
                        button { "Log in" }
                    }
                }
            }
        }
    })
}

#[derive(Deserialize)]
struct LogIn {
    user: String,
}

/// A real app would ask for a password here. After the new key, an attacker who knows the old one cannot
/// use it.
async fn log_in(session: Session, form: Form<LogIn>) -> Result<HttpResponse, Error> {
    let user = form.into_inner().user;
    if user.is_empty() || user.len() > 100 {
        return Ok(HttpResponse::BadRequest().body("a name has 1 to 100 bytes"));
    }
    session.insert("user_id", user)?;
    session.renew();
    Ok(to_home())
}

async fn log_out(session: Session) -> HttpResponse {
    session.purge();
    to_home()
}

/// Ends all sessions of the user, including this one; `purge` removes its cookie.
async fn log_out_everywhere(session: Session, store: Data<Store>) -> Result<HttpResponse, Error> {
    if let Some(user) = session.get::<String>("user_id")? {
        let revoked = store.revoke(AppSession::USER_ID, &user).await;
        let revoked = revoked.map_err(failed)?;
        if !revoked.failed().is_empty() {
            return Ok(HttpResponse::ServiceUnavailable().body("not all have ended; try again"));
        }
    }
    session.purge();
    Ok(to_home())
}

fn to_home() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, "/"))
        .finish()
}

/// A response of 500 that does not tell the visitor the cause.
fn failed(error: session_store::Error) -> Error {
    InternalError::from_response(error, HttpResponse::InternalServerError().finish()).into()
}
