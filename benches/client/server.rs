//! A server that answers every request with an absent item, or fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Answer,
    Absent,
    Silent,
    /// Every other request fails.
    FailFirst,
    ThrottleFirst,
}

pub(crate) struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let requests = Arc::new(AtomicUsize::new(0));
        let serve = async move {
            while let Ok((connection, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(connection, manner, Arc::clone(&requests)));
            }
        };
        Self {
            url: format!("http://{address}"),
            connections,
            task: (manner != Manner::Absent).then(|| tokio::spawn(serve)),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn answer(mut connection: TcpStream, manner: Manner, requests: Arc<AtomicUsize>) {
    while read(&mut connection).await.is_some() {
        if manner == Manner::Silent {
            continue;
        }
        let first = requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let (status, body) = match manner {
            Manner::FailFirst if first => (
                500,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#,
            ),
            Manner::ThrottleFirst if first => (
                400,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#,
            ),
            _ => (200, "{}"),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        if connection.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; `None` at the end of the connection.
async fn read(connection: &mut TcpStream) -> Option<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if connection.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(request.get(..head)?).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    let length: usize = length.trim().parse().ok()?;
    while request.len() < head + length {
        if connection.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    Some(())
}
