//! Queries and scans, of a table or of an index, page by page.
//!
//! A page begins behind the place of a key, whether or not an item is there by now.

use std::ops::Bound;

use serde_json::{Map, Value as Json};

use super::capacity::{Consistency, Detail, Units, read_units, write_units_of};
use super::error::{EngineError, Outcome};
use super::expression::{
    Condition, KeyCondition, KeyRange, Placeholders, Projection, holds, parse_condition,
    parse_key_condition, parse_projection,
};
use super::index::{Index, Projected};
use super::key::Key;
use super::request::Fields;
use super::single::projected;
use super::size::item_size;
use super::source::{Place, Source};
use super::table::TableData;
use super::tables::Engine;
use super::value::{Item, item_from_json, item_to_json};

/// The most bytes of a page.
const MAX_PAGE: usize = 1024 * 1024;

/// What queries and scans have in common.
struct Page<'a> {
    source: Source<'a>,
    consistency: Consistency,
    /// How many items are read, before the filter.
    limit: usize,
    /// The keys that the page begins behind, and their place.
    start: Option<(Item, Place)>,
    filter: Option<Condition>,
    projection: Option<Projection>,
    counts_only: bool,
    detail: Detail,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Select {
    AllAttributes,
    AllProjectedAttributes,
    SpecificAttributes,
    Count,
}

const SELECT: [(&str, Select); 4] = [
    ("ALL_ATTRIBUTES", Select::AllAttributes),
    ("ALL_PROJECTED_ATTRIBUTES", Select::AllProjectedAttributes),
    ("SPECIFIC_ATTRIBUTES", Select::SpecificAttributes),
    ("COUNT", Select::Count),
];

impl Engine {
    pub(super) fn query(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let mut placeholders = Placeholders::of(request)?;
        let source = source_of(self.table_of(request)?, request)?;
        let schema = source.schema();
        let text = request.required_text("KeyConditionExpression")?;
        let (partition, sort) = (&schema.partition.name, schema.sort_name());
        let KeyCondition { partition, range } =
            parse_key_condition(text, &mut placeholders, partition, sort)?;
        let (first, last) = schema.partition(&partition)?;
        match &range {
            Some(KeyRange::Compare(_, bound) | KeyRange::BeginsWith(bound)) => {
                schema.check_bound(bound)?;
            }
            Some(KeyRange::Between(low, high)) => {
                schema.check_bound(low)?;
                schema.check_bound(high)?;
            }
            None => {}
        }
        let page = Page::of(source, request, &mut placeholders)?;
        let sort = schema.sort_name();
        let is_in_range = |item: &Item| {
            let key = sort.and_then(|sort| item.get(sort));
            let mut range = range.iter();
            range.all(|range| key.is_some_and(|key| range.contains(key)))
        };
        if let Some((keys, place)) = &page.start {
            let wrong = match (place.key.is_in_partition_of(&first), is_in_range(keys)) {
                (true, true) => None,
                (false, _) => Some("is outside query boundaries based on provided conditions"),
                (true, false) => Some("does not match the range key predicate"),
            };
            if let Some(wrong) = wrong {
                let text = format!("The provided starting key {wrong}");
                return Err(EngineError::validation(text));
            }
        }
        if let Some(key) = page.filter.as_ref().and_then(|filter| {
            let mut names = schema.names();
            names.find(|name| filter.mentions(name))
        }) {
            return Err(EngineError::validation(format!(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
            )));
        }
        let (low, high) = (Place::before(first), Place::before(last));
        let is_forward = request.flag("ScanIndexForward")?.unwrap_or(true);
        let (low, high) = match (page.start_place(), is_forward) {
            (None, _) => (Bound::Included(low), Bound::Excluded(high)),
            (Some(start), true) => (Bound::Excluded(start), Bound::Excluded(high)),
            (Some(start), false) => (Bound::Included(low), Bound::Excluded(start)),
        };
        let found = page.source.range(low, high);
        let found = found
            .filter(|(_, item)| is_in_range(item))
            .map(|(_, item)| item);
        match is_forward {
            true => page.answer(found),
            false => page.answer(found.rev()),
        }
    }

    pub(super) fn scan(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let mut placeholders = Placeholders::of(request)?;
        let source = source_of(self.table_of(request)?, request)?;
        let page = Page::of(source, request, &mut placeholders)?;
        let (segment, total) = segment_of(request)?;
        let is_in_segment = |key: &Key| key.segment(total) == segment;
        if page
            .start_place()
            .is_some_and(|start| !is_in_segment(&start.key))
        {
            return Err(EngineError::validation(
                "The provided starting key is invalid: it is of another segment",
            ));
        }
        let low = page.start_place().map_or(Bound::Unbounded, Bound::Excluded);
        let found = page.source.range(low, Bound::Unbounded);
        let found = found
            .filter(|(key, _)| is_in_segment(key))
            .map(|(_, item)| item);
        page.answer(found)
    }
}

fn source_of<'a>(table: &'a TableData, request: &Fields<'_>) -> Outcome<Source<'a>> {
    let Some(name) = request.text("IndexName")? else {
        return Ok(Source { table, index: None });
    };
    let index = Some(table.index(name)?);
    Ok(Source { table, index })
}

