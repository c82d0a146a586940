//! The properties, after each event.

use super::server::host;
use super::{Violation, World};
use crate::browser::plan::Event;
use crate::browser::shop::Action;

impl World<'_> {
    /// Looks at the shop with each browser, and at the sessions that have ended.
    pub(super) async fn check(&mut self, event: &Event) -> Result<(), Violation> {
        // What changes at the server alone shows after the next of these.
        if !matches!(event, Event::Arrive(_) | Event::Lose(_) | Event::Wait(_)) {
            return Ok(());
        }
        self.no_ended_session_is_live().await?;
        for browser in 0..self.browsers.len() {
            let (status, job) = self.probe(browser).await;
            if !status.is_success() {
                return Err(("P4", format!("browser {browser} is answered with {status}")));
            }
            let (who, lineage) = job.saw.lock().unwrap().clone().unwrap_or_default();
            if let Some(found) = job.found.lock().unwrap().take() {
                let known = self.browsers[browser].known.versions();
                self.check_found(&found, host(&job), false, &known)?;
            }
            if let Some(lineage) = lineage
                && self.may_be_untold(lineage, host(&job))
            {
                self.browsers[browser].holds = Some(lineage);
                continue;
            }
            if lineage.is_some_and(|lineage| self.ended.contains(&lineage)) {
                let what = format!("browser {browser} has {lineage:?} again after its log-out");
                return Err(("P2", what));
            }
            let user = who.as_deref();
            let may_be_revoked = user.is_some_and(|user| self.may_be_revoked(user, host(&job)));
            let (time, moment) = (self.time(), self.moment);
            let is_in_use = self.is_in_use(browser);
            let it = &mut self.browsers[browser];
            it.holds = lineage;
            if who.as_ref().is_some_and(|user| !it.users.contains(user)) {
                return Err(("P5", format!("browser {browser} is {who:?}")));
            }
            let mut expected = it.expected.now();
            if who.is_none() && !expected.contains(&None) && it.expected.may_have_expired(time) {
                if is_in_use {
                    continue;
                }
                it.expected.perhaps([None], moment);
                expected = it.expected.now();
            }
            if !expected.contains(&who) && !may_be_revoked {
                let property = match event {
                    Event::Arrive(id) | Event::Send(super::Send { id, .. }) => self.property(*id),
                    _ if expected.contains(&None) => "P2",
                    _ => "P1",
                };
                let what = format!("browser {browser} is {who:?}, and should be of {expected:?}");
                return Err((property, what));
            }
        }
        Ok(())
    }

    /// Whether a request that began in time still runs. When it ends, the session must be live, though it
    /// may seem to have expired meanwhile.
    fn is_in_use(&self, browser: usize) -> bool {
        let mut flights = self.flights.values();
        flights.any(|flight| flight.send.browser == browser && flight.uses_session(self.time()))
    }

    fn property(&self, id: usize) -> &'static str {
        match self.actions.get(&id) {
            Some(Action::LogIn(_)) => "P1",
            Some(Action::LogOut) => "P2",
            _ => "P3",
        }
    }

    async fn no_ended_session_is_live(&self) -> Result<(), Violation> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let scan = self
            .test
            .client
            .scan()
            .table_name(self.stores[0].table_name());
        let items = scan
            .consistent_read(true)
            .send()
            .await
            .expect("a scan")
            .items;
        for item in items.unwrap_or_default() {
            let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
            let is_live = number("expires_at").is_some_and(|end| end * 1000 > self.time());
            let ended = number("lineage").filter(|lineage| self.ended.contains(lineage));
            if let (true, Some(lineage)) = (is_live, ended) {
                let what = format!("session {lineage} is live after its log-out");
                return Err(("P2", what));
            }
        }
        Ok(())
    }
}
