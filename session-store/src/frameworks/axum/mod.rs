//! Typed sessions in axum 0.8: a layer, and an extractor of one's own struct.
//!
//! [`SessionLayer`] goes around a router; a handler takes a [`CurrentSession`], which dereferences to
//! the session struct. What the handler changes is stored when it is done, before the response goes
//! out: a session that is there by [`save`](crate::DynamoDbStore::save), so that parallel requests
//! which change different fields do not disturb each other; one that is not there is created.
//!
//! ```
//! use axum::Router;
//! use axum::routing::{get, post};
//! use serde::{Deserialize, Serialize};
//! use session_store::axum::{CurrentSession, SessionLayer};
//! use session_store::{DynamoDbStore, SessionAttributes};
//!
//! #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
//! struct AppSession {
//!     #[dynamo(attr = "user_id", index(consistent, limit = 5))]
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
//!     // Whoever planted the old id has nothing of it.
//!     CurrentSession::cycle_id(&mut session);
//! }
//!
//! async fn log_out(mut session: Current) {
//!     CurrentSession::end(&mut session);
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
//! | with [`update`](CurrentSession::update) | 1 `load`, 1 `UpdateItem`, and one more each time that others were first |
//! | with [`cycle_id`](CurrentSession::cycle_id) | 1 `load`, 1 `cycle_id`, which stores all other changes too |
//! | with [`end`](CurrentSession::end) | 1 `load`, 1 `delete` |
//!
//! On a store with [`ReadYourWrites`](crate::ReadConsistency::ReadYourWrites) and a
//! [signed](SessionCookie::signed) cookie, that `load` is one at half the price, which sees all that
//! this client has written: the cookie takes the version along, and is set anew with every write. Of
//! several requests at once, the answer that arrives last counts, so that the next request may miss what
//! another of them wrote.
//!
//! A handler that only reads clones and serialises nothing.
//!
//! # When something goes wrong
//!
//! | what | answer, if [`on_error`](SessionLayer::on_error) says nothing else |
//! |---|---|
//! | the cookie is empty, too long, there twice, of another app, unsigned, or of a session that has ended | as without a cookie |
//! | the session ended while the handler ran | that of the handler; nothing is stored |
//! | DynamoDB is not available, or others overtook every attempt | 503 |
//! | a consistent index refuses one more session | 409 |
//! | the session cannot be decoded, or stored | 500 |
//! | the handler answers with a server error, or panics | its own; nothing is stored, unless [`save_on_server_error`](SessionLayer::save_on_server_error) |
//! | the client hangs up while the handler runs | nothing is stored; once storing has begun, it is carried to its end |
//!
//! In none of these is the cookie taken away: a slow request would undo the log-in of a fast one. Only
//! [`end`](CurrentSession::end) removes it.
//!
//! # On AWS Lambda
//!
//! Lambda freezes the process when the answer is out. The layer has nothing to do by then: it gives
//! the answer away when the write of the session is through, and reads the session anew for each
//! request. The example `lambda-app` runs so.
//!
//! # Guarantees
//!
//! All of the store's own, G1 to G14, hold: the layer calls nothing but [`DynamoDbStore`]'s methods.
//! After a failed read nothing is written, whatever `on_error` answers.
//!
//! [`DynamoDbStore`]: crate::DynamoDbStore

mod config;
mod extract;
mod layer;

pub use self::extract::{CurrentSession, SessionRejection};
pub use self::layer::{SessionLayer, SessionService};
pub use super::http::cookie::{SameSite, SessionCookie, SigningKey};
pub use super::http::policy::Stage;
