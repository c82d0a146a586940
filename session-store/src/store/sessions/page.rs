//! One page of a listing: from a default index, or from a roster that was read at its beginning.

use std::collections::{HashMap, HashSet, VecDeque};

use futures_util::future::try_join_all;

use super::SessionSummary;
use crate::dynamodb::request::session as request;
use crate::dynamodb::write::{MAX_ATTEMPTS, backoff};
use crate::error::{Error, ServiceError};
use crate::id::SessionHandle;
use crate::item::image::{handle_of, stored_number};
use crate::item::lifetime::{Millis, is_live};
use crate::item::roster::{Member, Roster, members};
use crate::item::shards::Partition;
use crate::item::value::Map;
use crate::schema::Attribute;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

/// DynamoDB's limit for one `BatchGetItem`.
pub(crate) const PAGE: usize = 100;

/// How many keys are read at least of a shard, if a page can use as many: as a rule they have less than
/// the 4 KB that a query is billed for in any case.
const AHEAD: usize = 32;

pub(super) struct Page {
    pub(super) sessions: VecDeque<Result<SessionSummary, Error>>,
    pub(super) next: Option<Next>,
}

/// Where a page begins: at the beginning, or after what was read.
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
    /// What was read of it and is on no page yet, newest session first.
    ahead: VecDeque<Member>,
    /// Where the rest begins, if any was read.
    start: Option<Map>,
    is_read: bool,
}

/// What a roster named whose sessions are still to be shown, newest first.
#[derive(Default)]
pub(super) struct Entries {
    left: VecDeque<Member>,
    /// All that it ever named, so that what is new in it can be told.
    known: HashSet<SessionHandle>,
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    pub(super) async fn page(
        self,
        roster: Roster,
        next: Next,
        limit: usize,
    ) -> Result<Page, Error> {
        let limit = limit.min(PAGE);
        match next {
            Next::Index(merge) => {
                let merge = merge.unwrap_or_else(|| Merge::of(&roster));
                self.page_of_index(&roster, merge, limit).await
            }
            Next::Roster(None) => {
                let entries = Entries::of(self.entries(&roster).await?);
                self.page_of_roster(&roster, entries, limit).await
            }
            Next::Roster(Some(entries)) => self.page_of_roster(&roster, entries, limit).await,
        }
    }

    async fn page_of_index(
        &self,
        of: &Roster,
        mut merge: Merge,
        limit: usize,
    ) -> Result<Page, Error> {
        // Sessions lie in each by chance: twice its share, and few are read of that are on no page.
        let share = limit.div_ceil(merge.0.len());
        let ahead = AHEAD.max(2 * share).min(limit);
        let mut handles = Vec::with_capacity(limit);
        while handles.len() < limit {
            // The newest of all is known once something is known of each.
            let dry = merge.0.iter_mut().filter(|source| source.is_dry());
            try_join_all(dry.map(|source| self.read_ahead(of.attribute, source, ahead))).await?;
            let Some(newest) = merge.pop() else { break };
            handles.push(newest.handle);
        }
        let items = self.details(of.attribute, &handles).await?;
        Ok(Page {
            sessions: self.shown(of, handles.into_iter(), items),
            next: (!merge.is_done()).then_some(Next::Index(Some(merge))),
        })
    }

    async fn read_ahead(
        &self,
        attribute: &Attribute,
        source: &mut Source,
        limit: usize,
    ) -> Result<(), Error> {
        let limit = i32::try_from(limit).ok();
        // A page can be empty and not the last: what is in the index may be of other entities.
        while source.is_dry() {
            let start = source.start.take();
            let find = request::find(
                self.target(),
                attribute,
                &source.partition,
                None,
                start,
                limit,
            );
            let found = find.send().await;
            let found = found.map_err(|error| self.failed("Query", error))?;
            let keys = found.items().iter();
            source.ahead.extend(keys.filter_map(|key| {
                let handle = handle_of(S::SCHEMA, key)?;
                let created_at = stored_number(S::SCHEMA.names.created_at, handle, key);
                Some(Member {
                    handle,
                    created_at: Millis(created_at.unwrap_or(0)),
                })
            }));
            source.start = found.last_evaluated_key;
            source.is_read = source.start.is_none();
        }
        Ok(())
    }

