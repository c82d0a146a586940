//! The file of an embedded database: a journal of requests, which are carried out again when it is opened.
//!
//! The first line says that it is one. Each further line is a request that needs no condition, such as a `PutItem` of
//! a whole item, behind its checksum. A line that was not written to its end is the last one, and is left out. When the
//! file has become much longer than what it holds, a new one takes its place.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError, Weak};

use serde_json::{Value as Json, json};

use super::engine::Engine;
use super::{Database, Embedded, Kept};
use crate::error::{Cause, SetupError};

const HEADER: &str = "session-store embedded database 1\n";

/// What SQLite's files begin with. An earlier version of this crate kept its database in one.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Lines that a journal may have beyond twice those that it needs.
const SPARE_LINES: usize = 1000;

/// The requests that change a table, and not its items.
const OF_TABLES: [&str; 4] = [
    "CreateTable",
    "UpdateTable",
    "DeleteTable",
    "UpdateTimeToLive",
];

/// The databases that this process has open.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Mutex<Database>>>>> =
    LazyLock::new(Mutex::default);

/// Opens the database in this file.
pub(super) fn open(path: &Path, now: u64) -> Result<Embedded, SetupError> {
    // An empty path would be that of the current folder.
    if path.as_os_str().is_empty() {
        let text = "the path of the embedded database is empty; give the path of a file";
        return Err(SetupError::new(text));
    }
    let absolute = std::path::absolute(path).map_err(|error| cannot("be found", path, error))?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|_, database| database.strong_count() > 0);
    // The file may be there by another name as well.
    let known = fs::canonicalize(&absolute).unwrap_or_else(|_| absolute.clone());
    let shared = open.get(&known).and_then(Weak::upgrade).map(Embedded);
    if let Some(shared) = shared.filter(|shared| !matches!(shared.lock().kept, Kept::Closed)) {
        return Ok(shared);
    }
    let (journal, engine) = Journal::open(&absolute, now)?;
    let known = fs::canonicalize(&absolute).unwrap_or(known);
    let embedded = Embedded::of(engine, Kept::InFile(journal));
    open.insert(known, std::sync::Arc::downgrade(&embedded.0));
    Ok(embedded)
}

pub(super) struct Journal {
    path: PathBuf,
    /// Locked as long as it is open.
    file: File,
    lines: usize,
    /// The requests that have made the tables as they are.
    of_tables: Vec<Line>,
    /// A line could not be written, so none can follow it.
    is_broken: bool,
}

/// A request, when it was carried out.
#[derive(Clone)]
struct Line {
    at: u64,
    operation: String,
    request: Json,
}

