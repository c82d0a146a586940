//! What the client is told of its session.

use std::time::SystemTime;

use crate::dynamodb::Deleted;
use crate::error::Chain;
use crate::item::{CookieLife, seconds_to_time};
use crate::schema::SessionData;
use crate::session::Session;
use crate::store::DynamoDbStore;
use crate::telemetry::{Ended, Event, note};

use super::{Current, Received, RequestSession};
use crate::frameworks::http::SessionConfig;
use crate::frameworks::http::cookie::IdUpdate;

impl<S: SessionData> RequestSession<S> {
    /// Gives the client the id of a log-in. The other sessions that it has named end, since one of them could
    /// count before this one.
    pub(super) async fn note_log_in(&mut self, store: &DynamoDbStore<S>) {
        // A later change of id in this request goes on with it.
        self.received.logged_in_at = Some(store.table().now().time());
        self.tell_id(self.received.logged_in_at);
        // From now on, the cookie of the log-in is the one that no late answer undoes.
        self.update.has_logged_out = self.received.has_logged_out.then_some(false);
        let Received {
            log_ins,
            over,
            kept,
            untried,
            ..
        } = &mut self.received;
        for other in untried.drain(..) {
            let (handle, rosters) = (other.handle(), store.rosters());
            match rosters.end_here(handle).await {
                // It has a new id, which a log-out has to find.
                Ok(Deleted::ConditionFailed(_)) => kept.push(handle),
                Ok(Deleted::Removed(_) | Deleted::PresumedRemoved) => {
                    note(Event::Ended(Ended::LogOut), Some(handle));
                }
                Ok(Deleted::Absent) => {}
                Err(error) => {
                    kept.push(handle);
                    let why = Chain(&error);
                    tracing::warn!(%handle, "another session of the client was not ended: {why}");
                }
            }
        }
        let ended = log_ins.iter().filter(|handle| !kept.contains(handle));
        *over = ended.copied().collect();
    }

    /// Gives the client the id of the session in the main cookie again, if an older response has overwritten
    /// it there. Not if the session may be gone.
    pub(in crate::frameworks::http) fn repair(&mut self) {
        let is_told = self.save_failed || self.update.id.is_some();
        if self.received.is_overwritten && !is_told {
            self.tell_id(None);
        }
    }

    /// Completes what the client is to be told.
    pub(in crate::frameworks::http) fn settle(&mut self, config: &SessionConfig<S>) {
        self.drop_log_ins();
        let tells = config.store.tells_versions();
        // A host that tells none takes away the version that its own write has made an old one.
        let is_left = self.received.version.is_some();
        if (tells || is_left) && config.carrier.has_version_cookie() {
            self.tell_version(tells && config.carrier.carries_version());
        }
        // Another answer can still bring back an id and its version, of which another host may have a copy in memory. So
        // a host without a cache tells it too.
        let has_ended = matches!(self.update.id, Some(IdUpdate::Remove));
        if has_ended && config.carrier.carries_version() {
            self.update.has_logged_out = Some(true);
        }
    }

    /// Takes the cookies of log-ins that are over away from the client.
    fn drop_log_ins(&mut self) {
        let Received { log_ins, over, .. } = &self.received;
        let over = over.iter().filter(|handle| log_ins.contains(handle));
        self.update.over = over.copied().collect();
    }

    /// Gives the client the id of the session, also in the cookie of a log-in if it is that of one.
    pub(super) fn tell_id(&mut self, logged_in_at: Option<SystemTime>) {
        let life = self.cookie_life();
        if let Current::Existing(session) = &self.current {
            let ends = session.state.lifetime.absolute_end();
            self.update.id = Some(IdUpdate::Set {
                id: session.id().clone(),
                ends: seconds_to_time(ends),
                persistent: life.map(|life| life == CookieLife::Persistent),
                logged_in_at,
            });
        }
    }

    /// Gives the client the version that its next load must see, unless the client has it already. A host that
    /// does not give versions takes an old one away.
    fn tell_version(&mut self, gives: bool) {
        let Current::Existing(session) = &self.current else {
            return;
        };
        let written = Session::written_version(session);
        let is_missing = gives && self.received.version.is_none();
        if written != self.read || is_missing {
            self.update.version = Some((session.handle(), written));
        }
    }
}
