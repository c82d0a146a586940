//! The file of an embedded database: a journal of what has changed, which is replayed when it is opened.
//!
//! The first line says that it is one. Each further line is what one request has changed, behind its checksum: a request
//! about a table as it came, or the items as they are now. So a transaction is in the file as a whole, or not. A line
//! that was not written to its end is the last one, and is left out. When the file has become much longer than what it
//! holds, a new one takes its place.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::engine::{Engine, table_name};
use crate::error::{Cause, SetupError};

const HEADER: &str = "session-store embedded database 1\n";

/// What SQLite's files begin with. An earlier version of this crate kept its database in one.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Lines that a journal may have beyond twice those that it needs.
const SPARE_LINES: usize = 1000;

/// Times that a file is opened again which another one has replaced in the meantime.
const MAX_OPEN_ATTEMPTS: usize = 10;

/// The requests that change a table, and not its items.
const OF_TABLES: [&str; 4] = [
    "CreateTable",
    "UpdateTable",
    "DeleteTable",
    "UpdateTimeToLive",
];

/// The path of a file by which it is known, whatever links lead to it.
pub(super) fn known_path(path: &Path) -> Result<PathBuf, SetupError> {
    // An empty path would be that of the current folder.
    if path.as_os_str().is_empty() {
        let text = "the path of the embedded database is empty; give the path of a file";
        return Err(SetupError::new(text));
    }
    let absolute = std::path::absolute(path).map_err(|error| cannot("be found", path, error))?;
    if let Ok(known) = fs::canonicalize(&absolute) {
        return Ok(known);
    }
    match (
        absolute.parent().map(fs::canonicalize),
        absolute.file_name(),
    ) {
        (Some(Ok(folder)), Some(name)) => Ok(folder.join(name)),
        _ => Ok(absolute),
    }
}

pub(super) struct Journal {
    path: PathBuf,
    /// Locked as long as it is open.
    file: File,
    /// How many bytes of it are whole lines.
    length: u64,
    lines: usize,
    /// With so many lines, a new file takes its place.
    most_lines: usize,
    /// The requests that have made the tables as they are, each with its moment.
    of_tables: Vec<(u64, Entry)>,
    /// A line could not be written, and memory has what the file lacks.
    is_broken: bool,
}

/// What a line says has changed.
type Entry = (String, Json);

