//! The cookie of a stored session, for the tests of an application.

use http::HeaderValue;

use crate::id::SessionId;
use crate::schema::SessionAttributes;
use crate::session::Session;

use super::settings::SessionCookie;

impl SessionCookie {
    /// The header `Cookie` with which a browser sends the id of this session. So the test of a page can begin
    /// with a session of the store, and need not log in first. For API clients, see
    /// [`bearer_header`](crate::test_util::bearer_header).
    ///
    /// Give it the cookie of the layer: [`SessionCookie::new`] for a layer without settings. The header also
    /// has the cookie's name [over plain HTTP](Self::over_http), so it is good for the layer with and without
    /// [`dev`](crate::frameworks::axum::SessionLayer::dev). If the cookie is [signed](Self::signed), so is the header.
    ///
    /// There is no cookie with a version, so on a store with
    /// [`ReadYourWrites`](crate::ReadConsistency::ReadYourWrites) the first load is a consistent one. Nor is there
    /// that of a log-in. After a response with `Set-Cookie`, such as to a log-in, send what that says.
    ///
    /// Needs the feature `test-util`.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::body::Body;
    /// use axum::http::header::COOKIE;
    /// use axum::http::{Request, StatusCode};
    /// use axum::routing::get;
    /// use serde::{Deserialize, Serialize};
    /// use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer};
    /// use session_store::test_util::TestStore;
    /// use session_store::{DynamoDbStore, SessionAttributes};
    /// use tower::ServiceExt as _;
    ///
    /// #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// #[dynamo(idle_timeout = "30m")]
    /// struct AppSession {
    ///     #[dynamo(attr = "user_id", index, user)]
    ///     user_id: Option<String>,
    /// }
    ///
    /// fn app(store: DynamoDbStore<AppSession>) -> Router {
    ///     let account = async |session: CurrentSession<AppSession>| match session.user_id {
    ///         Some(_) => StatusCode::OK,
    ///         None => StatusCode::UNAUTHORIZED,
    ///     };
    ///     let sessions = SessionLayer::new(store).dev();
    ///     Router::new().route("/account", get(account)).layer(sessions)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let test = TestStore::<AppSession>::new().await;
    /// let user_id = Some("u-17".to_owned());
    /// let session = test.store.create(AppSession { user_id }).await?;
    ///
    /// let cookie = SessionCookie::new().request_header(&session);
    /// let request = Request::get("/account").header(COOKIE, cookie);
    /// let response = app(test.store.clone()).oneshot(request.body(Body::empty())?).await?;
    /// assert_eq!(response.status(), StatusCode::OK);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A session that was made by [`create`](crate::DynamoDbStore::create) is not
    /// [fresh](crate::Session::is_fresh), also with a user: for that, call
    /// [`log_in`](crate::DynamoDbStore::log_in) first.
    ///
    /// # Panics
    ///
    /// If the name is one that [`check`](Self::check) refuses.
    pub fn request_header<S: SessionAttributes>(&self, session: &Session<S>) -> HeaderValue {
        let cookie = self.clone().for_type(S::SCHEMA.type_name);
        let over_http = cookie.clone().over_http();
        let mut pairs = vec![cookie.pair(session.id()), over_http.pair(session.id())];
        pairs.dedup();
        let header = HeaderValue::try_from(pairs.join("; "));
        #[expect(clippy::expect_used, reason = "a test that cannot continue panics")]
        let mut header = header.expect("a name that `check` accepts");
        header.set_sensitive(true);
        header
    }

    /// `<name>=<value>`, as browsers send it.
    fn pair(&self, id: &SessionId) -> String {
        self.session(id, None).stripped().to_string()
    }
}
