//! Operations that are drawn after the others, so that the histories without them stay the same.

use fastrand::Rng;

use super::{Act, Set, Step};

/// Makes changes of all sessions of some lists. Drawn separately, too.
pub(super) fn with_changes_of_all(seed: u64, steps: &mut [Step]) {
    let rng = &mut Rng::with_seed(seed ^ 0xa11);
    for step in steps {
        if let Act::List(user) = step.act
            && rng.u8(..3) == 0
        {
            step.act = Act::UpdateAll(user);
        }
    }
}

/// Makes log-ins of some changes of id, and adds refreshes, and ends by an id from before a change. Drawn
/// separately, too.
pub(super) fn with_log_ins(seed: u64, steps: Vec<Step>, clients: usize) -> Vec<Step> {
    let rng = &mut Rng::with_seed(seed ^ 0x1061);
    let faults: Vec<_> = steps.iter().map(|step| step.faults.clone()).collect();
    let mut all = Vec::with_capacity(steps.len());
    for mut step in steps {
        let mut next = None;
        match step.act {
            Act::Cycle(slot, set) => {
                next = match rng.u8(..12) {
                    0 => Some(Act::Delete(slot)),
                    1 => Some(Act::RevokeHandle(slot)),
                    2 => Some(Act::RevokeOnly(1, slot)),
                    3 => Some(Act::Cycle(slot, Set::new())),
                    _ => None,
                };
                step.act = match rng.bool() {
                    true => Act::LogIn(slot, set),
                    false => Act::Cycle(slot, set),
                };
            }
            Act::Save(slot, ..) if rng.u8(..6) == 0 => next = Some(Act::Refresh(slot)),
            Act::Delete(_) | Act::RevokeHandle(_) | Act::RevokeOnly(..) => {
                step.behind = rng.usize(..3);
            }
            _ => {}
        }
        let next = next.map(|act| Step {
            client: rng.usize(..clients),
            act,
            faults: faults[rng.usize(..faults.len())].clone(),
            behind: rng.usize(..3),
            plain: false,
            dropped: None,
        });
        all.push(step);
        all.extend(next);
    }
    all
}

/// Makes proofs of some changes of id. Drawn separately, too.
pub(super) fn with_proofs(seed: u64, steps: &mut [Step]) {
    let rng = &mut Rng::with_seed(seed ^ 0x4ea47);
    for step in steps {
        step.act = match std::mem::replace(&mut step.act, Act::Advance(0)) {
            Act::Cycle(slot, set) | Act::LogIn(slot, set) if rng.u8(..4) == 0 => {
                Act::Reauthenticate(slot, set)
            }
            act => act,
        };
    }
}

/// Lets somebody read and change sessions by their handles: in place of some loads and updates, and after some changes
/// of id by the handle from before. Drawn separately, too.
pub(super) fn with_administrators(
    seed: u64,
    steps: Vec<Step>,
    clients: usize,
    users: u64,
) -> Vec<Step> {
    let rng = &mut Rng::with_seed(seed ^ 0xad312);
    let faults: Vec<_> = steps.iter().map(|step| step.faults.clone()).collect();
    let mut all = Vec::with_capacity(steps.len());
    for mut step in steps {
        let mut next = None;
        match step.act {
            Act::Load(slot) if rng.u8(..6) == 0 => {
                let user = rng.bool().then(|| rng.u64(1..=users));
                step.act = Act::Find(slot, user);
                step.behind = rng.usize(..2);
            }
            Act::Update(slot, set) if rng.u8(..4) == 0 => {
                step.act = Act::UpdateHandle(slot, set);
                step.behind = rng.usize(..2);
            }
            ref act if act.new_id().is_some() && rng.u8(..4) == 0 => {
                next = act.copy().map(|slot| Act::UpdateHandle(slot, Set::new()));
            }
            _ => {}
        }
        let next = next.map(|act| Step {
            client: rng.usize(..clients),
            act,
            faults: faults[rng.usize(..faults.len())].clone(),
            behind: rng.usize(..4),
            plain: false,
            dropped: None,
        });
        all.push(step);
        all.extend(next);
    }
    all
}
