//! Where a request comes from: the browser and the address, for the list of a user's devices.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use woothee::parser::Parser;
use woothee::woothee::VALUE_UNKNOWN;

/// No browser has a longer name, in bytes. The rest of a longer one is not looked at.
const LONGEST: usize = 512;

/// The browser and the address of a request, each if it is known.
pub(crate) struct Seen {
    /// Such as "Firefox on Linux", in the words of the parser alone: nothing of the header is stored.
    pub(crate) browser: Option<String>,
    /// The other end of the connection. `main` lets the server tell it.
    ///
    /// `X-Forwarded-For` is not read, since every client can send it, and a visitor would believe the page. Behind a
    /// proxy of your own, this is the address of the proxy: take the last entry of the header then, which the proxy
    /// has added, and no other.
    pub(crate) address: Option<IpAddr>,
}

impl<State: Sync> FromRequestParts<State> for Seen {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Infallible> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            browser: parts.headers.get(USER_AGENT).and_then(browser),
            address: connection.map(|ConnectInfo(peer)| peer.ip()),
        })
    }
}

fn browser(agent: &HeaderValue) -> Option<String> {
    let agent = agent.to_str().ok()?;
    let agent = agent.get(..LONGEST).unwrap_or(agent);
    let found = Parser::new().parse(agent)?;
    match (found.name, found.os) {
        (VALUE_UNKNOWN, VALUE_UNKNOWN) => None,
        (name, VALUE_UNKNOWN) => Some(name.to_owned()),
        (VALUE_UNKNOWN, system) => Some(format!("Unknown browser on {system}")),
        (name, system) => Some(format!("{name} on {system}")),
    }
}
