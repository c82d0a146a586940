//! Somebody with a console: changes one attribute of one item by hand, deletes the item, or restores an older
//! one.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use session_store::SessionHandle;
use session_store_tests::{Item, TestBench};

use super::PREFIX;
use super::types::{Customer, tenant};

#[derive(Default)]
pub(super) struct Operator {
    backup: Vec<Item>,
}

impl Operator {
    pub(super) async fn meddle(&mut self, bench: &TestBench<Customer>, rng: &mut Rng) {
        let mut items = bench.items().await;
        // Ids are random, and a seed should choose the same items each time.
        items.sort_by_cached_key(|item| match item["id"].as_s() {
            Ok(id) if key(item).starts_with('#') => id.clone(),
            _ => format!("{:?}", item.get("created_at")),
        });
        if items.is_empty() {
            return;
        }
        let item = items.swap_remove(rng.usize(..items.len()));
        // The entries of a roster are what the store knows of its sessions. That they were deleted, or
        // restored, is a loss that no store can see.
        let is_roster = key(&item).starts_with('#');
        match rng.u8(..10) {
            0 if !is_roster => {
                bench
                    .delete([("id".to_owned(), item["id"].clone())].into())
                    .await
            }
            1 | 2 if !is_roster => self.backup.push(item),
            3 if !self.backup.is_empty() => {
                let restored = self.backup.swap_remove(rng.usize(..self.backup.len()));
                bench.put(restored).await;
            }
            _ if is_roster => bench.put(damaged_roster(item, rng)).await,
            _ => bench.put(damaged_session(item, rng)).await,
        }
    }
}

/// The key of an item, without the prefix of the deployment.
fn key(item: &Item) -> &str {
    let id = item["id"].as_s().map_or("", String::as_str);
    id.strip_prefix(PREFIX).unwrap_or(id)
}

fn any_value(rng: &mut Rng) -> AttributeValue {
    match rng.u8(..6) {
        0 => AttributeValue::S("x".to_owned()),
        1 => AttributeValue::N("1".to_owned()),
        2 => AttributeValue::N("-1".to_owned()),
        3 => AttributeValue::N("99999999999999".to_owned()),
        4 => AttributeValue::Null(true),
        _ => AttributeValue::L(Vec::new()),
    }
}

fn damaged_roster(mut item: Item, rng: &mut Rng) -> Item {
    let value = any_value(rng);
    match rng.u8(..3) {
        0 => drop(item.insert("expires_at".to_owned(), value)),
        1 => drop(item.remove("expires_at")),
        _ => {
            if let Some(AttributeValue::M(entries)) = item.get_mut("m") {
                entries.insert("junk".to_owned(), value);
            }
        }
    }
    item
}

fn damaged_session(mut item: Item, rng: &mut Rng) -> Item {
    let mut names: Vec<_> = item.keys().filter(|name| *name != "id").cloned().collect();
    // Without its type, a session belongs to whoever writes it first, which is a loss and no damage.
    names.retain(|name| name != "session_type");
    names.sort();
    let name = names.swap_remove(rng.usize(..names.len()));
    let (number, is_text) = (rng.u64(5..8), rng.bool());
    let key = number.to_string();
    match (rng.u8(..4), &*name) {
        (0, _) => drop(item.remove(&name)),
        (_, "user" | "device") if is_text => drop(item.insert(name, AttributeValue::S(key))),
        // The keys of the default index have to be a text and a number; DynamoDB refuses anything else.
        (_, "tenant") => {
            item.insert(name, AttributeValue::S(tenant(number).to_string()));
        }
        (_, "user" | "device" | "created_at") => {
            item.insert(name, AttributeValue::N(key));
        }
        _ => drop(item.insert(name, any_value(rng))),
    }
    item
}

/// The sessions whose user the operator has removed: no index can find them by their old one.
pub(super) async fn unindexed(bench: &TestBench<Customer>) -> BTreeSet<SessionHandle> {
    let items = bench.items().await.into_iter();
    let unindexed = items.filter(|item| {
        let names = ["user", "device", "tenant"];
        let is_key = |name| {
            matches!(
                item.get(name),
                Some(AttributeValue::N(_) | AttributeValue::S(_))
            )
        };
        !names.into_iter().any(is_key)
    });
    let handles = unindexed.filter_map(|item| SessionHandle::parse(key(&item)).ok());
    handles.collect()
}
