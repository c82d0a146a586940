//! The parts of a request that DynamoDB reads as text, with the names and values that they use.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::error::Error;
use crate::item::Map;

use crate::dynamodb::failure::incomplete;
use crate::dynamodb::table::Table;

/// Placeholders for names and values. Names always get one, since DynamoDB reserves over 500 words.
/// DynamoDB refuses a request with a placeholder that no expression uses.
pub(super) struct Expression {
    names: Vec<String>,
    values: Vec<AttributeValue>,
}

impl Default for Expression {
    fn default() -> Self {
        // Enough for most, so that they do not grow step by step.
        Self {
            names: Vec::with_capacity(8),
            values: Vec::with_capacity(12),
        }
    }
}

impl Expression {
    pub(super) fn name(&mut self, name: &str) -> Placeholder {
        let known = self.names.iter().position(|known| known == name);
        let number = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        Placeholder { sign: '#', number }
    }

    pub(super) fn value(&mut self, value: AttributeValue) -> Placeholder {
        self.values.push(value);
        let number = self.values.len() - 1;
        Placeholder { sign: ':', number }
    }

    pub(super) fn string(&mut self, text: &str) -> Placeholder {
        self.value(AttributeValue::S(text.to_owned()))
    }

    pub(super) fn names(&mut self) -> Option<HashMap<String, String>> {
        let names = std::mem::take(&mut self.names);
        Some(numbered('#', names).collect())
    }

    /// `None` if there are no values: DynamoDB refuses an empty map.
    pub(super) fn values(&mut self) -> Option<HashMap<String, AttributeValue>> {
        let values = std::mem::take(&mut self.values);
        Some(numbered(':', values).collect()).filter(|values: &HashMap<_, _>| !values.is_empty())
    }
}

fn numbered<T>(sign: char, all: Vec<T>) -> impl Iterator<Item = (String, T)> {
    let numbered = all.into_iter().enumerate();
    numbered.map(move |(number, it)| (Placeholder { sign, number }.into_text(), it))
}

/// A placeholder in the text.
#[derive(Clone, Copy)]
pub(super) struct Placeholder {
    sign: char,
    number: usize,
}

/// The placeholders of most expressions. An expression has dozens of them, so they are not formatted.
#[rustfmt::skip]
const NAMES: [&str; 20] = [
    "#0", "#1", "#2", "#3", "#4", "#5", "#6", "#7", "#8", "#9",
    "#10", "#11", "#12", "#13", "#14", "#15", "#16", "#17", "#18", "#19",
];
#[rustfmt::skip]
const VALUES: [&str; 20] = [
    ":0", ":1", ":2", ":3", ":4", ":5", ":6", ":7", ":8", ":9",
    ":10", ":11", ":12", ":13", ":14", ":15", ":16", ":17", ":18", ":19",
];

impl Placeholder {
    fn known_text(self) -> Option<&'static str> {
        let known = if self.sign == '#' { &NAMES } else { &VALUES };
        known.get(self.number).copied()
    }

    fn into_text(self) -> String {
        match self.known_text() {
            Some(text) => text.to_owned(),
            None => format!("{}{}", self.sign, self.number),
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known_text() {
            Some(text) => f.write_str(text),
            None => write!(f, "{}{}", self.sign, self.number),
        }
    }
}

/// Clauses in one text, with a separator between them.
pub(super) struct Clauses {
    text: String,
    separator: &'static str,
}

impl Clauses {
    pub(super) fn new(separator: &'static str) -> Self {
        // Enough for most, so that it does not grow step by step.
        let text = String::with_capacity(256);
        Self { text, separator }
    }

    /// Adds a clause of these pieces. A request has dozens of them, so they are not formatted.
    pub(super) fn push(&mut self, clause: impl Piece) {
        if !self.text.is_empty() {
            self.text += self.separator;
        }
        clause.append_to(&mut self.text);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A part of a clause, or several one after the other.
pub(super) trait Piece {
    fn append_to(&self, text: &mut String);
}

impl Piece for &str {
    fn append_to(&self, text: &mut String) {
        *text += self;
    }
}

impl Piece for String {
    fn append_to(&self, text: &mut String) {
        *text += self;
    }
}

impl Piece for Clauses {
    fn append_to(&self, text: &mut String) {
        *text += &self.text;
    }
}

impl Piece for Placeholder {
    fn append_to(&self, text: &mut String) {
        match self.known_text() {
            Some(known) => *text += known,
            // Writing to memory does not fail.
            None => {
                let _ = write!(text, "{self}");
            }
        }
    }
}

impl Piece for usize {
    fn append_to(&self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

macro_rules! pieces {
    ($($name:ident)*) => {
        impl<$($name: Piece),*> Piece for ($($name,)*) {
            #[allow(non_snake_case, reason = "each piece has the name of its type")]
            fn append_to(&self, text: &mut String) {
                let ($($name,)*) = self;
                $($name.append_to(text);)*
            }
        }
    };
}

pieces! { A B }
pieces! { A B C }
pieces! { A B C D }
pieces! { A B C D E }
pieces! { A B C D E F }
pieces! { A B C D E F G }
pieces! { A B C D E F G H }

/// A change of one item on a condition, sent alone or in a transaction. If the condition fails, the
/// answer has the item.
pub(crate) struct Statement {
    key: Map,
    /// `None` deletes the item.
    update: Option<String>,
    condition: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

impl Statement {
    pub(super) fn new(
        key: Map,
        mut e: Expression,
        update: Option<String>,
        condition: String,
    ) -> Self {
        Self {
            key,
            update,
            condition: Some(condition),
            names: e.names(),
            values: e.values(),
        }
    }

    /// An update of an item whatever it holds.
    pub(super) fn unconditional(key: Map, mut e: Expression, update: String) -> Self {
        Self {
            key,
            update: Some(update),
            condition: None,
            names: e.names(),
            values: e.values(),
        }
    }

    /// As a request of its own, for an update.
    pub(crate) fn into_update_item(self, table: &Table) -> UpdateItemFluentBuilder {
        table
            .client
            .update_item()
            .table_name(&table.name)
            .set_key(Some(self.key))
            .set_update_expression(self.update)
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.names)
            .set_expression_attribute_values(self.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// As one write of a transaction.
    pub(crate) fn into_transact_item(self, table: &Table) -> Result<TransactWriteItem, Error> {
        let item = TransactWriteItem::builder();
        let Some(update) = self.update else {
            let delete = Delete::builder()
                .table_name(&table.name)
                .set_key(Some(self.key))
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(self.names)
                .set_expression_attribute_values(self.values)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            return Ok(item.delete(delete.build().map_err(incomplete)?).build());
        };
        let update = Update::builder()
            .table_name(&table.name)
            .set_key(Some(self.key))
            .update_expression(update)
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.names)
            .set_expression_attribute_values(self.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(item.update(update.build().map_err(incomplete)?).build())
    }
}
