//! One page of a listing: from a default index, or from a roster that was read at its beginning.

use std::collections::{HashMap, VecDeque};

use crate::dynamodb::{MAX_LISTING_ROUNDS, Patience, Table, request};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{Map, Member, RosterKey, Window, can_be_key, is_of_another_type, members};
use crate::schema::IndexValue;

use super::entries::Entries;
use super::merge::Merge;
use super::position::{Place, Position};
use super::rows::Rows;

/// What is listed, and how.
pub(super) struct Listing<R> {
    pub(super) of: IndexValue,
    pub(super) rows: Rows<R>,
    pub(super) window: Window,
    /// The list goes on from here.
    pub(super) start: Option<Position>,
}

impl<R> Clone for Listing<R> {
    fn clone(&self) -> Self {
        Self {
            of: self.of.clone(),
            rows: self.rows,
            window: self.window,
            start: self.start.clone(),
        }
    }
}

/// A row, and its place in the list.
pub(super) type Row<R> = (Place, Result<R, Error>);

pub(super) struct Page<R> {
    pub(super) sessions: VecDeque<Row<R>>,
    pub(super) next: Option<Next>,
}

/// Where a page begins.
pub(super) enum Next {
    First,
    Index(Merge),
    Roster(Entries),
}

/// Reads the next page, of at most so many sessions.
pub(super) async fn page<R>(
    table: &Table,
    listing: &Listing<R>,
    next: Next,
    limit: usize,
) -> Result<Page<R>, Error> {
    let (of, window) = (&listing.of, listing.window);
    if window.is_empty() || !can_be_key(table.schema(), of) {
        return Ok(Page {
            sessions: VecDeque::new(),
            next: None,
        });
    }
    let limit = limit.min(request::MAX_BATCH);
    match next {
        Next::First if of.attribute.roster().is_some() => {
            let members = all_members(table, of).await?;
            let entries = Entries::of(members, window, listing.start.as_ref());
            page_of_roster(table, listing, entries, limit).await
        }
        Next::First => {
            let merge = Merge::of(table.schema(), of, window, listing.start.as_ref());
            page_of_index(table, listing, merge, limit).await
        }
        Next::Index(merge) => page_of_index(table, listing, merge, limit).await,
        Next::Roster(entries) => page_of_roster(table, listing, entries, limit).await,
    }
}

async fn page_of_index<R>(
    table: &Table,
    listing: &Listing<R>,
    mut merge: Merge,
    limit: usize,
) -> Result<Page<R>, Error> {
    let places = merge.take(table, &listing.of, limit).await?;
    let handles: Vec<_> = places.iter().map(|place| place.handle).collect();
    let items = listing.rows.items(table, &handles).await?;
    Ok(Page {
        sessions: live(table, listing, places.into_iter(), items),
        next: (!merge.is_done()).then_some(Next::Index(merge)),
    })
}

async fn page_of_roster<R>(
    table: &Table,
    listing: &Listing<R>,
    mut entries: Entries,
    limit: usize,
) -> Result<Page<R>, Error> {
    let mut page = entries.take(limit);
    let mut items = HashMap::with_capacity(page.len());
    let mut unread = page.clone();
    for _ in 0..MAX_LISTING_ROUNDS {
        let handles: Vec<_> = unread.iter().map(|entry| entry.handle).collect();
        items.extend(listing.rows.items(table, &handles).await?);
        if handles.iter().all(|handle| items.contains_key(handle)) {
            break;
        }
        // An entry has no session: it ended, or it has a new handle, which the roster has by now.
        let again = all_members(table, &listing.of).await?;
        unread = entries.take_new(again, &page);
        page.extend(&unread);
    }
    page.sort_by(|one, other| listing.window.order(one, other));
    let places = page.iter().map(|entry| Place {
        created_at: entry.created_at,
        handle: entry.handle,
        partition: 0,
    });
    Ok(Page {
        sessions: live(table, listing, places, items),
        next: (!entries.is_done()).then_some(Next::Roster(entries)),
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
    listing: &Listing<R>,
    places: impl Iterator<Item = Place>,
    mut items: HashMap<SessionHandle, Map>,
) -> VecDeque<Row<R>> {
    let of = &listing.of;
    let has_value = |item: &Map| of.is_value(item.get(of.attribute.name));
    let read = |(place, item): (Place, Map)| {
        let row = listing.rows.read(table, place.handle, item).transpose()?;
        Some((place, row))
    };
    places
        .filter_map(|place| Some((place, items.remove(&place.handle)?)))
        .filter(|(_, item)| has_value(item) && !is_of_another_type(table.schema(), item))
        .filter_map(read)
        .collect()
}