impl Journal {
    pub(super) fn open(path: PathBuf) -> Result<(Self, Engine), SetupError> {
        let mut file = open_locked(&path)?;
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes);
        read.map_err(|error| cannot("be read", &path, error))?;
        check_header(&path, &bytes)?;
        let mut engine = Engine::tracking();
        let mut journal = Self {
            path,
            file,
            length: 0,
            lines: 0,
            most_lines: SPARE_LINES,
            of_tables: Vec::new(),
            is_broken: false,
        };
        if HEADER.as_bytes().starts_with(&bytes) && bytes.len() < HEADER.len() {
            let empty = journal.file.set_len(0);
            let empty = empty.and_then(|()| journal.file.rewind());
            let written = empty.and_then(|()| journal.write(HEADER));
            written.map_err(|error| cannot("be written", &journal.path, error))?;
        } else {
            journal.replay(&bytes, &mut engine)?;
        }
        let _ = engine.take_changes();
        journal.most_lines = journal.limit(&engine);
        Ok((journal, engine))
    }

    /// Repeats what the lines say. What was not written to its end is cut off.
    fn replay(&mut self, bytes: &[u8], engine: &mut Engine) -> Result<(), SetupError> {
        let (header, mut text) = bytes.split_at(HEADER.len());
        self.length = header.len() as u64;
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = text.split_at(end + 1);
            if self.repeat(line, engine).is_none() {
                return Err(SetupError::new(format!(
                    "the embedded database `{}` is damaged at line {}; delete the file, or set it aside: the sessions \
                     in it are lost",
                    self.path.display(),
                    self.lines + 2,
                )));
            }
            self.lines += 1;
            self.length += line.len() as u64;
            text = rest;
        }
        if !text.is_empty() {
            tracing::warn!(path = %self.path.display(), "the last write to the embedded database was not finished, and is left out");
        }
        let cut = self.file.set_len(self.length);
        let at_end = cut.and_then(|()| self.file.seek(SeekFrom::End(0)));
        at_end.map_err(|error| cannot("be written", &self.path, error))?;
        Ok(())
    }

    fn repeat(&mut self, line: &[u8], engine: &mut Engine) -> Option<()> {
        let (sum, json) = std::str::from_utf8(line).ok()?.trim_end().split_once(' ')?;
        if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(json.as_bytes()) {
            return None;
        }
        let (at, entries): (u64, Vec<Entry>) = serde_json::from_str(json).ok()?;
        for (operation, request) in entries {
            let table = request.get("TableName")?.as_str()?;
            match &*operation {
                "PutItem" => engine.restore(table, request.get("Item")?).ok()?,
                "DeleteItem" => engine.take_away(table, request.get("Key")?).ok()?,
                _ => {
                    let body = request.to_string();
                    engine.execute(&operation, body.as_bytes(), at).ok()?;
                    self.note(at, operation, request);
                }
            }
        }
        Some(())
    }

    /// Notes a request about a table, which a new file needs as well.
    fn note(&mut self, at: u64, operation: String, request: Json) {
        if operation == "DeleteTable" {
            let name = |request: &Json| {
                let name = request.get("TableName").and_then(Json::as_str);
                name.map(|name| table_name(name).to_owned())
            };
            let deleted = name(&request);
            self.of_tables
                .retain(|(_, (_, other))| name(other) != deleted);
        } else {
            self.of_tables.push((at, (operation, request)));
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
        let mut entries = Vec::new();
        if OF_TABLES.contains(&operation) {
            entries.push((operation.to_owned(), serde_json::from_slice(body)?));
        }
        entries.extend(engine.take_changes().into_iter().map(changed));
        if entries.is_empty() {
            return Ok(());
        }
        let path = self.path.display();
        if self.is_broken {
            return Err(io::Error::other(format!(
                "an earlier write to `{path}` has failed"
            )));
        }
        if let Err(error) = self.write(&line(now, &entries)) {
            let text = format!(
                "the embedded database `{path}` cannot be written: {error}",
                path = self.path.display()
            );
            // What there is of the line is taken back, so that the file stays one.
            let _ = self.file.set_len(self.length);
            self.is_broken = true;
            return Err(io::Error::new(error.kind(), text));
        }
        self.lines += 1;
        if OF_TABLES.contains(&operation) {
            let (operation, request) = entries.swap_remove(0);
            self.note(now, operation, request);
        }
        if self.lines >= self.most_lines {
            engine.sweep(now);
            let _ = engine.take_changes();
            if let Err(error) = self.compact(engine, now) {
                tracing::warn!(path = %self.path.display(), %error, "no new file could take the place of the embedded database, which grows on");
                self.most_lines *= 2;
            }
        }
        Ok(())
    }

    /// Deletes what has expired by this moment.
    pub(super) fn sweep(&mut self, engine: &mut Engine, now: u64) -> io::Result<()> {
        engine.sweep(now);
        self.append("", b"", engine, now)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        Ok(())
    }

    fn limit(&self, engine: &Engine) -> usize {
        2 * (self.of_tables.len() + engine.item_count()) + SPARE_LINES
    }

    /// Puts a new file with what is there now in place of this one.
    fn compact(&mut self, engine: &Engine, now: u64) -> io::Result<()> {
        let mut text = HEADER.to_owned();
        for (at, entry) in &self.of_tables {
            text += &line(*at, std::slice::from_ref(entry));
        }
        let mut lines = self.of_tables.len();
        for (table, item) in engine.items() {
            let put = json!({ "TableName": table, "Item": item });
            text += &line(now, &[("PutItem".to_owned(), put)]);
            lines += 1;
        }
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        // One that a process left when it ended. It is not followed if it is a link.
        let _ = fs::remove_file(&new);
        let file = self.put_in_place(&new, &text);
        if file.is_err() {
            let _ = fs::remove_file(&new);
        }
        (self.file, self.lines, self.length) = (file?, lines, text.len() as u64);
        self.most_lines = self.limit(engine);
        Ok(())
    }

    fn put_in_place(&self, new: &Path, text: &str) -> io::Result<File> {
        let mut file = options().create_new(true).open(new)?;
        file.set_permissions(self.file.metadata()?.permissions())?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::Error::other("another process has the new file"));
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, &self.path)?;
        Ok(file)
    }

    pub(super) fn close(self) -> Result<(), SetupError> {
        if self.is_broken {
            let error = "an earlier write has failed";
            return Err(cannot("be written", &self.path, error));
        }
        let synced = self.file.sync_all();
        synced.map_err(|error| cannot("be written", &self.path, error))
    }
}

/// What has become of an item.
fn changed((table, key, item): (String, Json, Option<Json>)) -> Entry {
    match item {
        Some(item) => (
            "PutItem".to_owned(),
            json!({ "TableName": table, "Item": item }),
        ),
        None => (
            "DeleteItem".to_owned(),
            json!({ "TableName": table, "Key": key }),
        ),
    }
}

fn line(at: u64, entries: &[Entry]) -> String {
    let json = json!([at, entries]).to_string();
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// For reading and writing; a new file is for its owner alone, since it has what visitors' sessions hold.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        options.mode(0o600);
    }
    options
}

/// Opens the file for this process alone.
fn open_locked(path: &Path) -> Result<File, SetupError> {
    if path.is_dir() {
        let text = format!("`{}` is a folder; give the path of a file", path.display());
        return Err(SetupError::new(text));
    }
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let text = format!("`{}` is no file; give the path of one", path.display());
        return Err(SetupError::new(text));
    }
    for _ in 0..MAX_OPEN_ATTEMPTS {
        let file = options().create(true).truncate(false).open(path);
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
    let text = format!(
        "the file at `{}` becomes another one time and again",
        path.display()
    );
    Err(SetupError::new(text))
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
    // The first write to a new file may not have been finished.
    if HEADER.as_bytes().starts_with(bytes) || bytes.starts_with(HEADER.as_bytes()) {
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
