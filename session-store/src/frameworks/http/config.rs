//! The settings of a layer that concern the session, and the tasks that store.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use crate::store::DynamoDbStore;

use crate::frameworks::http::cookie::Carrier;

/// The settings of a layer, without those for responses.
pub(crate) struct SessionConfig<S> {
    pub(crate) store: DynamoDbStore<S>,
    pub(crate) carrier: Carrier,
    pub(crate) tasks: Tasks,
}

impl<S> SessionConfig<S> {
    /// Whether a layer with the other configuration would give the same sessions.
    pub(crate) fn gives_the_sessions_of(&self, other: &Self) -> bool {
        let (scope, of_other) = (self.carrier.scope(), other.carrier.scope());
        self.store.is_same(&other.store) && scope.meets(&of_other)
    }
}

impl<S> Clone for SessionConfig<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            carrier: self.carrier.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

/// The tasks of a layer. They continue when the client hangs up, and a program that ends can wait for them.
#[derive(Clone, Default)]
pub(crate) struct Tasks(TaskTracker);

impl Tasks {
    /// Runs in the span of a request. `None` if there is no runtime.
    pub(crate) fn try_spawn<F>(&self, task: F, span: &Span) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let runtime = Handle::try_current().ok()?;
        let task = task.instrument(span.clone());
        Some(self.0.spawn_on(task, &runtime))
    }

    /// The same where a future is polled, and so a runtime is there.
    pub(crate) fn spawn<F>(&self, task: F, span: &Span) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.spawn(task.instrument(span.clone()))
    }

    /// Waits until there are none.
    pub(crate) async fn wait(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
