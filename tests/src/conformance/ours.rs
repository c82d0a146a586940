//! The calls of this crate that its store has behind every framework.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};

use super::{Web, text};
use crate::{Item, chain};

/// The session of another application.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
pub struct Staff {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
}

pub(super) async fn revoke(store: &DynamoDbStore<Web>, user: &str) -> Result<(), String> {
    let revoked = store.revoke(Web::USER_ID, user).await.map_err(text)?;
    match revoked.failed().first() {
        None => Ok(()),
        Some(failure) => Err(chain(failure.error())),
    }
}

pub(super) async fn list_and_revoke(
    store: &DynamoDbStore<Staff>,
    user: &str,
) -> Result<usize, String> {
    let listed = store.sessions(Staff::USER_ID, user).all().await;
    let revoked = store.revoke(Staff::USER_ID, user).await.map_err(text)?;
    Ok(listed.map_err(text)?.len() + revoked.deleted())
}

/// Packed items: compressed zeros, with and without their size, and lengths that are not there.
pub(super) fn hostile(item: &Item) -> Vec<Item> {
    let packed = |format: &str, bytes: Vec<u8>| {
        let mut item = item.clone();
        item.insert("format".into(), AttributeValue::S(format.to_owned()));
        item.insert("data".into(), AttributeValue::B(Blob::new(bytes)));
        item
    };
    // A map with the entry `cart`, which is a list of this length.
    let list = |length: u32| [&b"\xa1\x64cart\x9a"[..], &length.to_be_bytes()].concat();
    let nested = [b"\xa1\x64cart".to_vec(), vec![0x81; 390_000]].concat();
    let zeros = |blocks: u32, with_size| {
        let bytes = zstd_of_zeros(&list(blocks * BLOCK), blocks, with_size);
        packed("cbor+zstd", bytes)
    };
    vec![
        zeros(128, false),
        zeros(128, true),
        // As much as this store unpacks: 16 million values of one byte.
        zeros(127, true),
        packed("cbor", list(u32::MAX)),
        packed("cbor", nested),
    ]
}

/// The most that a block of zstd has.
const BLOCK: u32 = 128 << 10;

/// A frame of zstd in few bytes, by its format in RFC 8878: this head, and then blocks of one repeated
/// byte.
fn zstd_of_zeros(head: &[u8], blocks: u32, with_size: bool) -> Vec<u8> {
    let block = |last: bool, kind: u32, size: u32| {
        let header = u32::from(last) | kind << 1 | size << 3;
        header.to_le_bytes()[..3].to_vec()
    };
    let head_size = head.len() as u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd];
    match with_size {
        false => frame.extend([0x00, 0x38]),
        true => {
            frame.extend([0x80, 0x38]);
            frame.extend((head_size + blocks * BLOCK).to_le_bytes());
        }
    }
    frame.extend(block(false, 0, head_size));
    frame.extend(head);
    for i in 1..=blocks {
        frame.extend(block(i == blocks, 1, BLOCK));
        frame.push(0);
    }
    frame
}
