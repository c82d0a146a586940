//! An engine for which tokio's paused clock stands still: by itself, the clock jumps to the next timer, such as a
//! time-out of the SDK, while an engine in another thread or process works on a request.

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::Poll;

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// The same engine.
#[derive(Debug)]
pub(super) struct Still(pub(super) SharedHttpClient);

impl HttpClient for Still {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(StillConnector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct StillConnector(SharedHttpConnector);

impl HttpConnector for StillConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = std::pin::pin!(whole(answer));
            // The embedded engine has answered already.
            let at_once = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
            if let Poll::Ready(answer) = at_once {
                return answer;
            }
            // tokio's clock stands still while a blocking task runs.
            let (_answered, wait) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || wait.recv());
            answer.await
        })
    }
}

/// The response, with its body.
async fn whole(answer: HttpConnectorFuture) -> Result<HttpResponse, ConnectorError> {
    let mut answer = answer.await?;
    let body = ByteStream::new(answer.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    *answer.body_mut() = SdkBody::from(body.into_bytes());
    Ok(answer)
}
