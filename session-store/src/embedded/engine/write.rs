//! A write of one item, alone or as a part of a transaction: it is read, planned and then carried out.
//!
//! A plan changes nothing, so that all parts of a transaction can be planned before the first is carried out.

use super::error::{EngineError, Outcome, Reason};
use super::expression::{
    Condition, Placeholders, Update, apply, holds, parse_condition, parse_update,
};
use super::key::{Flaw, Key};
use super::request::Fields;
use super::table::TableData;
use super::value::{Item, item_from_json, item_to_json};

pub(crate) struct Write {
    change: Change,
    condition: Option<Condition>,
    /// Whether a failed condition answers with the item.
    returns_old: bool,
}

/// What is done to the item of a key, or of a new item.
pub(crate) enum Change {
    Put(Item),
    Update(Item, Update),
    Delete(Item),
    /// Nothing: the condition alone counts.
    Check(Item),
}

/// The kind of a write, and the name of the request for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Put,
    Update,
    Delete,
    Check,
}

/// What a write is going to do.
pub(crate) struct Plan {
    pub(crate) key: Key,
    pub(crate) old: Option<Item>,
    pub(crate) new: Option<Item>,
}

/// Why a write is not carried out.
pub(crate) enum Refusal {
    /// The condition failed. The item as it is, if the request asks for it.
    Condition(Option<Item>),
    Invalid(EngineError),
}

impl Write {
    /// Reads the parameters that single writes and parts of transactions share.
    pub(crate) fn of(kind: Kind, request: &Fields<'_>) -> Outcome<Self> {
        let mut placeholders = Placeholders::of(request)?;
        let condition = match request.text("ConditionExpression")? {
            Some(text) => Some(parse_condition(
                "ConditionExpression",
                text,
                &mut placeholders,
            )?),
            None => None,
        };
        let item = |name| {
            request
                .required(name, request.json(name))
                .and_then(item_from_json)
        };
        let change = match kind {
            Kind::Put => Change::Put(item("Item")?),
            Kind::Update => {
                let update = match request.text("UpdateExpression")? {
                    Some(text) => parse_update(text, &mut placeholders)?,
                    None => Update::default(),
                };
                Change::Update(item("Key")?, update)
            }
            Kind::Delete => Change::Delete(item("Key")?),
            Kind::Check => Change::Check(item("Key")?),
        };
        placeholders.check_used()?;
        let words = [("NONE", false), ("ALL_OLD", true)];
        let returns_old = request.one_of("ReturnValuesOnConditionCheckFailure", &words)?;
        Ok(Self {
            change,
            condition,
            returns_old: returns_old.unwrap_or(false),
        })
    }

    /// A put or a delete without a condition.
    pub(crate) fn unconditional(change: Change) -> Self {
        Self {
            change,
            condition: None,
            returns_old: false,
        }
    }

    /// The key of the item that is written.
    pub(crate) fn key(&self, table: &TableData) -> Outcome<Key> {
        match &self.change {
            Change::Put(item) => table.schema.key_of(item).map_err(Flaw::into_error),
            Change::Update(key, _) | Change::Delete(key) | Change::Check(key) => {
                table.schema.exact_key(key)
            }
        }
    }

    pub(crate) fn update(&self) -> Option<&Update> {
        match &self.change {
            Change::Update(_, update) => Some(update),
            _ => None,
        }
    }

    /// What this write does to the table as it is.
    pub(crate) fn plan(&self, table: &TableData) -> Result<Plan, Refusal> {
        let key = self.key(table)?;
        // A put can be refused for its item, whatever is there. An update depends on what is there.
        if let Change::Put(item) = &self.change {
            table.check(item, "Item size has exceeded the maximum allowed size")?;
        }
        if let Change::Update(_, update) = &self.change {
            check_keys(table, update)?;
        }
        let old = table.items.get(&key);
        let nothing = Item::new();
        let is_met = |condition| holds(condition, old.unwrap_or(&nothing));
        if !self.condition.as_ref().is_none_or(is_met) {
            return Err(Refusal::Condition(
                old.filter(|_| self.returns_old).cloned(),
            ));
        }
        let new = match &self.change {
            Change::Put(item) => Some(item.clone()),
            Change::Update(key, update) => {
                // A new item begins with its key.
                let new = apply(update, old.unwrap_or(key))?;
                table.check(
                    &new,
                    "Item size to update has exceeded the maximum allowed size",
                )?;
                Some(new)
            }
            Change::Delete(_) => None,
            Change::Check(_) => old.cloned(),
        };
        let old = old.cloned();
        Ok(Plan { key, old, new })
    }
}

/// Refuses an update of the key, which would be another item.
fn check_keys(table: &TableData, update: &Update) -> Outcome<()> {
    let mut written = update.paths().map(|path| &path.attribute);
    match written.find(|attribute| table.schema.has(attribute)) {
        None => Ok(()),
        Some(attribute) => Err(EngineError::validation(format!(
            "One or more parameter values were invalid: Cannot update attribute {attribute}. This attribute is part \
             of the key"
        ))),
    }
}

impl Refusal {
    pub(crate) fn into_error(self) -> EngineError {
        match self {
            Self::Condition(old) => EngineError::condition_failed(old.as_ref().map(item_to_json)),
            Self::Invalid(error) => error,
        }
    }

    pub(crate) fn into_reason(self) -> Reason {
        match self {
            Self::Condition(old) => Reason::ConditionFailed(old.as_ref().map(item_to_json)),
            Self::Invalid(error) => Reason::Invalid(error.into_message()),
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Invalid(error)
    }
}
