//! Entries in rosters: the limits, and the sessions that are evicted for them.

use super::History;
use super::step::Actor;
use super::table::{Effects, State};
use crate::versions::model::{Check, Life, Truth, broken};
use crate::versions::program::Seen;
use crate::versions::spec::{By, Kind, Spec};

/// Where a session enters rosters: the attribute, the value, and whether it was not there before.
pub(super) type Entries = Vec<(By, u64, bool)>;

/// The rosters of a version that a session with these fields is to be in.
pub(super) fn entries(spec: &Spec, truth: &Truth, changes: &[&str], is_new: bool) -> Entries {
    let entry = |by: By| {
        let value = truth.fields[by.field()]?;
        let enters = is_new || changes.contains(&by.field());
        matches!(spec.kind(by), Kind::Roster(_)).then_some((by, value, enters))
    };
    By::ALL.into_iter().filter_map(entry).collect()
}

impl History<'_> {
    /// Accounts for a write of one session that may enter rosters.
    pub(super) async fn account_for_entry(
        &mut self,
        actor: Actor,
        subject: Option<String>,
        (entered, evicted): (&Entries, Option<&Seen>),
        allowed: Vec<State>,
    ) -> Check<usize> {
        let (spec, now) = (self.spec(actor.side).clone(), self.now());
        let but = subject.clone().unwrap_or_default();
        let before = self.model.sessions.clone();
        let cut_off = self.cut_off(actor);
        let limits: Vec<_> = entered
            .iter()
            .map(|(by, value, _)| {
                let limit = spec.kind(*by).limit().expect("it has a roster");
                let (least, most) = self.model.members(&spec, *by, *value, &but, now);
                (*by, *value, limit, least, most)
            })
            .collect();
        let over: Vec<_> = before
            .values()
            .filter(|it| self.model.life(it, &spec, now) == Life::Over)
            .map(|it| it.handle.clone())
            .collect();
        let room = limits.clone();
        let may_end = move |truth: &Truth| {
            cut_off(truth)
                || room.iter().any(|(by, value, limit, _, most)| {
                    let evicts = limit.evicts && most + 1 > limit.sessions;
                    truth.has(*by, *value) != Life::Over && (evicts || over.contains(&truth.handle))
                })
        };
        let effects = Effects::on(subject.clone(), allowed).may_end("an eviction", may_end);
        let case = self.account(effects).await?;
        let Some(seen) = evicted else {
            return Ok(case);
        };
        let gone: Vec<_> = before
            .values()
            .filter(|it| !self.model.sessions.contains_key(&it.handle) && it.handle != but)
            .filter(|it| self.model.life_of_copy(it, &spec, now) == Life::Live)
            .collect();
        let needed: usize = limits
            .iter()
            .map(|(_, _, limit, _, most)| (most + 1).saturating_sub(limit.sessions))
            .sum();
        if gone.len() > needed {
            return broken!(
                "G9",
                "{} sessions were evicted, and {needed} at most were to be",
                gone.len()
            );
        }
        if let Some(silent) = gone
            .iter()
            .find(|it| !actor.faulty && !seen.evicted.iter().any(|e| e.to_string() == it.handle))
        {
            return broken!("G9", "an evicted session is not told: {silent:?}");
        }
        for (by, value, enters) in entered {
            let limit = spec.kind(*by).limit().expect("it has a roster");
            let (least, _) = self.model.members(&spec, *by, *value, "", now);
            if *enters && least > limit.sessions {
                return broken!(
                    "G19: limit",
                    "{} {value} has {least} sessions for {}, of {}",
                    by.field(),
                    spec.name,
                    limit.sessions
                );
            }
        }
        Ok(case)
    }

    /// A refusal by a limit must have its reason.
    pub(super) fn check_refusal(&self, actor: Actor, subject: &str, entered: &Entries) -> Check {
        let (spec, now) = (self.spec(actor.side), self.now());
        for (by, value, _) in entered {
            let limit = spec.kind(*by).limit().expect("it has a roster");
            let (_, most) = self.model.members(spec, *by, *value, subject, now);
            if !limit.evicts && most >= limit.sessions {
                return Ok(());
            }
        }
        broken!("G19: limit", "refused, though there is room in {entered:?}")
    }
}
