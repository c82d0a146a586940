//! The faults that a request can meet, and the end of a response that waits.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;
type Hook = Box<dyn FnOnce() -> Wait + Send>;
type Edit = Box<dyn FnOnce(&mut Value) + Send>;
type Damage = Box<dyn FnOnce(&mut Vec<u8>) + Send>;

/// A fault that a request meets on the wire.
#[non_exhaustive]
pub enum Fault {
    /// The engine carries out the request, and the response is lost.
    LoseResponse,
    /// The request does not reach the engine.
    Refuse,
    /// The engine is not asked. The response has this status, error code and message.
    Answer(u16, &'static str, &'static str),
    /// The engine is not asked. The response has this status and body.
    Body(u16, Value),
    /// Another operation runs first.
    Meanwhile(Hook),
    /// The response is changed on its way back.
    Edit(Edit),
    /// The engine carries out the request, and the response comes when this is done.
    Late(Wait),
    /// The engine carries out the request, and the body of the response ends in the middle.
    Torn,
    /// The engine carries out the request, and the body of the response ends after this many bytes.
    Truncated(usize),
    /// The engine carries out the request, and the body of the response is damaged on its way. It comes with the
    /// checksum of the one that was sent, as DynamoDB sends it.
    Damaged(Damage),
    /// The engine is not asked. The response has status 200, this `content-type` and this body: it is that of
    /// something between the client and DynamoDB.
    Foreign(&'static str, &'static str),
}

impl Fault {
    /// Runs another operation, such as the write of another client, before the request.
    pub fn meanwhile<F: Future<Output = ()> + Send + 'static>(
        hook: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        Self::Meanwhile(Box::new(|| Box::pin(hook())))
    }

    /// Changes the response, in JSON.
    pub fn edit(edit: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        Self::Edit(Box::new(edit))
    }

    /// Damages the body of the response, which comes with the checksum of the one that was sent.
    pub fn damaged(damage: impl FnOnce(&mut Vec<u8>) + Send + 'static) -> Self {
        Self::Damaged(Box::new(damage))
    }

    /// Cancels a transaction for these reasons, one for each of its actions.
    pub fn cancelled(reasons: Value) -> Self {
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": reasons,
        });
        Self::Body(400, body)
    }

    /// DynamoDB throttles the request.
    pub fn throttled() -> Self {
        Self::Answer(400, "ProvisionedThroughputExceededException", "slow down")
    }

    /// The engine carries out the request, and the response has no body.
    pub fn empty() -> Self {
        Self::Truncated(0)
    }

    /// The engine carries out the request, and the response comes so much later, by the clock of tokio.
    ///
    /// A client that waits for less gives up: see [`TestStore`](super::TestStore::on) for one with time-outs.
    pub fn delayed(by: Duration) -> Self {
        Self::late(async move { tokio::time::sleep(by).await })
    }

    /// The engine carries out the request, and the response comes when this future is done.
    pub fn late(until: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Late(Box::pin(until))
    }

    /// The engine carries out the request, and the test says when the response comes.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::SessionAttributes;
    /// use session_store::test_util::{Fault, TestStore};
    ///
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # #[dynamo(idle_timeout = "30m")]
    /// # struct AppSession {
    /// #     visits: u64,
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let test = TestStore::<AppSession>::new().await;
    /// let mut slow = test.store.create(AppSession::default()).await?;
    /// let id = slow.id().clone();
    ///
    /// let (fault, mut held) = Fault::held();
    /// test.wire.next("UpdateItem", fault);
    /// slow.visits += 1;
    /// let store = test.store.clone();
    /// let saving = tokio::spawn(async move { store.save(&mut slow).await });
    ///
    /// // The save is stored, and does not know it yet.
    /// held.carried_out().await;
    /// let other = test.store.load(&id).await?;
    /// assert_eq!(other.map(|session| session.visits), Some(1));
    /// held.release();
    /// saving.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn held() -> (Self, HeldResponse) {
        let (tell, carried_out) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let fault = Self::late(async move {
            // It fails if the test does not wait for it.
            let _ = tell.send(());
            // A test that drops its end releases the response.
            let _ = released.await;
        });
        let held = HeldResponse {
            carried_out: Some(carried_out),
            release,
        };
        (fault, held)
    }
}

/// A response that waits on the wire: see [`Fault::held`]. It comes when this is released or dropped.
#[derive(Debug)]
pub struct HeldResponse {
    /// `None` if it is known to be carried out.
    carried_out: Option<oneshot::Receiver<()>>,
    release: oneshot::Sender<()>,
}

impl HeldResponse {
    /// Returns when the engine has carried out the request.
    ///
    /// # Panics
    ///
    /// If that can no longer happen: the wire was cleared before such a request came, or was dropped.
    pub async fn carried_out(&mut self) {
        if let Some(carried_out) = self.carried_out.take() {
            carried_out.await.expect("the request is still to come");
        }
    }

    /// Lets the response come.
    pub fn release(self) {
        // It fails if nothing waits for it any more.
        let _ = self.release.send(());
    }
}
