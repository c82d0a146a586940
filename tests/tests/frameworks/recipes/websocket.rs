//! A WebSocket that ends with its session.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer, SharedSession};
use session_store::{DynamoDbStore, Error, SessionAttributes};
use tokio::time::{MissedTickBehavior, interval};

use super::csrf::is_forged;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "chat-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
    connects: u64,
    said: u64,
}

/// The session has ended. The codes from 4000 on are the application's.
const SESSION_ENDED: CloseCode = 4401;

/// The session has a new id, and the browser its cookie.
const CONNECT_AGAIN: CloseCode = 4409;

/// Try again later.
const TRY_AGAIN: CloseCode = 1013;

/// How often a socket asks whether its session is still there.
#[derive(Clone, Copy)]
struct CheckEvery(Duration);

async fn connect(
    State(every): State<CheckEvery>,
    session: SharedSession<Visitor>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Error> {
    // A guest gets a session by this. Its cookie is in the response with status 101.
    session.update(|session| session.connects += 1).await?;
    Ok(upgrade.on_upgrade(move |socket| talk(socket, session, every)))
}

async fn talk(mut socket: WebSocket, session: SharedSession<Visitor>, every: CheckEvery) {
    let mut checks = interval(every.0);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = loop {
        let goes_on = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => act(&mut socket, &session, &text).await,
                Some(Ok(_)) => Ok(true),
                Some(Err(_)) | None => return,
            },
            _ = checks.tick() => is_live(&session).await,
        };
        match goes_on {
            Ok(true) => {}
            // Another tab has logged in, or entered the password once more.
            Err(Error::Gone(gone)) if gone.is_replaced() => {
                break (CONNECT_AGAIN, "connect again");
            }
            Ok(false) | Err(Error::Gone(_)) => break (SESSION_ENDED, "the session has ended"),
            Err(_) => break (TRY_AGAIN, "try again later"),
        }
    };
    let (code, reason) = (ended.0, ended.1.into());
    // The client may have gone.
    let close = Message::Close(Some(CloseFrame { code, reason }));
    let _ = socket.send(close).await;
}

/// Asks DynamoDB whether the session is still there.
async fn is_live(session: &SharedSession<Visitor>) -> Result<bool, Error> {
    session.refresh().await?; // `Gone`, if somebody else has ended it
    // After a log-out over this socket, there is none to ask for.
    Ok(session.with_stored(|_| ()).await?.is_some())
}

/// Does what the client asks for. `false` if the session has ended.
async fn act(
    socket: &mut WebSocket,
    session: &SharedSession<Visitor>,
    text: &str,
) -> Result<bool, Error> {
    let answer = match text {
        // A write of the session is refused if that has ended. It needs no check before.
        "say" => {
            let said = session.update_stored(|session| session.said += 1).await?;
            said.map(|()| "said".to_owned())
        }
        // An act on another system needs one.
        "who" if is_live(session).await? => {
            let who = session.with_stored(|session| session.user_id.clone());
            who.await?.map(Option::unwrap_or_default)
        }
        "log out" => {
            session.end();
            None
        }
        "who" => None,
        _ => Some("pardon?".to_owned()),
    };
    let Some(answer) = answer else {
        return Ok(false);
    };
    let _ = socket.send(Message::Text(answer.into())).await;
    Ok(true)
}

/// As in the recipe for forms: a page of any site can open a WebSocket, and the browser sends the cookies.
async fn same_origin(request: Request, next: Next) -> Response {
    match is_forged(&request) {
        true => StatusCode::FORBIDDEN.into_response(),
        false => next.run(request).await,
    }
}

async fn log_in(mut session: CurrentSession<Visitor>) {
    session.user_id = Some("u-17".into());
    CurrentSession::log_in(&mut session);
}

async fn cycle_id(mut session: CurrentSession<Visitor>) {
    CurrentSession::cycle_id(&mut session);
}