    async fn page_of_roster(
        &self,
        roster: &Roster,
        mut entries: Entries,
        limit: usize,
    ) -> Result<Page, Error> {
        let mut page = entries.take(limit);
        let mut items = HashMap::with_capacity(page.len());
        let mut unread = page.clone();
        for _ in 0..MAX_ATTEMPTS {
            let handles: Vec<_> = unread.iter().map(|entry| entry.handle).collect();
            items.extend(self.details(roster.attribute, &handles).await?);
            if handles.iter().all(|handle| items.contains_key(handle)) {
                break;
            }
            // It ended, or the roster has its new handle by now.
            let again = self.entries(roster).await?;
            unread = entries.take_new(again, &page);
            page.extend(&unread);
        }
        page.sort_by_key(Member::rank);
        let handles = page.iter().map(|entry| entry.handle);
        Ok(Page {
            sessions: self.shown(roster, handles, items),
            next: Some(entries)
                .filter(|entries| !entries.left.is_empty())
                .map(|entries| Next::Roster(Some(entries))),
        })
    }

    /// What there is to show of these sessions: those that are live and have the value.
    fn shown(
        &self,
        of: &Roster,
        handles: impl Iterator<Item = SessionHandle>,
        mut items: HashMap<SessionHandle, Map>,
    ) -> VecDeque<Result<SessionSummary, Error>> {
        let now = self.now();
        let mut sessions = VecDeque::with_capacity(items.len());
        for handle in handles {
            let Some(item) = items.remove(&handle) else {
                continue;
            };
            if item.get(of.attribute.name) != Some(&of.value) {
                continue;
            }
            match SessionSummary::read(S::SCHEMA, handle, &item) {
                Ok(session) if !is_live(session.expires_at, now) => {}
                session => sessions.push_back(session.map_err(Error::from)),
            }
        }
        sessions
    }

    /// Who is in a roster, newest session first: one consistent read.
    pub(crate) async fn entries(&self, roster: &Roster) -> Result<Vec<Member>, Error> {
        let read = request::roster(self.target(), roster).send().await;
        let read = read.map_err(|error| self.failed("GetItem", error))?;
        Ok(read.item.as_ref().and_then(members).unwrap_or_default())
    }

    /// The items of these sessions, with what a listing shows of each, as they are after every write
    /// that was acknowledged. Those that are absent are not among them.
    pub(crate) async fn details(
        &self,
        attribute: &Attribute,
        handles: &[SessionHandle],
    ) -> Result<HashMap<SessionHandle, Map>, Error> {
        let mut items = HashMap::with_capacity(handles.len());
        let mut wanted = handles.to_vec();
        for attempt in 1..=MAX_ATTEMPTS {
            if wanted.is_empty() {
                break;
            }
            let read = request::details(self.target(), attribute, wanted.iter().copied())
                .send()
                .await;
            let read = read.map_err(|error| self.failed("BatchGetItem", error))?;
            for item in read
                .responses
                .into_iter()
                .flatten()
                .flat_map(|(_, items)| items)
            {
                if let Some(handle) = handle_of(S::SCHEMA, &item) {
                    items.insert(handle, item);
                }
            }
            let left = read
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_, keys)| keys.keys);
            wanted = left.filter_map(|key| handle_of(S::SCHEMA, &key)).collect();
            if !wanted.is_empty() {
                backoff(attempt).await;
            }
        }
        if !wanted.is_empty() {
            return Err(ServiceError::unprocessed("BatchGetItem").into());
        }
        self.leave_out_revoked(&mut items).await?;
        Ok(items)
    }
}

impl Merge {
    fn of(roster: &Roster) -> Self {
        let sources = roster.partitions().into_iter().map(|partition| Source {
            partition,
            ahead: VecDeque::new(),
            start: None,
            is_read: false,
        });
        Self(sources.collect())
    }

    /// The newest session of those that were read ahead.
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
    /// Whether it has to be read to know what comes next.
    fn is_dry(&self) -> bool {
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

    /// Of these entries, the new ones whose place is on this page. Those whose place is further on
    /// are kept for then; a session that is newer than this page began after the listing, or was
    /// shown under its old handle.
    fn take_new(&mut self, members: Vec<Member>, page: &[Member]) -> Vec<Member> {
        let ages = || page.iter().map(|entry| entry.created_at);
        let (newest, oldest) = (ages().max(), ages().min());
        let known = &mut self.known;
        let new = members
            .into_iter()
            .filter(|entry| Some(entry.created_at) <= newest && known.insert(entry.handle));
        let is_last = self.left.is_empty();
        let (now, later): (Vec<_>, Vec<_>) =
            new.partition(|entry| is_last || Some(entry.created_at) >= oldest);
        self.left.extend(later);
        self.left.make_contiguous().sort_by_key(Member::rank);
        now
    }
}
