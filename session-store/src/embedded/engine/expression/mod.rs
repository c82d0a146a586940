//! The expressions of DynamoDB: from text to a tree in which all placeholders are resolved, and from the tree to a
//! result.
//!
//! Other than DynamoDB, this engine accepts a reserved word as the name of an attribute, does not limit the number of
//! operators, and limits parentheses and functions within each other to 100 levels.

mod apply;
mod condition;
mod evaluate;
mod key_condition;
mod lexer;
mod parser;
mod path;
mod placeholders;
mod projection;
mod update;

pub(crate) use self::apply::apply;
pub(crate) use self::condition::{Condition, parse_condition};
pub(crate) use self::evaluate::holds;
pub(crate) use self::key_condition::{KeyCondition, KeyRange, parse_key_condition};
pub(crate) use self::placeholders::Placeholders;
pub(crate) use self::projection::{Projection, parse_projection};
pub(crate) use self::update::{Update, parse_update};