fn app(store: DynamoDbStore<Visitor>, every: Duration) -> Router {
    Router::new()
        .route("/chat", get(connect))
        .route("/login", post(log_in))
        .route("/cycle", post(cycle_id))
        .layer(SessionLayer::new(store))
        .layer(from_fn(same_origin))
        .with_state(CheckEvery(every))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::http::header::{ORIGIN, SET_COOKIE};
    use futures_util::{SinkExt as _, StreamExt as _};
    use session_store::SessionId;
    use session_store_tests::{Fault, TestBench};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    use tokio_tungstenite::tungstenite::{self, Message as Sent};
    use tokio_tungstenite::{WebSocketStream, client_async};

    use super::super::client::Browser;
    use super::*;

    /// Longer than any test runs.
    const NEVER: Duration = Duration::from_secs(3600);

    const OFTEN: Duration = Duration::from_millis(20);

    struct Chat {
        bench: TestBench<Visitor>,
        browser: Browser,
        address: SocketAddr,
    }

    type Socket = WebSocketStream<TcpStream>;

    impl Chat {
        /// A real server, and a browser whose user `u-17` has logged in.
        async fn new(every: Duration) -> Self {
            let bench = TestBench::<Visitor>::new().await;
            let app = app(bench.store.clone(), every);
            let browser = Browser::new(&app);
            browser.post("/login", "").await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, app).await });
            Self {
                bench,
                browser,
                address,
            }
        }

        async fn try_connect(
            &self,
            cookies: &str,
            origin: &str,
        ) -> Result<(Socket, tungstenite::handshake::client::Response), StatusCode> {
            let mut request = format!("ws://{}/chat", self.address)
                .into_client_request()
                .unwrap();
            let headers = request.headers_mut();
            if !cookies.is_empty() {
                headers.insert("cookie", cookies.parse().unwrap());
            }
            headers.insert(ORIGIN, origin.parse().unwrap());
            let stream = TcpStream::connect(self.address).await.unwrap();
            match client_async(request, stream).await {
                Ok(connected) => Ok(connected),
                Err(tungstenite::Error::Http(response)) => Err(response.status()),
                Err(error) => panic!("{error}"),
            }
        }

        /// A socket of the browser.
        async fn connect(&self) -> Socket {
            let origin = format!("http://{}", self.address);
            let connected = self.try_connect(&self.browser.cookies(), &origin).await;
            connected.unwrap().0
        }

        async fn sessions(&self) -> usize {
            let sessions = self.bench.store.sessions(Visitor::USER_ID, "u-17");
            sessions.count().await.unwrap()
        }
    }

    async fn next(socket: &mut Socket) -> Sent {
        let next = timeout(Duration::from_secs(20), socket.next()).await;
        next.expect("something comes").unwrap().unwrap()
    }

    async fn ask(socket: &mut Socket, text: &str) -> Sent {
        socket.send(Sent::text(text)).await.unwrap();
        next(socket).await
    }

    fn code(message: Sent) -> CloseCode {
        match message {
            Sent::Close(Some(frame)) => frame.code.into(),
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn a_session_that_begins_in_the_handshake_has_its_cookie_in_the_response() {
        let chat = Chat::new(NEVER).await;
        let origin = format!("http://{}", chat.address);
        let (mut socket, response) = chat.try_connect("", &origin).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        let (_, rest) = cookie.split_once("__Host-session-Visitor=").unwrap();
        let id = SessionId::parse(rest.split(';').next().unwrap()).unwrap();
        assert_eq!(ask(&mut socket, "say").await, Sent::text("said"));
        let stored = chat.bench.store.load(&id).await.unwrap().unwrap();
        assert_eq!((stored.connects, stored.said), (1, 1));
    }

    #[tokio::test]
    async fn a_page_of_another_site_opens_no_socket() {
        let chat = Chat::new(NEVER).await;
        chat.bench.wire.clear();
        let cookies = chat.browser.cookies();
        for origin in ["https://evil.example", "null"] {
            let refused = chat.try_connect(&cookies, origin).await;
            assert_eq!(refused.unwrap_err(), StatusCode::FORBIDDEN);
        }
        assert!(chat.bench.wire.operations().is_empty());
    }

    #[tokio::test]
    async fn g17_log_out_everywhere_closes_a_silent_socket() {
        let chat = Chat::new(OFTEN).await;
        let mut socket = chat.connect().await;
        let revoked = chat.bench.store.revoke(Visitor::USER_ID, "u-17").await;
        assert_eq!(revoked.unwrap().deleted(), 1);
        assert_eq!(code(next(&mut socket).await), SESSION_ENDED);
    }

    #[tokio::test]
    async fn g17_after_a_log_out_everywhere_nothing_is_done_before_the_next_check() {
        for act in ["who", "say"] {
            let chat = Chat::new(NEVER).await;
            let mut socket = chat.connect().await;
            assert_eq!(ask(&mut socket, "who").await, Sent::text("u-17"));
            let revoked = chat.bench.store.revoke(Visitor::USER_ID, "u-17").await;
            assert_eq!(revoked.unwrap().deleted(), 1);
            assert_eq!(code(ask(&mut socket, act).await), SESSION_ENDED, "{act}");
            assert!(
                chat.bench
                    .items()
                    .await
                    .iter()
                    .all(|item| !item.contains_key("data"))
            );
        }
    }

    #[tokio::test]
    async fn g17_a_log_out_over_the_socket_ends_the_session_and_closes_it() {
        let chat = Chat::new(NEVER).await;
        let mut socket = chat.connect().await;
        assert_eq!(code(ask(&mut socket, "log out").await), SESSION_ENDED);
        // The end is carried out in the background.
        for _ in 0..100 {
            if chat.sessions().await == 0 {
                return;
            }
            tokio::time::sleep(OFTEN).await;
        }
        panic!("the session is live");
    }

    #[tokio::test]
    async fn g5_an_open_socket_does_not_keep_its_session_alive() {
        let chat = Chat::new(OFTEN).await;
        let mut socket = chat.connect().await;
        // Many checks, in the middle of the idle timeout.
        for _ in 0..3 {
            chat.bench.clock.advance(Duration::from_secs(599));
            tokio::time::sleep(OFTEN * 3).await;
            assert_eq!(ask(&mut socket, "pardon").await, Sent::text("pardon?"));
        }
        chat.bench.clock.advance(Duration::from_secs(4));
        assert_eq!(code(next(&mut socket).await), SESSION_ENDED);
    }

    #[tokio::test]
    async fn g6_an_act_extends_the_session_up_to_its_absolute_timeout() {
        let chat = Chat::new(OFTEN).await;
        let mut socket = chat.connect().await;
        for _ in 0..28 {
            chat.bench.clock.advance(Duration::from_secs(25 * 60));
            assert_eq!(ask(&mut socket, "say").await, Sent::text("said"));
        }
        chat.bench.clock.advance(Duration::from_secs(25 * 60));
        assert_eq!(code(next(&mut socket).await), SESSION_ENDED);
    }

    /// The client reconnects, with the cookie that the browser has by then.
    #[tokio::test]
    async fn a_new_id_of_another_tab_asks_the_socket_to_connect_again() {
        for act in [None, Some("say"), Some("who")] {
            let chat = Chat::new(if act.is_some() { NEVER } else { OFTEN }).await;
            let mut socket = chat.connect().await;
            // The first check, at the beginning.
            assert_eq!(ask(&mut socket, "who").await, Sent::text("u-17"));
            chat.browser.post("/cycle", "").await;
            let closed = match act {
                Some(act) => ask(&mut socket, act).await,
                None => next(&mut socket).await,
            };
            assert_eq!(code(closed), CONNECT_AGAIN, "{act:?}");
            let mut socket = chat.connect().await;
            assert_eq!(ask(&mut socket, "who").await, Sent::text("u-17"));
        }
    }

    #[tokio::test]
    async fn g10_a_check_that_fails_is_no_end() {
        let chat = Chat::new(NEVER).await;
        let mut socket = chat.connect().await;
        // The first check, at the beginning.
        assert_eq!(ask(&mut socket, "who").await, Sent::text("u-17"));
        for _ in 0..10 {
            chat.bench.wire.next("GetItem", Fault::Refuse);
        }
        assert_eq!(code(ask(&mut socket, "who").await), TRY_AGAIN);
        chat.bench.wire.clear();
        assert_eq!(chat.sessions().await, 1);
    }

    #[tokio::test]
    async fn the_other_requests_of_the_browser_go_on() {
        let chat = Chat::new(NEVER).await;
        let _socket = chat.connect().await;
        let answer = chat.browser.post("/login", "");
        let answer = timeout(Duration::from_secs(20), answer).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
    }
}
