//! A history as text.

use std::fmt;

use super::{Event, Plan};
use crate::browser::jar::{Origin, foreign};
use crate::browser::shop::Way;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} reads, cookie {:?}", self.reads, self.setup)?;
        write!(f, "{}", self.caches)?;
        for event in &self.events {
            write!(f, "\n  {event}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(send) => {
                write!(
                    f,
                    "request {} of browser {}: {:?}",
                    send.id, send.browser, send.action
                )?;
                if send.origin != Origin::Same {
                    write!(f, ", from another site by {:?}", send.origin)?;
                }
                if send.way != Way::Plain {
                    write!(f, ", {:?}", send.way)?;
                }
                if let Some(pause) = send.pause {
                    write!(f, ", waits {pause:?}")?;
                }
                if let Some((operation, trouble)) = send.fault {
                    write!(f, ", {operation} {trouble:?}")?;
                }
                let flags = [
                    (send.is_stale, ", stale read"),
                    (send.is_repeated, ", sent twice"),
                    (send.to_old_host, ", to an old host"),
                ];
                flags
                    .iter()
                    .filter(|(is, _)| *is)
                    .try_for_each(|(_, text)| f.write_str(text))
            }
            Self::Resume(id) => write!(f, "request {id} goes on"),
            Self::Arrive(id) => write!(f, "response {id} arrives"),
            Self::Lose(id) => write!(f, "request {id} is given up"),
            Self::Wait(seconds) => write!(f, "{seconds} seconds pass"),
            Self::Foreign(browser, which) => {
                let bytes = String::from_utf8_lossy(foreign(*which));
                let start: String = bytes.chars().take(30).collect();
                write!(f, "browser {browser} gets a foreign cookie: {start:?}")
            }
            Self::Sibling(browser, which) => {
                write!(
                    f,
                    "browser {browser} gets cookie {which} of our name from a sibling host"
                )
            }
            Self::Deploy(setup) => write!(f, "deploy {setup:?}"),
            Self::Revoke(browser, host) => {
                write!(f, "the user of browser {browser} is revoked on host {host}")
            }
            Self::Change(browser, host) => {
                write!(
                    f,
                    "the sessions of browser {browser} are changed on host {host}"
                )
            }
        }
    }
}
