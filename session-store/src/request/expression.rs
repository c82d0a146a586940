//! The parts of a request that DynamoDB reads as text, with the names and values that they use.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::error::Error;
use crate::request::Target;
use crate::service::incomplete;
use crate::value::Map;

/// Placeholders for names and values: always used, since DynamoDB reserves over 500 words. Each name
/// has one; DynamoDB refuses a request with one that no expression uses.
#[derive(Default)]
pub(super) struct Expression {
    placeholders: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    pub(super) fn name(&mut self, name: &str) -> String {
        if let Some(placeholder) = self.placeholders.get(name) {
            return placeholder.clone();
        }
        let placeholder = format!("#{}", self.placeholders.len());
        self.placeholders
            .insert(name.to_owned(), placeholder.clone());
        placeholder
    }

    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    pub(super) fn string(&mut self, text: &str) -> String {
        self.value(AttributeValue::S(text.to_owned()))
    }

    pub(super) fn names(&mut self) -> Option<HashMap<String, String>> {
        let placeholders = std::mem::take(&mut self.placeholders);
        Some(
            placeholders
                .into_iter()
                .map(|(name, placeholder)| (placeholder, name))
                .collect(),
        )
    }

    /// None where there are none: DynamoDB refuses an empty map.
    pub(super) fn values(&mut self) -> Option<HashMap<String, AttributeValue>> {
        Some(std::mem::take(&mut self.values)).filter(|values| !values.is_empty())
    }
}

/// A change of one item on a condition, sent alone or as a part of a transaction. If the condition
/// fails, the answer brings the item along.
pub(crate) struct Statement {
    key: Map,
    /// None deletes the item.
    update: Option<String>,
    condition: String,
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
            condition,
            names: e.names(),
            values: e.values(),
        }
    }

    /// An update as a request of its own.
    pub(crate) fn alone(self, to: Target<'_>) -> UpdateItemFluentBuilder {
        to.client
            .update_item()
            .table_name(to.table)
            .set_key(Some(self.key))
            .set_update_expression(self.update)
            .condition_expression(self.condition)
            .set_expression_attribute_names(self.names)
            .set_expression_attribute_values(self.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// A part of a transaction.
    pub(crate) fn part(self, to: Target<'_>) -> Result<TransactWriteItem, Error> {
        let part = TransactWriteItem::builder();
        let Some(update) = self.update else {
            let delete = Delete::builder()
                .table_name(to.table)
                .set_key(Some(self.key))
                .condition_expression(self.condition)
                .set_expression_attribute_names(self.names)
                .set_expression_attribute_values(self.values)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            return Ok(part.delete(delete.build().map_err(incomplete)?).build());
        };
        let update = Update::builder()
            .table_name(to.table)
            .set_key(Some(self.key))
            .update_expression(update)
            .condition_expression(self.condition)
            .set_expression_attribute_names(self.names)
            .set_expression_attribute_values(self.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(part.update(update.build().map_err(incomplete)?).build())
    }
}
