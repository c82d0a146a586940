//! `reindex`: which sessions are in the indexes of a version afterwards.

use super::History;
use super::listing::index_name;
use super::step::Actor;
use super::table::Effects;
use crate::versions::model::{Check, Life, broken};
use crate::versions::spec::By;

impl History<'_> {
    pub(super) async fn reindex(&mut self, actor: Actor, rate: u32) -> Check {
        let (spec, now, step) = (self.spec(actor.side).clone(), self.now(), self.model.step);
        let indexes = By::ALL.map(|by| index_name(&spec, by));
        let began = match &self.model.interrupted {
            Some((of, began)) if *of == indexes => *began,
            _ => step,
        };
        let reindexed = self.program(actor).reindex(rate).await;
        let reindexed = self.unless_faulty(actor, "a reindex", reindexed)?;
        self.account(Effects::none()).await?;
        let Some(reindexed) = reindexed else {
            self.model.interrupted = Some((indexes, began));
            // The response to its last request may have been lost.
            for by in By::ALL {
                let complete = &mut self.model.complete;
                complete.entry((by, index_name(&spec, by))).or_insert(began);
            }
            return Ok(());
        };
        self.model.interrupted = None;
        self.trace.push(format!("    {reindexed:?}"));
        if !actor.faulty && reindexed.failed() > 0 && began == step {
            return broken!(
                "G19: reindex",
                "sessions failed without a fault: {reindexed:?}"
            );
        }
        let failures = reindexed.failures();
        let has_failed = |handle: &str| failures.iter().any(|it| it.to_string() == handle);
        let life = |truth: &_| self.model.life_of_copy(truth, &spec, now);
        let live = self
            .model
            .sessions
            .values()
            .filter(|it| life(it) == Life::Live);
        // One that was interrupted has met some of them before.
        let met: Vec<_> = live
            .filter(|it| began == step || it.written < began)
            .filter(|it| !has_failed(&it.handle))
            .map(|it| it.handle.clone())
            .collect();
        if began == step && (reindexed.scanned() as usize) < met.len() {
            return broken!(
                "G19: reindex",
                "{} sessions were met, of {}",
                reindexed.scanned(),
                met.len()
            );
        }
        for session in self.model.sessions.values_mut() {
            if !met.contains(&session.handle) {
                session.passed_over(step);
            }
        }
        if reindexed.failed() == 0 || began == step {
            for handle in met {
                let session = self.model.sessions.get_mut(&handle);
                session.expect("it is stored").mended(&spec);
            }
        }
        if reindexed.failed() > 0 {
            return Ok(());
        }
        self.note_complete(actor.side, began);
        self.wire.clear();
        let incomplete = self.program(actor).incomplete_indexes().await;
        match incomplete.as_deref() {
            Ok([]) => Ok(()),
            other => broken!("G19: complete", "after a reindex, {other:?} are incomplete"),
        }
    }
}
