//! The partitions of a default index, merged into the order of all.

use std::collections::VecDeque;

use futures_util::future::try_join_all;

use crate::dynamodb::{Patience, Table};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{
    Map, Member, Millis, Partition, Window, handle_of, key, number, partitions, stored_creation,
};
use crate::schema::{Attribute, IndexValue, Schema};

use super::position::{Place, Position};

/// How many keys of a shard are read at least, if a page can use as many: a query is billed for 4 KB in
/// any case, and these keys usually have less.
const PREFETCH: usize = 32;

/// The partitions of an index, each in its own order, from which pages in the order of all are made.
pub(super) struct Merge {
    sources: Vec<Source>,
    window: Window,
}

struct Source {
    number: u16,
    partition: Partition,
    /// The keys that were read and are on no page yet, in the order of the list.
    ahead: VecDeque<Member>,
    window: Window,
    /// Where the next query begins.
    start: Option<Map>,
    is_read: bool,
}

impl Merge {
    pub(super) fn of(
        schema: &Schema,
        of: &IndexValue,
        window: Window,
        start: Option<&Position>,
    ) -> Self {
        let sources = (0..).zip(partitions(of)).map(|(number, partition)| {
            let source = Source {
                number,
                partition,
                ahead: VecDeque::new(),
                window,
                start: None,
                is_read: false,
            };
            match start {
                Some(start) => source.from(schema, start),
                None => source,
            }
        });
        Self {
            sources: sources.collect(),
            window,
        }
    }

    /// The next sessions of all, at most so many.
    pub(super) async fn take(
        &mut self,
        table: &Table,
        of: &IndexValue,
        limit: usize,
    ) -> Result<Vec<Place>, Error> {
        // Sessions are spread over the partitions by chance. With twice its share of each, few keys are
        // read in vain.
        let share = limit.div_ceil(self.sources.len());
        let prefetch = PREFETCH.max(2 * share).min(limit);
        let mut places = Vec::with_capacity(limit);
        while places.len() < limit {
            // The first session of all is known once the first of each partition is.
            let missing = self.sources.iter_mut().filter(|source| source.needs_page());
            let read = missing.map(|source| source.read_ahead(table, of.attribute, prefetch));
            try_join_all(read).await?;
            let Some(first) = self.pop() else { break };
            places.push(first);
        }
        Ok(places)
    }

    /// The first of all keys that were read.
    fn pop(&mut self) -> Option<Place> {
        let window = self.window;
        let sources = self.sources.iter_mut();
        let firsts = sources.filter_map(|source| Some((*source.ahead.front()?, source)));
        let (_, source) = firsts.min_by(|(one, _), (other, _)| window.order(one, other))?;
        let Member { handle, created_at } = source.ahead.pop_front()?;
        Some(Place {
            created_at,
            handle,
            partition: source.number,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        let mut sources = self.sources.iter();
        sources.all(|source| source.ahead.is_empty() && source.is_read)
    }
}

impl Source {
    /// Goes on from this position. It may be outside of the window, which the application gives each time.
    fn from(mut self, schema: &Schema, start: &Position) -> Self {
        let Position { created_at, .. } = *start;
        if let Some(last) = start.last_of(self.number)
            && self.window.has(created_at)
        {
            self.start = Some(self.index_key(schema, last, created_at));
            return self;
        }
        // Of that millisecond, none was read here, or all are outside of the window.
        let window = &mut self.window;
        if window.oldest_first {
            window.from = Some(window.from.map_or(created_at, |from| from.max(created_at)));
        } else {
            let end = Millis(created_at.0.saturating_add(1));
            window.before = Some(window.before.map_or(end, |before| before.min(end)));
        }
        self.is_read = self.window.is_empty();
        self
    }

    /// The key of a session in the index.
    fn index_key(&self, schema: &Schema, handle: SessionHandle, created_at: Millis) -> Map {
        let mut index_key = key(schema, handle);
        let value = self.partition.key.clone();
        index_key.insert(self.partition.attribute.to_owned(), value);
        index_key.insert(schema.names.created_at.to_owned(), number(created_at.0));
        index_key
    }

    /// Whether the next key is unknown until another page is read.
    fn needs_page(&self) -> bool {
        self.ahead.is_empty() && !self.is_read
    }

    async fn read_ahead(
        &mut self,
        table: &Table,
        attribute: &Attribute,
        limit: usize,
    ) -> Result<(), Error> {
        let limit = i32::try_from(limit).ok();
        // A page can have no session and not be the last: an index can have keys of other entities.
        while self.needs_page() {
            let (start, window) = (self.start.take(), self.window);
            let partition = &self.partition;
            let found = table.keys_page(attribute, partition, window, start, limit, Patience::None);
            let found = found.await?;
            self.ahead.extend(found.keys.iter().filter_map(|key| {
                let handle = handle_of(table.schema(), key)?;
                let created_at = stored_creation(table.schema(), handle, key);
                Some(Member {
                    handle,
                    created_at: created_at.unwrap_or(Millis(0)),
                })
            }));
            self.start = found.next;
            self.is_read = self.start.is_none();
        }
        Ok(())
    }
}
