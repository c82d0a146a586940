//! What happens when the future of a request is dropped before it is done.

use std::sync::Arc;

use super::config::RequestSlot;

/// Ends the request if the inner service gives an error, or if the client hangs up: its future is then dropped,
/// and the handler never comes to its end. A log-out is carried out (G17).
pub(super) struct HangUp<S>(pub(super) Arc<RequestSlot<S>>);

impl<S> Drop for HangUp<S> {
    fn drop(&mut self) {
        self.0.slot.abandon();
    }
}

/// The inner one of two layers for the same sessions.
pub(super) struct Inside<S> {
    pub(super) outer: Arc<RequestSlot<S>>,
    pub(super) has_responded: bool,
}

impl<S> Drop for Inside<S> {
    fn drop(&mut self) {
        self.outer.slot.note_return(self.has_responded);
    }
}
