//! What an operation may cost.

use super::{Model, Op, Violation, require};
use crate::plan::{Act, IDLE};

impl Op {
    pub(super) fn allowed(&self) -> &'static [&'static str] {
        match self.act {
            Act::Advance(_) | Act::AdvanceToEnd(..) => &[],
            Act::Create(..) => &["PutItem", "DeleteItem"],
            Act::Load(_) => &["GetItem"],
            Act::Save(..) | Act::Touch(_) => &["UpdateItem"],
            Act::Update(..) => &["GetItem", "UpdateItem"],
            Act::Cycle(..) => &["TransactWriteItems"],
            Act::Delete(_) | Act::RevokeHandle(_) => &["DeleteItem"],
            Act::Revoke(..) => &["Query", "DeleteItem"],
            Act::List(_) => &["Query", "BatchGetItem"],
        }
    }
}

impl Model {
    /// G14: what an operation costs when nothing comes in its way.
    pub(super) fn counts(&self, op: &Op) -> Result<(), Violation> {
        if op.faulted || op.interfered {
            return Ok(());
        }
        let sent = op.requests.len();
        let due = !op.pending.must.is_empty() || op.pending.idle;
        let asked = op.found.len()
            - usize::from(
                op.spared
                    .as_ref()
                    .is_some_and(|spared| op.found.contains(spared)),
            );
        let range = match op.act {
            Act::Advance(_) | Act::AdvanceToEnd(..) => 0..=0,
            Act::Create(..) | Act::Load(_) | Act::Delete(_) | Act::RevokeHandle(_) => 1..=1,
            // One more where the session ends later than this write would make it end, and one
            // more for a copy that is behind.
            Act::Save(..) if due => 1..=3,
            Act::Save(..) if op.pending.fresh => 0..=0,
            Act::Save(..) => 0..=2,
            Act::Update(..) => 1..=3,
            // A tenth of the idle timeout is not over.
            Act::Touch(_) if op.began < op.pending.touched_at + IDLE * 100 => 0..=0,
            Act::Touch(_) => 0..=1,
            // One more for a copy that is behind.
            Act::Cycle(..) => 1..=2,
            Act::Revoke(..) => 1 + asked..=1 + asked,
            Act::List(_) => match op.found.is_empty() {
                true => 1..=1,
                false => 2..=2,
            },
        };
        require(range.contains(&sent), "G14", || {
            format!("{:?} took {sent} requests in place of {range:?}", op.act)
        })
    }
}
