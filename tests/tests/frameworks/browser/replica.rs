//! An engine whose eventual reads are behind by one write, when the test says so.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

#[derive(Clone)]
pub(super) struct Replica {
    engine: SharedHttpClient,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Without it, no read can be behind.
    remembers: AtomicBool,
    is_behind: AtomicBool,
    /// The responses to a read of each key, from before its last write.
    before: Mutex<HashMap<String, Value>>,
}

impl Replica {
    pub(super) fn of(engine: SharedHttpClient) -> Self {
        Self {
            engine,
            state: Arc::default(),
        }
    }

    /// Forgets everything, and remembers from now on what is overwritten, if it is told so.
    pub(super) fn reset(&self, remembers: bool) {
        self.state.remembers.store(remembers, Ordering::SeqCst);
        self.state.before.lock().unwrap().clear();
    }

    pub(super) fn fall_behind(&self, is_behind: bool) {
        self.state.is_behind.store(is_behind, Ordering::SeqCst);
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replica")
    }
}

impl HttpClient for Replica {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Line {
            engine: self.engine.http_connector(settings, components),
            state: Arc::clone(&self.state),
        })
    }
}

#[derive(Clone)]
struct Line {
    engine: SharedHttpConnector,
    state: Arc<State>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move { line.send(request).await })
    }
}

impl Line {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let target = target.to_owned();
        let input: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        if target.ends_with(".GetItem") {
            let is_behind = self.state.is_behind.load(Ordering::SeqCst);
            if is_behind && input["ConsistentRead"] != true {
                let id = input["Key"]["id"]["S"].as_str().unwrap_or_default();
                let before = self.state.before.lock().unwrap().get(id).cloned();
                if let Some(before) = before {
                    return Ok(answer(&before));
                }
            }
        } else if self.state.remembers.load(Ordering::SeqCst) {
            for (table, id) in written(&target, &input) {
                let before = self.read(&request, &target, &table, &id).await?;
                self.state.before.lock().unwrap().insert(id, before);
            }
        }
        self.engine.call(request).await
    }

    async fn read(
        &self,
        like: &HttpRequest,
        target: &str,
        table: &str,
        id: &str,
    ) -> Result<Value, ConnectorError> {
        let mut request = like.try_clone().expect("a body in memory");
        let (service, _) = target.split_once('.').expect("a target");
        let input =
            json!({ "TableName": table, "Key": { "id": { "S": id } }, "ConsistentRead": true });
        let input = input.to_string();
        let headers = request.headers_mut();
        headers.insert("x-amz-target", format!("{service}.GetItem"));
        headers.insert("content-length", input.len().to_string());
        *request.body_mut() = SdkBody::from(input);
        let mut response = self.engine.call(request).await?;
        let body = ByteStream::new(response.take_body()).collect().await;
        Ok(serde_json::from_slice(&body.unwrap().into_bytes()).unwrap())
    }
}

/// The tables and keys that a request writes.
fn written(target: &str, input: &Value) -> Vec<(String, String)> {
    let (_, operation) = target.split_once('.').unwrap_or_default();
    let writes: Vec<&Value> = match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![input],
        "TransactWriteItems" => {
            let actions = input["TransactItems"].as_array().unwrap().iter();
            let actions = actions.flat_map(|action| action.as_object().unwrap());
            let writes = actions.filter(|(kind, _)| *kind != "ConditionCheck");
            writes.map(|(_, write)| write).collect()
        }
        _ => Vec::new(),
    };
    let key = |write: &Value| {
        let id = write["Key"]["id"]["S"].as_str();
        let id = id.or(write["Item"]["id"]["S"].as_str())?;
        Some((write["TableName"].as_str()?.to_owned(), id.to_owned()))
    };
    writes.into_iter().filter_map(key).collect()
}

fn answer(body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    response
}
