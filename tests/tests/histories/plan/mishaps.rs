//! The errors of AWS, the answers with a flaw and the dropped futures of a history. They are drawn after the rest, so
//! that the histories without them stay the same.

use fastrand::Rng;
use session_store_tests::aws_errors::Outcome;

use super::fault::{Fault, Flaw, answers};
use super::{Act, REMEMBERED, Step};

/// Makes others of a part of the faults, in three of four histories.
pub(super) fn with_answers(seed: u64, steps: &mut [Step]) {
    let rng = &mut Rng::with_seed(seed ^ 0xa25e45);
    if rng.u8(..4) == 0 {
        return;
    }
    for step in steps {
        let mut before = (None, None);
        for fault in &mut step.faults {
            if fault.is_none() {
                continue;
            }
            // What had hit several attempts in a row still does, most of the time.
            let again = before.0 == *fault && rng.u8(..4) > 0;
            let other = match before.1 {
                Some(other) if again => other,
                _ if rng.bool() => Some(answer(rng)),
                _ => None,
            };
            before = (*fault, Some(other));
            if let Some(other) = other {
                *fault = Some(other);
            }
        }
    }
}

fn answer(rng: &mut Rng) -> Fault {
    match rng.u8(..16) {
        0..7 => error(rng),
        7..9 => Fault::Cancelled(rng.u8(..)),
        9 => Fault::InProgress,
        10 => Fault::NotConnected,
        _ => Fault::Flawed(match rng.u8(..8) {
            0 => Flaw::Empty,
            1..3 => Flaw::Torn(rng.u8(1..100)),
            3..6 => Flaw::Flipped(rng.u8(..)),
            6 => Flaw::Page([200, 502, 504][rng.usize(..3)]),
            _ => Flaw::OtherJson,
        }),
    }
}

/// An error of AWS: first what became of the request, since two thirds of the errors are refusals for good.
fn error(rng: &mut Rng) -> Fault {
    const OUTCOMES: [Outcome; 6] = [
        Outcome::Refused,
        Outcome::RefusedForNow,
        Outcome::Throttled,
        Outcome::Throttled,
        Outcome::Unknown,
        Outcome::Unknown,
    ];
    let outcome = OUTCOMES[rng.usize(..OUTCOMES.len())];
    let after = rng.bool();
    let fits = answers().filter(|(_, error)| error.outcome == outcome);
    let fits: Vec<_> = fits.collect();
    let (number, error) = fits[rng.usize(..fits.len())];
    // What is throttled is not carried out, whatever its status.
    let may_be_carried_out = outcome == Outcome::Unknown && error.status >= 500;
    match after && may_be_carried_out {
        true => Fault::AwsAfter(number),
        false => Fault::Aws(number),
    }
}

/// Drops some of the operations half-way, in half of the histories.
pub(super) fn with_drops(seed: u64, steps: &mut Vec<Step>) {
    let rng = &mut Rng::with_seed(seed ^ 0xd50b);
    if rng.bool() {
        return;
    }
    let mut all = Vec::with_capacity(steps.len());
    for mut step in steps.drain(..) {
        let changes_id = step.act.new_id().is_some();
        if rng.u8(..if changes_id { 3 } else { 10 }) == 0 {
            // The first request of most operations waits twice.
            step.dropped = Some([0, 1, 1, 2, 3, rng.usize(..12)][rng.usize(..6)]);
        }
        // What the client does next with the same copy.
        let next = match (step.act.copy(), step.dropped) {
            (Some(slot), Some(_)) => match rng.u8(..8) {
                0 => Some(Act::Cycle(slot, Vec::new())),
                1 => Some(Act::LogIn(slot, Vec::new())),
                2 => Some(Act::Save(slot, Vec::new(), None)),
                3 => {
                    // A value that no other step writes.
                    let set = vec![("red", Some(1000 + all.len() as u64))];
                    let idle = rng.bool().then_some(REMEMBERED);
                    Some(Act::Save(slot, set, Some(idle)))
                }
                4 => Some(Act::Touch(slot)),
                5 => Some(Act::Refresh(slot)),
                6 => Some(Act::Reauthenticate(slot, Vec::new())),
                _ => None,
            },
            _ => None,
        };
        let faults = match rng.u8(..3) {
            0 => step.faults.clone(),
            _ => Vec::new(),
        };
        let client = step.client;
        all.push(step);
        all.extend(next.map(|act| Step {
            client,
            act,
            faults,
            behind: 0,
            plain: false,
            dropped: None,
        }));
    }
    *steps = all;
}
