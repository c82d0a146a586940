//! What only histories with caches have.

use super::{Draw, Event};
use crate::browser::shop::Action;

impl Draw {
    /// A change by others, or a wait until a copy is almost too old, or just so.
    pub(super) fn event_of_caches(&mut self, browser: usize) {
        let rng = &mut self.of_caches;
        let Some(time) = self.caches.time(rng) else {
            return;
        };
        match rng.u8(..16) {
            0 | 1 => {
                let host = self.caches.host(rng);
                self.events.push(Event::Change(browser, host));
            }
            2 => self.overtaken_by_a_log_out(browser),
            3 | 4 => {
                let seconds = [1, time / 2, time - 1, time, time + 1];
                let seconds = seconds[rng.usize(..seconds.len())];
                self.events.push(Event::Wait(seconds));
            }
            _ => {}
        }
    }

    /// The answer to another request comes after that of a log-out.
    fn overtaken_by_a_log_out(&mut self, browser: usize) {
        let user = format!("b{browser}u0");
        let other = match self.of_caches.bool() {
            true => Action::Renew,
            false => Action::Remember,
        };
        let [log_in, late, log_out] =
            [Action::LogIn(user), other, Action::LogOut].map(|action| self.plain(browser, action));
        let ids = [log_in.id, log_out.id, late.id];
        let [log_in_arrives, log_out_arrives, late_arrives] = ids.map(Event::Arrive);
        self.events.extend([
            Event::Send(log_in),
            log_in_arrives,
            Event::Send(late),
            Event::Send(log_out),
            log_out_arrives,
            late_arrives,
        ]);
    }
}
