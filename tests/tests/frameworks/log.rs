//! The log records of this crate, for the test whose thread wrote them. Each test has its own thread, and a
//! runtime on that thread.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use tracing::Level;

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to capture the log of all threads.
pub(crate) fn capture() {
    static CAPTURE: Once = Once::new();
    CAPTURE.call_once(|| {
        let log = tracing_subscriber::fmt()
            .with_max_level(Level::INFO)
            .with_ansi(false)
            .without_time()
            .with_writer(|| ThreadLog)
            .finish();
        tracing::subscriber::set_global_default(log).unwrap();
    });
    taken();
}

/// The records of this crate on this thread since the last call, each with its level first.
pub(crate) fn taken() -> Vec<String> {
    let log = LOG.with_borrow_mut(std::mem::take);
    let log = String::from_utf8(log).unwrap();
    let ours = log.lines().filter(|line| line.contains(" session_store::"));
    ours.map(|line| line.trim_start().to_owned()).collect()
}

/// The levels of those records.
pub(crate) fn levels() -> Vec<Level> {
    let level = |line: String| line.split_once(' ').unwrap().0.parse().unwrap();
    taken().into_iter().map(level).collect()
}
