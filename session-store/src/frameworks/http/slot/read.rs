//! Which of the sessions that a request names it has.

use crate::error::Error;
use crate::id::SessionHandle;
use crate::schema::SessionData;
use crate::store::Lookup;

use super::Slot;
use crate::frameworks::http::cookie::{Credential, MAX_TRIED};
use crate::frameworks::http::request_session::{Received, RequestSession, Standing};

impl<S: SessionData> Slot<S> {
    /// The session of the first id that names a live one.
    pub(super) async fn read(&self) -> Result<RequestSession<S>, Error> {
        let store = &self.config.store;
        let judged_at = match self.lock().is_answered {
            true => store.table().now(),
            false => self.began,
        };
        let mut standing = match self.is_withheld {
            true => Standing::Withheld,
            false => Standing::Free,
        };
        let mut received = self.received();
        let mut candidates = self.candidates().take(MAX_TRIED);
        let mut tried = Vec::new();
        let found = loop {
            let Some(sent) = candidates.next() else {
                break None;
            };
            let handle = sent.id.handle();
            tried.push(handle);
            // It may have come with the late answer to a request of before the log-out.
            let version = sent.version.filter(|_| !self.sent.has_logged_out);
            match store.look_up(&sent.id, version, judged_at).await? {
                Lookup::Live(session) => break Some((session, sent)),
                Lookup::Replaced => {
                    standing = Standing::Replaced(handle);
                    received.kept.push(handle);
                }
                // A request that began in time can still use it, and another binary can read it.
                Lookup::LongReplaced | Lookup::Over | Lookup::Unreadable => {
                    received.kept.push(handle);
                }
                // The log-in is over, and one of before must not take its place. If that is in the main
                // cookie, the cookie of this one has to stay.
                Lookup::Absent => {
                    let is_last = |other: &Credential| other.logged_in_at == sent.logged_in_at;
                    let others = self.log_ins(|other| other.in_session_cookie && !is_last(other));
                    if sent.logged_in_at.is_some() && others.is_empty() {
                        received.over.clone_from(&received.log_ins);
                    }
                }
            }
        };
        let untried = self.sent.credentials.iter();
        let untried = untried.filter(|sent| !tried.contains(&sent.id.handle()));
        received.untried = untried.map(|sent| sent.id.clone()).collect();
        let ending = self.ending.clone();
        let Some((session, sent)) = found else {
            return Ok(RequestSession::new(None, standing, received, ending));
        };
        received.version = sent.version;
        received.logged_in_at = sent.logged_in_at;
        received.is_overwritten = !sent.in_session_cookie;
        let session = Some(session);
        Ok(RequestSession::new(
            session,
            Standing::Free,
            received,
            ending,
        ))
    }

    /// The ids that can be that of the session: of the last log-in, and of the main cookie. An earlier log-in
    /// does not count again if the last one is over, also not in the main cookie.
    fn candidates(&self) -> impl Iterator<Item = &Credential> {
        let log_ins = self.sent.credentials.iter();
        let last = log_ins.filter_map(|sent| sent.logged_in_at).max();
        let credentials = self.sent.credentials.iter();
        credentials.filter(move |sent| sent.logged_in_at.is_none() || sent.logged_in_at == last)
    }

    /// The sessions for which the client has the cookie of a log-in, of these credentials.
    fn log_ins(&self, of: impl Fn(&Credential) -> bool) -> Vec<SessionHandle> {
        let credentials = self.sent.credentials.iter();
        let log_ins = credentials.filter(|sent| sent.logged_in_at.is_some() && of(sent));
        log_ins.map(|sent| sent.id.handle()).collect()
    }

    pub(super) fn without_session(&self, standing: Standing) -> RequestSession<S> {
        RequestSession::new(None, standing, self.received(), self.ending.clone())
    }

    /// What was received with the request, before any session is read.
    fn received(&self) -> Received {
        Received {
            cookie: self.config.carrier.cookie_life(self.usual_via()),
            log_ins: [self.log_ins(|_| true), self.sent.over.clone()].concat(),
            over: self.sent.over.clone(),
            kept: Vec::new(),
            version: None,
            has_logged_out: self.sent.has_logged_out,
            untried: Vec::new(),
            logged_in_at: None,
            is_overwritten: false,
        }
    }
}
