//! Which versions of the sessions are stored since when, and which of them a page may show.

use std::collections::BTreeMap;

use session_store::ReadConsistency;

use super::{Violation, World};
use crate::browser::shop::Found;

/// The versions of sessions, by their handles.
pub(super) type ByHandle = BTreeMap<String, u64>;

/// What happened to the sessions, as a look at the table tells after each step of one host.
#[derive(Default)]
pub(super) struct Versions {
    stored: ByHandle,
    writes: Vec<Write>,
}

struct Write {
    handle: String,
    /// `None` if it has ended, or has another id.
    version: Option<u64>,
    host: usize,
    time: u64,
}

/// A browser's own writes that were answered: the version, and the moment when the server had finished. It has to see them
/// in each session that a request shows.
#[derive(Clone, Default)]
pub(super) struct Known(BTreeMap<String, (u64, u64)>);

impl Known {
    /// Notes the answer to a request that had written these versions when the server had finished it.
    pub(super) fn write(&mut self, wrote: &ByHandle, ended: u64) {
        for (handle, version) in wrote {
            self.0.insert(handle.clone(), (*version, ended));
        }
    }

    /// An answer gives the browser a version. It may be older than those of writes that the server finished after it
    /// got the request: the browser has the version that came last.
    pub(super) fn overtaken(&mut self, sent: u64) {
        self.0.retain(|_, (_, ended)| *ended < sent);
    }

    pub(super) fn versions(&self) -> ByHandle {
        let known = self.0.iter();
        known
            .map(|(handle, (version, _))| (handle.clone(), *version))
            .collect()
    }
}

impl World<'_> {
    /// Whether a host promises which versions it shows.
    fn promises_versions(&self) -> bool {
        self.caches.any() || self.reads == ReadConsistency::ReadYourWrites
    }

    /// Notes what a host has just written, and tells the versions of it.
    pub(super) async fn note_writes(&mut self, host: usize) -> ByHandle {
        let mut wrote = ByHandle::new();
        if !self.promises_versions() {
            return wrote;
        }
        // Some of it may go on in the background.
        let layers: Vec<_> = self.apps.values().map(|(_, layer)| layer.clone()).collect();
        for layer in layers {
            layer.wait_until_stored().await;
        }
        let table = self.stores[0].table_name();
        let scan = self.test.client.scan().table_name(table);
        let found = scan.consistent_read(true).send().await.expect("a scan");
        let mut stored = ByHandle::new();
        for item in found.items.unwrap_or_default() {
            let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
            let handle = item["id"].as_s().expect("a handle").clone();
            // A roster has no data, and neither has the mark of a new id.
            if let (true, Some(version)) = (item.contains_key("data"), number("version")) {
                stored.insert(handle, version);
            }
        }
        let time = self.time();
        let versions = &mut self.versions;
        for (handle, version) in &stored {
            if versions.stored.get(handle) != Some(version) {
                wrote.insert(handle.clone(), *version);
            }
        }
        let ended = versions
            .stored
            .keys()
            .filter(|handle| !stored.contains_key(*handle));
        let ended = ended.map(|handle| (handle.clone(), None));
        let changed = wrote
            .iter()
            .map(|(handle, version)| (handle.clone(), Some(*version)));
        let writes = ended.chain(changed).map(|(handle, version)| Write {
            handle,
            version,
            host,
            time,
        });
        versions.writes.extend(writes);
        versions.stored = stored;
        wrote
    }

    /// Checks what a host has just read for a browser that knows these versions.
    pub(super) fn check_found(
        &self,
        (handle, version): &Found,
        host: usize,
        is_stale: bool,
        known: &ByHandle,
    ) -> Result<(), Violation> {
        let (time, within) = (self.time(), self.caches.millis(host));
        let reads_anything = is_stale && !self.caches.has(host);
        if !self.promises_versions() || (reads_anything && self.reads == ReadConsistency::Eventual)
        {
            return Ok(());
        }
        if known.get(handle).is_some_and(|known| version < known) {
            let what =
                format!("host {host} shows version {version}, and the browser knows {known:?}");
            return Err(("P7", what));
        }
        if reads_anything {
            return Ok(());
        }
        for write in self
            .versions
            .writes
            .iter()
            .filter(|write| write.handle == *handle)
        {
            let is_old = write.version.is_none_or(|written| version < &written);
            let is_own = write.host == host;
            if is_old && (is_own || write.time + within <= time) {
                let what = match write.version {
                    Some(written) => format!("wrote version {written}"),
                    None => "ended it".to_owned(),
                };
                let (by, ago) = (write.host, time - write.time);
                let what = format!(
                    "host {host} shows version {version}, and host {by} {what} {ago} ms ago"
                );
                return Err(("P8", what));
            }
        }
        Ok(())
    }

    /// Whether a host may still show this user, whose sessions another host has ended.
    pub(super) fn may_be_revoked(&self, user: &str, host: usize) -> bool {
        let (time, within) = (self.time(), self.caches.millis(host));
        let mut revoked = self.revoked.iter();
        revoked.any(|(who, at, by)| who == user && *by != host && time < at + within)
    }

    /// Whether this host may still show a session whose log-out on another one was not told to the browser.
    pub(super) fn may_be_untold(&self, lineage: u64, host: usize) -> bool {
        let (time, within) = (self.time(), self.caches.millis(host));
        let untold = self.untold.get(&lineage);
        untold.is_some_and(|(at, by)| *by != host && time < at + within)
    }
}
