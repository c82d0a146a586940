//! The page that shows an item as it is in DynamoDB.

use std::collections::HashMap;

use axum::extract::State;
use maud::{Markup, html};
use session_store::AttributeValue;

use crate::error::AppError;
use crate::pages::layout::layout;
use crate::session::{Store, Theme, User};

/// The item of the session in DynamoDB: `user_id` is beside `data`, for any tool to read.
///
/// The store's own client reads it, since the library never shows an item.
pub(crate) async fn item(
    State(store): State<Store>,
    User {
        handle, session, ..
    }: User,
) -> Result<Markup, AppError> {
    let get = store.client().get_item().table_name(store.table_name());
    let id = AttributeValue::S(handle.to_string());
    let read = get.key("id", id).consistent_read(true).send().await;
    let item = read
        .ok()
        .and_then(|read| read.item)
        .ok_or(AppError::NotFound)?;
    Ok(show(session.theme, &item))
}

fn show(theme: Theme, item: &HashMap<String, AttributeValue>) -> Markup {
    let mut attributes: Vec<_> = item.iter().collect();
    attributes.sort_by_key(|(name, _)| name.as_str());
    let page = html! {
        section.card aria-labelledby="item" {
            div.row {
                h1 #item { "The item in DynamoDB" }
                a.button href="/" { "Back" }
            }
            table {
                thead { tr { th { "Attribute" } th { "Type" } th { "Value" } } }
                tbody {
                    @for (name, value) in attributes {
                        @let (of, text) = shown(value);
                        tr { td { code { (name) } } td { (of) } td { code { (text) } } }
                    }
                }
            }
        }
    };
    layout("The item", Some(theme), page)
}

/// The type of a value and its text, as DynamoDB's own tools show them.
fn shown(value: &AttributeValue) -> (&'static str, String) {
    match value {
        AttributeValue::S(text) => ("S", text.clone()),
        AttributeValue::N(number) => ("N", number.clone()),
        AttributeValue::B(bytes) => ("B", format!("{} bytes", bytes.as_ref().len())),
        AttributeValue::Bool(value) => ("BOOL", value.to_string()),
        AttributeValue::Null(_) => ("NULL", "null".to_owned()),
        AttributeValue::L(values) => {
            let values: Vec<_> = values.iter().map(|value| shown(value).1).collect();
            ("L", format!("[{}]", values.join(", ")))
        }
        AttributeValue::M(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(name, _)| name.as_str());
            let entries = entries
                .iter()
                .map(|(name, value)| format!("{name}: {}", shown(value).1));
            (
                "M",
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", ")),
            )
        }
        _ => ("", String::new()),
    }
}