/// The segment of a scan, and how many there are.
fn segment_of(request: &Fields<'_>) -> Outcome<(u64, u64)> {
    match (
        request.integer("Segment")?,
        request.integer("TotalSegments")?,
    ) {
        (None, None) => Ok((0, 1)),
        (Some(segment), Some(total))
            if (1..=1_000_000).contains(&total) && (0..total).contains(&segment) =>
        {
            Ok((segment.unsigned_abs(), total.unsigned_abs()))
        }
        _ => Err(EngineError::validation(
            "Segment and TotalSegments must be given together, and the Segment must be less than TotalSegments",
        )),
    }
}

impl<'a> Page<'a> {
    /// Reads the parameters, of which the placeholders are used by then.
    fn of(
        source: Source<'a>,
        request: &Fields<'_>,
        placeholders: &mut Placeholders,
    ) -> Outcome<Self> {
        let filter = match request.text("FilterExpression")? {
            Some(text) => Some(parse_condition("FilterExpression", text, placeholders)?),
            None => None,
        };
        let projection = match request.text("ProjectionExpression")? {
            Some(text) => Some(parse_projection(text, placeholders)?),
            None => None,
        };
        placeholders.check_used()?;
        let limit = match request.integer("Limit")? {
            None => usize::MAX,
            Some(limit) => usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
                EngineError::validation(
                    "1 validation error detected: Value at 'limit' failed to satisfy constraint: Member must have \
                     value greater than or equal to 1",
                )
            })?,
        };
        let start = match request.json("ExclusiveStartKey") {
            Some(json) => {
                let keys = item_from_json(json)?;
                let place = source.place_of(&keys)?;
                Some((keys, place))
            }
            None => None,
        };
        let page = Self {
            consistency: Consistency::of(request)?,
            counts_only: check_select(source.index, request, projection.as_ref())?,
            source,
            limit,
            start,
            filter,
            projection,
            detail: Detail::of(request)?,
        };
        if page.source.index.is_some() && page.consistency == Consistency::Strong {
            let text = "Consistent reads are not supported on global secondary indexes";
            return Err(EngineError::validation(text));
        }
        Ok(page)
    }

    fn start_place(&self) -> Option<Place> {
        self.start.as_ref().map(|(_, place)| place.clone())
    }

    /// Reads items until the page is full.
    fn answer(&self, found: impl Iterator<Item = &'a Item>) -> Outcome<Map<String, Json>> {
        let (mut bytes, mut scanned) = (0, 0);
        let mut items = Vec::new();
        let mut count = 0;
        let mut last = None;
        let mut is_full = false;
        for item in found {
            let view = self.source.view(item);
            let size = item_size(&view);
            if scanned > 0 && bytes + size > MAX_PAGE {
                is_full = true;
                break;
            }
            bytes += size;
            scanned += 1;
            last = Some(self.source.keys_of(item));
            if self
                .filter
                .as_ref()
                .is_none_or(|filter| holds(filter, &view))
            {
                count += 1;
                if !self.counts_only {
                    items.push(projected(self.projection.as_ref(), &view));
                }
            }
            if scanned == self.limit {
                is_full = true;
                break;
            }
        }
        let mut answer = Map::new();
        if !self.counts_only {
            answer.insert("Items".to_owned(), items.into());
        }
        answer.insert("Count".to_owned(), count.into());
        answer.insert("ScannedCount".to_owned(), scanned.into());
        if let Some(last) = last.filter(|_| is_full) {
            answer.insert("LastEvaluatedKey".to_owned(), item_to_json(&last));
        }
        let units = read_units(bytes, self.consistency);
        let units = match self.source.index {
            Some(index) => Units::of_index(&index.name, units),
            None => Units::of_table(units),
        };
        write_units_of(&mut answer, self.detail, &self.source.table.name, &units);
        Ok(answer)
    }
}

/// Refuses parameters that contradict each other, or that want more than an index has. Whether items are only counted.
fn check_select(
    index: Option<&Index>,
    request: &Fields<'_>,
    projection: Option<&Projection>,
) -> Outcome<bool> {
    let select = request.one_of("Select", &SELECT)?;
    let wrong = match (select, projection, index) {
        (Some(Select::SpecificAttributes), None, _) => {
            "SPECIFIC_ATTRIBUTES needs a ProjectionExpression"
        }
        (
            Some(Select::AllAttributes | Select::AllProjectedAttributes | Select::Count),
            Some(_),
            _,
        ) => "Cannot specify the ProjectionExpression when choosing to get other attributes",
        (Some(Select::AllProjectedAttributes), _, None) => {
            "ALL_PROJECTED_ATTRIBUTES can be used only when querying using an IndexName"
        }
        (Some(Select::AllAttributes), _, Some(index)) if index.projected != Projected::All => {
            "Select type ALL_ATTRIBUTES is not supported for an index that does not project all attributes"
        }
        _ => return Ok(select == Some(Select::Count)),
    };
    Err(EngineError::validation(format!(
        "One or more parameter values were invalid: {wrong}"
    )))
}
