//! The results of operations, as a trace shows them.

use session_store::Error;

use crate::client::{Got, Outcome};

pub(super) fn describe(outcome: &Outcome, mut name: impl FnMut(&str) -> String) -> String {
    match &outcome.got {
        Ok(Got::Done) => match &outcome.copy {
            Some(copy) => format!("done, the copy is {}", name(&copy.handle)),
            None => "done".to_owned(),
        },
        Ok(Got::Session(seen)) => format!("{} at version {}", name(&seen.handle), seen.version),
        Ok(Got::Absent) => "none".to_owned(),
        Ok(Got::Found(found, _)) => format!("finds {}", name(&found.handle)),
        Ok(Got::Count(count)) => format!("count is {count}"),
        Ok(Got::Listed(listed)) => {
            let names: Vec<_> = listed.iter().map(|session| name(&session.handle)).collect();
            format!("lists {names:?}")
        }
        Ok(Got::Updated(updated)) => format!(
            "{} changed, {} gone, {} moved, {} failed",
            updated.changed(),
            updated.gone(),
            updated.moved(),
            updated.failed().len()
        ),
        Ok(Got::Revoked(revoked)) => format!(
            "{} deleted, {} already gone, {} moved, {} failed",
            revoked.deleted(),
            revoked.already_gone(),
            revoked.moved(),
            revoked.failed().len()
        ),
        Err(Error::Gone(error)) if error.is_replaced() => "Gone, and has a new id".to_owned(),
        Err(Error::Gone(_)) => "Gone".to_owned(),
        Err(Error::Conflict(error)) => {
            format!("Conflict, outcome unknown: {}", error.outcome_unknown())
        }
        Err(Error::Service(error)) => format!(
            "Service {}, outcome unknown: {}",
            error.code().unwrap_or("no response"),
            error.outcome_unknown()
        ),
        Err(error) => format!("{error}"),
    }
}