impl Journal {
    fn open(path: &Path, now: u64) -> Result<(Self, Engine), SetupError> {
        let mut file = open_locked(path)?;
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes);
        read.map_err(|error| cannot("be read", path, error))?;
        check_header(path, &bytes)?;
        let mut engine = Engine::tracking();
        let mut journal = Self {
            path: path.to_owned(),
            file,
            lines: 0,
            of_tables: Vec::new(),
            is_broken: false,
        };
        if bytes.is_empty() {
            let written = journal.file.write_all(HEADER.as_bytes());
            written.map_err(|error| cannot("be written", path, error))?;
        } else {
            journal.replay(bytes.get(HEADER.len()..).unwrap_or_default(), &mut engine)?;
        }
        engine.sweep(now);
        let swept = engine.take_changes();
        let needed = journal.of_tables.len() + engine.item_count();
        if !swept.is_empty() || journal.lines > 2 * needed + SPARE_LINES {
            let compacted = journal.compact(&engine, now);
            compacted.map_err(|error| cannot("be written", path, error))?;
        }
        Ok((journal, engine))
    }

    /// Carries out the requests of a journal. What was not written to its end is cut off.
    fn replay(&mut self, mut text: &[u8], engine: &mut Engine) -> Result<(), SetupError> {
        let mut read = HEADER.len();
        while let Some(length) = text.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = text.split_at(length + 1);
            let carried_out = Line::read(line).map(|line| {
                let body = line.request.to_string();
                let done = engine.execute(&line.operation, body.as_bytes(), line.at);
                self.note(line);
                done.is_ok()
            });
            if carried_out != Some(true) {
                let number = self.lines + 1;
                return Err(SetupError::new(format!(
                    "the embedded database `{}` is damaged at line {number}; delete the file, or set it aside: the \
                     sessions in it are lost",
                    self.path.display()
                )));
            }
            read += line.len();
            text = rest;
        }
        if !text.is_empty() {
            tracing::warn!(path = %self.path.display(), "the last write to the embedded database was not finished, and is left out");
            let cut = self.file.set_len(read as u64);
            cut.map_err(|error| cannot("be written", &self.path, error))?;
        }
        Ok(())
    }

    /// Notes a request that is in the file.
    fn note(&mut self, line: Line) {
        self.lines += 1;
        if !OF_TABLES.contains(&&*line.operation) {
            return;
        }
        if line.operation == "DeleteTable" {
            let name = line.request.get("TableName");
            self.of_tables
                .retain(|other| other.request.get("TableName") != name);
        } else {
            self.of_tables.push(line);
        }
    }

    /// Appends what a request has changed.
    pub(super) fn append(
        &mut self,
        operation: &str,
        body: &[u8],
        engine: &mut Engine,
        now: u64,
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        if OF_TABLES.contains(&operation) {
            lines.push(Line {
                at: now,
                operation: operation.to_owned(),
                request: serde_json::from_slice(body)?,
            });
        }
        lines.extend(
            engine
                .take_changes()
                .into_iter()
                .map(|change| Line::of(change, now)),
        );
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.path.display();
        if self.is_broken {
            return Err(io::Error::other(format!(
                "an earlier write to `{path}` has failed"
            )));
        }
        let text: String = lines.iter().map(Line::text).collect();
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            self.is_broken = true;
            let text = format!("the embedded database `{path}` cannot be written: {error}");
            return Err(io::Error::new(error.kind(), text));
        }
        lines.into_iter().for_each(|line| self.note(line));
        let needed = self.of_tables.len() + engine.item_count();
        if self.lines > 2 * needed + SPARE_LINES {
            engine.sweep(now);
            let _ = engine.take_changes();
            self.compact(engine, now)?;
        }
        Ok(())
    }

    /// Puts a new file with what is there now in place of this one.
    fn compact(&mut self, engine: &Engine, now: u64) -> io::Result<()> {
        let mut text = HEADER.to_owned();
        let items = engine.items().map(|(table, item)| Line {
            at: now,
            operation: "PutItem".to_owned(),
            request: json!({ "TableName": table, "Item": item }),
        });
        let mut lines = 0;
        for line in self.of_tables.iter().cloned().chain(items) {
            text += &line.text();
            lines += 1;
        }
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let mut file = File::create(&name)?;
        file.lock()?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&name, &self.path)?;
        (self.file, self.lines) = (file, lines);
        Ok(())
    }

    pub(super) fn close(self) -> Result<(), SetupError> {
        let synced = self.file.sync_all();
        synced.map_err(|error| cannot("be written", &self.path, error))
    }
}

impl Line {
    /// What has become of an item.
    fn of((table, key, item): (String, Json, Option<Json>), at: u64) -> Self {
        let (operation, request) = match item {
            Some(item) => ("PutItem", json!({ "TableName": table, "Item": item })),
            None => ("DeleteItem", json!({ "TableName": table, "Key": key })),
        };
        let operation = operation.to_owned();
        Self {
            at,
            operation,
            request,
        }
    }

    fn text(&self) -> String {
        let json = json!([self.at, self.operation, self.request]).to_string();
        let mut text = String::with_capacity(json.len() + 10);
        let _ = writeln!(text, "{:08x} {json}", crc32fast::hash(json.as_bytes()));
        text
    }

    fn read(line: &[u8]) -> Option<Self> {
        let (sum, json) = std::str::from_utf8(line).ok()?.trim_end().split_once(' ')?;
        if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(json.as_bytes()) {
            return None;
        }
        let (at, operation, request) = serde_json::from_str(json).ok()?;
        Some(Self {
            at,
            operation,
            request,
        })
    }
}

/// Opens the file for this process alone.
fn open_locked(path: &Path) -> Result<File, SetupError> {
    if path.is_dir() {
        let text = format!("`{}` is a folder; give the path of a file", path.display());
        return Err(SetupError::new(text));
    }
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(|error| cannot("be opened for writing", path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(SetupError::new(format!(
                    "another process has the embedded database `{}`, most likely another instance of this program; stop \
                     that, or give this one another file",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %path.display(), %error, "the embedded database cannot be locked here; let no other process open it");
            }
        }
        // The one who had it may have put a new file in its place.
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let place = |of: fs::Metadata| (of.dev(), of.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => place(ours) == place(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Refuses a file that is not new and not one of these, before anything is written to it.
fn check_header(path: &Path, bytes: &[u8]) -> Result<(), SetupError> {
    if bytes.is_empty() || bytes.starts_with(HEADER.as_bytes()) {
        return Ok(());
    }
    let what = match bytes.starts_with(SQLITE) {
        true => {
            "a database of SQLite, which is another program's or was made by an earlier version of session-store"
        }
        false => "something else",
    };
    Err(SetupError::new(format!(
        "`{}` holds {what}, and is as it was; give the path of another file",
        path.display()
    )))
}

fn cannot(what: &str, path: &Path, error: impl Into<Cause>) -> SetupError {
    let text = format!("the embedded database `{}` cannot {what}", path.display());
    SetupError::with_cause(text, error)
}
