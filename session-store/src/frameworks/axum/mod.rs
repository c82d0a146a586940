//! Typed sessions in axum 0.8: a layer, and an extractor of your session struct.
//!
//! [`SessionLayer`] goes around a router. A handler takes a [`CurrentSession`], which dereferences to
//! the session struct. Its changes are stored when it is done, before the response is sent. An existing
//! session is stored by [`save`](crate::DynamoDbStore::save), so that parallel requests which change
//! different fields do not overwrite each other. If there is no session, one is created.
//!
//! | extractor | for |
//! |---|---|
//! | [`CurrentSession`] | a handler, which has the session for itself |
//! | `Option<CurrentSession>` | a handler that begins no session; its type needs no default |
//! | [`RequiredSession`] | a handler that is refused without a session; its type needs no default |
//! | [`SharedSession`] | middlewares, parts of a page, streams and sockets |
//! | [`EndSession`] | a log-out, which reads nothing |
//!
//! ```
//! use axum::Router;
//! use axum::routing::{get, post};
//! use serde::{Deserialize, Serialize};
//! use session_store::frameworks::axum::{CurrentSession, EndSession, SessionLayer};
//! use session_store::{DynamoDbStore, SessionAttributes};
//!
//! #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
//! struct AppSession {
//!     #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
//!     user_id: Option<String>,
//!     visits: u64,
//! }
//!
//! type Current = CurrentSession<AppSession>;
//!
//! async fn visit(mut session: Current) -> String {
//!     session.visits += 1;
//!     format!("visit number {}", session.visits)
//! }
//!
//! async fn log_in(mut session: Current) {
//!     session.user_id = Some("u-17".into());
//!     // A new id, since an attacker may know the old one.
//!     CurrentSession::log_in(&mut session);
//! }
//!
//! async fn log_out(session: EndSession<AppSession>) {
//!     session.end();
//! }
//!
//! fn app(store: DynamoDbStore<AppSession>) -> Router {
//!     Router::new()
//!         .route("/", get(visit))
//!         .route("/login", post(log_in))
//!         .route("/logout", post(log_out))
//!         .layer(SessionLayer::new(store)) // `.dev()` for plain HTTP on this machine
//! }
//! ```
//!
//! # What it costs
//!
//! | a request | calls |
//! |---|---|
//! | whose handler takes no session, or that has no cookie and changes nothing | none |
//! | that reads | 1 `load`, and a `touch` when the store's [`Touch`](crate::Touch) policy asks for one |
//! | that changes something | 1 `load`, 1 `save` |
//! | that changes something and has no session | 1 `create` |
//! | with [`update`](CurrentSession::update) | 1 `load`, 1 `UpdateItem`, and one more each time that another write wins |
//! | with [`log_in`](CurrentSession::log_in) or [`cycle_id`](CurrentSession::cycle_id) | 1 `load`, 1 `log_in` or `cycle_id`, which stores all other changes too |
//! | with [`end`](CurrentSession::end) | 1 `load`, 1 `delete`; with [`EndSession`] no `load` |
//! | whose id names no session, on a store with `Eventual` reads | 1 `load` more, consistent |
//! | with [`take`](CurrentSession::take) | 1 `load`, and what `update` costs if there is something to take |
//! | with a [`SharedSession`] in several hands | the same as with one: 1 `load`, and 1 write at its end |
//! | that has several ids, as within the hour after a log-in whose session has ended or has a new id | 1 `load` for each until one is live, at most four: of the last log-in, and of the main cookie; a log-out deletes all |
//!
//! On a store with [`ReadYourWrites`](crate::ReadConsistency::ReadYourWrites) and a
//! [signed](SessionCookie::signed) cookie, that `load` costs half, and sees everything that this client has
//! written: a cookie of its own, `<name>-version`, holds the version, and every write sets it again. If several
//! requests run at the same time, the response that arrives last counts, so the next request may miss a write
//! of another one.
//!
//! If a handler only reads, nothing is cloned or serialised.
//!
//! # When something goes wrong
//!
//! | event | response, unless [`on_error`](SessionLayer::on_error) gives another |
//! |---|---|
//! | the cookie is empty, too long, of another app, unsigned, or of a session that has ended | as without a cookie |
//! | the cookie is of an id that was replaced less than a minute ago, by a log-in of another tab | that of the handler; nothing is stored, unless it logs in |
//! | the browser calls the request cross-site, and has kept its cookie back | that of the handler; no session begins, unless it [logs in](CurrentSession::log_in) or [asks for one](CurrentSession::allow_cross_site) |
//! | the session ended while the handler ran | that of the handler; nothing is stored, but a log-in begins a new session |
//! | DynamoDB is not available, or other writes won every attempt | 503 |
//! | a consistent index refuses one more session | 409 |
//! | the session cannot be decoded | as without a cookie, with a warning in the log, and the item stays; or 500, if the store was built with [`Unreadable::Error`](crate::Unreadable::Error) |
//! | the session would be larger than 400 KB, or [`max_size`](crate::Builder::max_size) | 413 |
//! | the session cannot be stored for another reason | 500 |
//! | the handler responds with a server error or 408, or panics | its own; nothing is stored but an [`end`](CurrentSession::end), unless [`save_on_server_error`](SessionLayer::save_on_server_error) or [`failed_if`](SessionLayer::failed_if) says otherwise |
//! | a time-out around the layer cuts the handler off, or the client hangs up | nothing is stored but an [`end`](CurrentSession::end); once storing has begun, it continues to its end |
//! | a time-out inside of the layer cuts the handler off | that of the time-out; see [below](#several-layers) |
//! | the session cannot be ended | 503; the cookie is removed all the same |
//! | a log-in after a failed read, which `on_error` let pass | 503 |
//! | another extractor has the session | 500, and the text names [`SharedSession`] |
//! | a [`CurrentSession`] is kept after the response, with a change that needs a cookie | 500 |
//! | the handler returns an [`Error`](crate::Error) | as above; for [`Error::Gone`](crate::Error::Gone) 401, or 409 if the session has a new id |
//!
//! Nothing but [`end`](CurrentSession::end) removes the cookie, since a slow request would then undo the log-in
//! of a fast one. For the same reason, the cookie with the id is set by a new session, a new id and a change of
//! its end alone, and a log-in has a [second cookie](SessionCookie).
//!
//! Whether a session has expired is judged by the beginning of its request, so that a long upload does not log
//! its visitor out. A handler that has waited for a long body can
//! [ask](CurrentSession::refresh) whether its session is still there.
//!
//! # Log out everywhere else
//!
//! The session of the request, as the store knows it, is that of [`stored`](CurrentSession::stored):
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use session_store::{Error, SessionAttributes, frameworks::axum::CurrentSession};
//! # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
//! # struct AppSession { #[dynamo(attr = "user_id", index(consistent), user)] user_id: Option<String> }
//! async fn log_out_elsewhere(session: CurrentSession<AppSession>) -> Result<String, Error> {
//!     let (Some(user), Some(this)) = (&session.user_id, CurrentSession::stored(&session)) else {
//!         return Ok("you are not logged in".to_owned());
//!     };
//!     let store = CurrentSession::store(&session);
//!     let revoked = store.revoke(AppSession::USER_ID, user).except(this).await?;
//!     Ok(format!("{} other sessions have ended", revoked.deleted()))
//! }
//! ```
//!
//! To log out everywhere, do the same and then call [`end`](CurrentSession::end), so that the cookie goes.
//!
//! # Several layers
//!
//! Layers for different sessions need different cookies. Those of two session types have them: the type is in the
//! default name. Give one of two layers for the same type, such as with two tables, another name, with
//! [`SessionCookie::name`]. A route inside of two layers with one cookie is answered with 500, and the log
//! says why. If two layers stand side by side, the log has an error when the second is added.
//!
//! The same store in two layers around a route counts as one layer, with the settings of the outer one; the log has
//! a warning if the inner one has others. This has a use. Nothing shows whether a handler has returned or was cut
//! off, except for the response. A time-out that answers with 408, or 500 and more, is known by that. For one that
//! answers in another way, put a clone of the layer inside of it as well: then only what comes back through the
//! inner layer is stored.
//!
//! ```
//! # use axum::{Router, extract::Request, middleware::{Next, from_fn}, response::Response};
//! # use serde::{Deserialize, Serialize};
//! # use session_store::{DynamoDbStore, SessionAttributes, frameworks::axum::SessionLayer};
//! # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
//! # struct AppSession { user_id: Option<String> }
//! # async fn time_out(request: Request, next: Next) -> Response { next.run(request).await }
//! # fn app(store: DynamoDbStore<AppSession>) -> Router {
//! let sessions = SessionLayer::new(store);
//! Router::new()
//!     .layer(sessions.clone())
//!     .layer(from_fn(time_out))
//!     .layer(sessions)
//! # }
//! ```
//!
//! # On AWS Lambda
//!
//! Lambda freezes the process when the response is sent. The layer has nothing left to do then: it returns
//! the response after the session is written, and reads the session again for each request. The example
//! `lambda-app` runs on Lambda.
//!
//! # Guarantees
//!
//! All guarantees of the store hold: the layer only calls [`DynamoDbStore`]'s methods. After a failed read
//! nothing is written but an [`end`](CurrentSession::end), whatever `on_error` returns, and `save` and `update`
//! return the error of the read. Once a log-in or log-out
//! was answered, no late or parallel answer undoes it (G18).
//!
//! [`DynamoDbStore`]: crate::DynamoDbStore

mod authentication;
mod config;
mod end_session;
mod extract;
mod from_request;
mod guards;
mod layer;
mod rejection;
mod required;
mod shared;

pub use self::end_session::EndSession;
pub use self::extract::CurrentSession;
pub use self::layer::{SessionLayer, SessionService};
pub use self::rejection::SessionRejection;
pub use self::required::RequiredSession;
pub use self::shared::SharedSession;
pub use super::http::cookie::{SameSite, SessionCookie, SigningKey, Via};
pub use super::http::policy::Stage;
