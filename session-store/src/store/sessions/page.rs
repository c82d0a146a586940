//! One page of a listing: from a default index, or from a roster that was read at its beginning.

use std::collections::{HashMap, HashSet, VecDeque};

use futures_util::future::try_join_all;

use crate::dynamodb::{MAX_LISTING_ROUNDS, Patience, Table, request};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{
    Map, Member, Millis, Partition, RosterKey, handle_of, is_of_another_type, members, partitions,
    stored_creation,
};
use crate::schema::{Attribute, IndexValue};

use super::rows::Rows;

/// How many keys of a shard are read at least, if a page can use as many: a query is billed for 4 KB in
/// any case, and these keys usually have less.
const PREFETCH: usize = 32;

pub(super) struct Page<R> {
    pub(super) sessions: VecDeque<Result<R, Error>>,
    pub(super) next: Option<Next>,
}

/// Where a page begins: `None` for the first one.
pub(super) enum Next {
    Index(Option<Merge>),
    Roster(Option<Entries>),
}

impl Next {
    pub(super) fn take(&mut self) -> Self {
        match self {
            Self::Index(merge) => Self::Index(merge.take()),
            Self::Roster(entries) => Self::Roster(entries.take()),
        }
    }
}

/// The partitions of an index, each in its own order, from which pages in the order of all are made.
pub(super) struct Merge(Vec<Source>);

struct Source {
    partition: Partition,
    /// The keys that were read and are on no page yet, newest session first.
    ahead: VecDeque<Member>,
    /// Where the next query begins.
    start: Option<Map>,
    is_read: bool,
}

/// The entries of a roster whose sessions are still to be shown, newest first.
#[derive(Default)]
pub(super) struct Entries {
    left: VecDeque<Member>,
    /// All entries so far, by which new ones are recognised.
    known: HashSet<SessionHandle>,
}

/// Reads the next page, of at most so many sessions.
pub(super) async fn page<R>(
    table: &Table,
    of: &IndexValue,
    rows: Rows<R>,
    next: Next,
    limit: usize,
) -> Result<Page<R>, Error> {
    let limit = limit.min(request::MAX_BATCH);
    match next {
        Next::Index(merge) => {
            let merge = merge.unwrap_or_else(|| Merge::of(of));
            page_of_index(table, of, rows, merge, limit).await
        }
        Next::Roster(None) => {
            let entries = Entries::of(all_members(table, of).await?);
            page_of_roster(table, of, rows, entries, limit).await
        }
        Next::Roster(Some(entries)) => page_of_roster(table, of, rows, entries, limit).await,
    }
}

async fn page_of_index<R>(
    table: &Table,
    of: &IndexValue,
    rows: Rows<R>,
    mut merge: Merge,
    limit: usize,
) -> Result<Page<R>, Error> {
    // Sessions are spread over the partitions by chance. With twice its share of each, few keys are
    // read in vain.
    let share = limit.div_ceil(merge.0.len());
    let prefetch = PREFETCH.max(2 * share).min(limit);
    let mut handles = Vec::with_capacity(limit);
    while handles.len() < limit {
        // The newest session of all is known once the newest of each partition is.
        let missing = merge.0.iter_mut().filter(|source| source.needs_page());
        let read = missing.map(|source| read_ahead(table, of.attribute, source, prefetch));
        try_join_all(read).await?;
        let Some(newest) = merge.pop() else { break };
        handles.push(newest.handle);
    }
    let items = rows.items(table, &handles).await?;
    Ok(Page {
        sessions: live(table, of, rows, handles.into_iter(), items),
        next: (!merge.is_done()).then_some(Next::Index(Some(merge))),
    })
}

async fn read_ahead(
    table: &Table,
    attribute: &Attribute,
    source: &mut Source,
    limit: usize,
) -> Result<(), Error> {
    let limit = i32::try_from(limit).ok();
    // A page can have no session and not be the last: an index can have keys of other entities.
    while source.needs_page() {
        let start = source.start.take();
        let partition = &source.partition;
        let found = table.keys_page(attribute, partition, None, start, limit, Patience::None);
        let found = found.await?;
        source.ahead.extend(found.keys.iter().filter_map(|key| {
            let handle = handle_of(table.schema(), key)?;
            let created_at = stored_creation(table.schema(), handle, key);
            Some(Member {
                handle,
                created_at: created_at.unwrap_or(Millis(0)),
            })
        }));
        source.start = found.next;
        source.is_read = source.start.is_none();
    }
    Ok(())
}

