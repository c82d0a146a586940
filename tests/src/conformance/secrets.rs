//! The cases of data that must not get out, and of data that must not get in.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use peak_alloc::PeakAlloc;

use super::cases::{present, wire};
use super::log::Log;
use super::{Field, Outcome, Subject};
use crate::{Fault, Item};

const SECRET: &str = "gho_SECRET";

/// The program has other things in memory, and a copy of a session takes some more: an item of 400 KB that
/// is not compressed can have 25 MB of values.
const BOUND: usize = 256 << 20;

pub(super) async fn shown<S: Subject>(subject: S) -> Outcome {
    let log = Log::begin();
    let mut copy = subject.create().await?;
    let id = S::id(&copy);
    S::set(&mut copy, Field::Theme, Some(SECRET));
    S::set(&mut copy, Field::User, Some("u-17"));
    subject.save(&mut copy).await?;
    let good = subject.bench().items().await;

    let mut errors = Vec::new();
    let message = "a message of DynamoDB with gho_SECRET";
    for operation in ["GetItem", "Query", "UpdateItem", "PutItem"] {
        let refusal = Fault::Answer(400, "ValidationException", message);
        wire(&subject).next(operation, refusal);
    }
    errors.push(subject.load(&id).await.err());
    S::set(&mut copy, Field::Cart, Some("shoes"));
    errors.push(subject.save(&mut copy).await.err());
    wire(&subject).clear();
    let mut copy = present(&subject, &id).await?;
    S::set(&mut copy, Field::Cart, Some(&SECRET.repeat(50_000)));
    errors.push(subject.save(&mut copy).await.err());
    for data in unreadable() {
        for mut item in good.clone() {
            item.insert("data".into(), data.clone());
            subject.bench().put(item).await;
        }
        errors.push(subject.load(&id).await.err());
        errors.push(subject.visit(&id).await.err());
        errors.push(subject.revoke("u-17").await.and_then(Result::err));
        errors.push(subject.delete(&id).await.err());
    }
    for error in errors.into_iter().flatten() {
        if error.contains(SECRET) {
            return Err(format!("an error: {}", error.replace(SECRET, "a value")).into());
        }
    }
    match log.text() {
        log if log.contains(SECRET) => Err("the log shows it".into()),
        _ => Ok(()),
    }
}

/// Data with the secret where something else should be.
fn unreadable() -> Vec<AttributeValue> {
    let text = || AttributeValue::S(SECRET.to_owned());
    let map = |name: &str, value| AttributeValue::M(Item::from([(name.to_owned(), value)]));
    // A text in MessagePack, and one in CBOR.
    let packed = |head: u8| {
        let bytes = [&[head], SECRET.as_bytes()].concat();
        AttributeValue::B(Blob::new(bytes))
    };
    vec![
        text(),
        packed(0xaa),
        packed(0x6a),
        map("values", text()),
        map("theme", map(SECRET, text())),
        map("user_id", AttributeValue::L(vec![text()])),
        map("values", map("by_number", map(SECRET, text()))),
    ]
}

pub(super) async fn memory<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    let item = subject.bench().items().await.remove(0);
    if PeakAlloc.current_usage() == 0 {
        return Err("the allocator of this program does not count".into());
    }
    for hostile in subject.hostile(&item) {
        subject.bench().put(hostile).await;
        let before = PeakAlloc.current_usage();
        PeakAlloc.reset_peak_usage();
        let _ = subject.load(&S::id(&copy)).await;
        let taken = PeakAlloc.peak_usage().saturating_sub(before);
        if taken > BOUND {
            return Err(format!("{} MB", taken >> 20).into());
        }
    }
    Ok(())
}
