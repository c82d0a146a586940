//! The keys of a value in a default index, page by page, some partitions at a time.

use std::collections::VecDeque;

use futures_util::future::try_join_all;

use crate::dynamodb::{Patience, Table};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{Map, Millis, Partition, Window, handle_of, partitions};
use crate::schema::{Attribute, IndexValue};

/// Partitions of an index of which a page is held at once.
const PAGES: usize = 8;

/// Keys of a page at most: it is held until its sessions are dealt with. A page costs half a unit more than
/// its keys at most.
const KEYS: i32 = 1_000;

pub(super) struct IndexPages<'a> {
    table: &'a Table,
    attribute: &'static Attribute,
    window: Window,
    /// Each with the place where its next page begins.
    unread: VecDeque<(Partition, Option<Map>)>,
}

impl<'a> IndexPages<'a> {
    pub(super) fn of(table: &'a Table, of: &IndexValue, created_before: Option<Millis>) -> Self {
        let partitions = partitions(of).into_iter();
        Self {
            table,
            attribute: of.attribute,
            window: Window::of_sessions_before(created_before),
            unread: partitions.map(|partition| (partition, None)).collect(),
        }
    }

    /// The sessions of the next pages; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<SessionHandle>>, Error> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        let pages: Vec<_> = self.unread.drain(..self.unread.len().min(PAGES)).collect();
        let (attribute, window) = (self.attribute, self.window);
        let (limit, patience) = (Some(KEYS), Patience::WithThrottling);
        let table = self.table;
        let pages = pages.into_iter().map(async |(partition, start)| {
            let page = table.keys_page(attribute, &partition, window, start, limit, patience);
            let page = page.await?;
            Ok::<_, Error>((partition, page))
        });
        let mut handles = Vec::new();
        for (partition, page) in try_join_all(pages).await? {
            let found = page.keys.iter();
            handles.extend(found.filter_map(|key| handle_of(table.schema(), key)));
            if page.next.is_some() {
                self.unread.push_back((partition, page.next));
            }
        }
        Ok(Some(handles))
    }
}