async fn page_of_roster<R>(
    table: &Table,
    of: &IndexValue,
    rows: Rows<R>,
    mut entries: Entries,
    limit: usize,
) -> Result<Page<R>, Error> {
    let mut page = entries.take(limit);
    let mut items = HashMap::with_capacity(page.len());
    let mut unread = page.clone();
    for _ in 0..MAX_LISTING_ROUNDS {
        let handles: Vec<_> = unread.iter().map(|entry| entry.handle).collect();
        items.extend(rows.items(table, &handles).await?);
        if handles.iter().all(|handle| items.contains_key(handle)) {
            break;
        }
        // An entry has no session: it ended, or it has a new handle, which the roster has by now.
        let again = all_members(table, of).await?;
        unread = entries.take_new(again, &page);
        page.extend(&unread);
    }
    page.sort_by_key(Member::rank);
    let handles = page.iter().map(|entry| entry.handle);
    Ok(Page {
        sessions: live(table, of, rows, handles, items),
        next: Some(entries)
            .filter(|entries| !entries.left.is_empty())
            .map(|entries| Next::Roster(Some(entries))),
    })
}

/// The entries of the roster of a value, and those that earlier programs made elsewhere.
async fn all_members(table: &Table, of: &IndexValue) -> Result<Vec<Member>, Error> {
    let schema = table.schema();
    let rosters = table
        .rosters(&RosterKey::all(schema, of), Patience::None)
        .await?;
    let mut entries: Vec<_> = rosters.iter().filter_map(members).flatten().collect();
    entries.sort_by_key(Member::rank);
    entries.dedup();
    Ok(entries)
}

/// The rows of those of these sessions that are live and have the value.
fn live<R>(
    table: &Table,
    of: &IndexValue,
    rows: Rows<R>,
    handles: impl Iterator<Item = SessionHandle>,
    mut items: HashMap<SessionHandle, Map>,
) -> VecDeque<Result<R, Error>> {
    let has_value = |item: &Map| of.is_value(item.get(of.attribute.name));
    handles
        .filter_map(|handle| Some((handle, items.remove(&handle)?)))
        .filter(|(_, item)| has_value(item) && !is_of_another_type(table.schema(), item))
        .filter_map(|(handle, item)| rows.read(table, handle, item).transpose())
        .collect()
}

impl Merge {
    fn of(of: &IndexValue) -> Self {
        let sources = partitions(of).into_iter().map(|partition| Source {
            partition,
            ahead: VecDeque::new(),
            start: None,
            is_read: false,
        });
        Self(sources.collect())
    }

    /// The newest of all keys that were read.
    fn pop(&mut self) -> Option<Member> {
        let sources = self.0.iter_mut();
        let first = sources.filter_map(|source| Some((source.ahead.front()?.rank(), source)));
        let (_, source) = first.min_by_key(|(rank, _)| *rank)?;
        source.ahead.pop_front()
    }

    fn is_done(&self) -> bool {
        let mut sources = self.0.iter();
        sources.all(|source| source.ahead.is_empty() && source.is_read)
    }
}

impl Source {
    /// Whether the next key is unknown until another page is read.
    fn needs_page(&self) -> bool {
        self.ahead.is_empty() && !self.is_read
    }
}

impl Entries {
    fn of(members: Vec<Member>) -> Self {
        Self {
            known: members.iter().map(|entry| entry.handle).collect(),
            left: members.into(),
        }
    }

    fn take(&mut self, n: usize) -> Vec<Member> {
        self.left.drain(..n.min(self.left.len())).collect()
    }

    /// Those of these entries that are new and belong on this page. New entries for later pages are kept.
    /// One that is newer than this page may be of a session that has logged in anew meanwhile.
    fn take_new(&mut self, members: Vec<Member>, page: &[Member]) -> Vec<Member> {
        let oldest = page.iter().map(|entry| entry.created_at).min();
        let known = &mut self.known;
        let new = members
            .into_iter()
            .filter(|entry| known.insert(entry.handle));
        let is_last = self.left.is_empty();
        let (now, later): (Vec<_>, Vec<_>) =
            new.partition(|entry| is_last || Some(entry.created_at) >= oldest);
        self.left.extend(later);
        self.left.make_contiguous().sort_by_key(Member::rank);
        now
    }
}
