//! Listings, and what an index must have.

use super::step::Actor;
use super::table::{Effects, short};
use super::{History, OBSERVER};
use crate::versions::model::{Check, Kept, Life, Truth, broken};
use crate::versions::plan::Loading;
use crate::versions::program::Listing;
use crate::versions::spec::{By, Kind, Spec};

impl History<'_> {
    pub(super) async fn list(
        &mut self,
        actor: Actor,
        by: By,
        value: u64,
        limit: Option<usize>,
    ) -> Check {
        let counts = !self.reads_only;
        let Some(listed) = self.program(actor).sessions(by, value, limit, counts).await else {
            return Ok(());
        };
        let effects = Effects::none().may_end("a listing after revoke_all", self.cut_off(actor));
        let listed = self.unless_faulty(actor, "a listing", listed)?;
        let before = self.model.sessions.clone();
        self.account(effects).await?;
        let Some(listing) = listed else {
            return Ok(());
        };
        let shown: Vec<_> = listing.sessions.iter().map(|it| it.0.to_string()).collect();
        let shown: Vec<_> = shown.iter().map(|it| short(it)).collect();
        self.trace
            .push(format!("    {shown:?}, complete: {}", listing.complete));
        self.check_listing(
            actor,
            (by, value),
            limit,
            &listing,
            before.values().collect(),
        )
    }

    fn check_listing(
        &self,
        actor: Actor,
        (by, value): (By, u64),
        limit: Option<usize>,
        listing: &Listing,
        sessions: Vec<&Truth>,
    ) -> Check {
        let (spec, now) = (self.spec(actor.side), self.now());
        let listed = listing.sessions.len();
        if listing.counts.iter().any(|count| *count != listed) {
            return broken!("G9", "{listed} listed, {:?} counted", listing.counts);
        }
        for (handle, created, touched) in &listing.sessions {
            let handle = handle.to_string();
            let Some(truth) = sessions.iter().find(|it| it.handle == handle) else {
                return broken!("G5", "an ended session is listed");
            };
            if self.model.life(truth, spec, now) == Life::Over {
                return broken!("G19: live", "a session that is over is listed: {truth:?}");
            }
            if truth.has(by, value) == Life::Over {
                return broken!("G9", "a session of another value is listed: {truth:?}");
            }
            if (truth.created, truth.touched) != (*created, *touched) {
                return broken!("G6", "listed with other times: {truth:?}");
            }
        }
        if limit.is_some_and(|limit| listing.sessions.len() >= limit) {
            return Ok(());
        }
        for truth in sessions {
            let is_live = self.model.life(truth, spec, now) == Life::Live;
            let is_of = truth.fields[by.field()] == Some(value);
            let is_listed = listing
                .sessions
                .iter()
                .any(|it| it.0.to_string() == truth.handle);
            if is_live && is_of && !is_listed {
                self.may_miss(spec, by, truth, listing.complete, "listed")?;
            }
        }
        Ok(())
    }

    /// Fails if this version's index must have the session.
    pub(super) fn may_miss(
        &self,
        spec: &Spec,
        by: By,
        truth: &Truth,
        complete: bool,
        done: &str,
    ) -> Check {
        let kept = truth.promises(by).by(spec.kind(by));
        let Kept::NotSince(lost) = kept else {
            return broken!(
                "G19: index",
                "{} has written or met the session, and by `{}` it was not {done}: {truth:?}",
                spec.name,
                by.field()
            );
        };
        let noted = self.model.complete.get(&(by, index_name(spec, by)));
        match (complete, noted) {
            (true, None) => broken!(
                "G19: complete",
                "the index of {} says that it is complete, and has never been: {truth:?} was not {done}",
                spec.name
            ),
            (true, Some(noted)) if lost <= *noted => broken!(
                "G19: complete",
                "the index of {} says that it is complete, and {truth:?} was not {done}",
                spec.name
            ),
            _ => Ok(()),
        }
    }

    /// Every version that runs loads and lists every session.
    pub(super) async fn compare(&mut self) -> Check {
        for side in 0..2 {
            if self.running[side].is_empty() {
                continue;
            }
            let actor = Actor {
                client: OBSERVER,
                side,
                faulty: false,
            };
            let may_end = self.cut_off(actor);
            self.reads_only = true;
            let compared = self.compare_with(actor).await;
            self.reads_only = false;
            compared?;
            let effects = Effects::none().may_end("a load after revoke_all", may_end);
            self.account(effects).await?;
        }
        Ok(())
    }

    async fn compare_with(&mut self, actor: Actor) -> Check {
        for slot in 0..self.ids.len() {
            self.load(actor, slot, Loading::Once).await?;
        }
        for by in By::ALL {
            for value in 1..=2 {
                self.list(actor, by, value, None).await?;
            }
        }
        Ok(())
    }
}

/// The index of a version: those of two versions with the same name are one.
pub(super) fn index_name(spec: &Spec, by: By) -> String {
    match spec.kind(by) {
        Kind::Roster(_) => "roster".to_owned(),
        kind => format!("{kind:?}"),
    }
}
