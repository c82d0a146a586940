//! The cases of ending: a session that should end ends, and does not harm others while it is there.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use super::cases::{expire_all, nothing_is_left, present, wire};
use super::{Field, NoPass, Outcome, Subject};
use crate::Fault;

/// More than one `BatchWriteItem` takes.
const MANY: usize = 26;

pub(super) async fn missed<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    // An eventually consistent read, or one before a write that is still under way.
    for operation in ["GetItem", "Query"] {
        let nothing = json!({ "Items": [], "Count": 0, "ScannedCount": 0 });
        wire(&subject).next(operation, Fault::Body(200, nothing));
    }
    let _ = subject.log_out(&S::id(&copy)).await;
    wire(&subject).clear();
    nothing_is_left(&subject).await
}

pub(super) async fn delete_that_fails<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    let refusal = Fault::Answer(400, "AccessDeniedException", "no");
    wire(&subject).next("DeleteItem", refusal);
    match subject.log_out(&S::id(&copy)).await {
        Err(_) => Ok(()),
        Ok(()) => nothing_is_left(&subject).await,
    }
}

pub(super) async fn fails_every_request<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    damage_all(&subject).await;
    Ok(subject.visit(&S::id(&copy)).await?)
}

pub(super) async fn undeletable<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    damage_all(&subject).await;
    subject.delete(&S::id(&copy)).await?;
    nothing_is_left(&subject).await?;

    let mut copy = subject.create().await?;
    S::set(&mut copy, Field::User, Some("u-17"));
    subject.save(&mut copy).await?;
    damage_all(&subject).await;
    match subject.revoke("u-17").await {
        None => Ok(()),
        Some(revoked) => {
            revoked?;
            nothing_is_left(&subject).await
        }
    }
}

pub(super) async fn undecodable<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    damage_all(&subject).await;
    let _ = subject.log_out(&S::id(&copy)).await;
    nothing_is_left(&subject).await
}

pub(super) async fn in_part<S: Subject>(subject: S) -> Outcome {
    for _ in 0..MANY {
        let mut copy = subject.create().await?;
        S::set(&mut copy, Field::User, Some("u-17"));
        subject.save(&mut copy).await?;
    }
    let refusal = || Fault::Answer(400, "AccessDeniedException", "no");
    wire(&subject).next("DeleteItem", refusal());
    // The first batch is written.
    wire(&subject).next("BatchWriteItem", Fault::edit(|_| ()));
    wire(&subject).next("BatchWriteItem", refusal());
    let ended = match subject.revoke("u-17").await {
        Some(revoked) => Some(revoked),
        None => {
            expire_all(&subject).await;
            subject.clean_up().await
        }
    };
    wire(&subject).clear();
    let neither = NoPass::DoesNotApply("it has neither");
    match (ended.ok_or(neither)?, subject.bench().items().await.len()) {
        (Err(_), 1) => Ok(()),
        (Err(_), left) => Err(format!("one request failed, but {left} sessions are left").into()),
        (Ok(()), _) => Err("it is reported as done".into()),
    }
}

pub(super) async fn stale_entry<S: Subject>(subject: S) -> Outcome {
    let first = S::id(&subject.create().await?);
    let second = S::id(&subject.create().await?);
    let third = S::id(&subject.create().await?);
    take_seat(&subject, &first).await?;
    if take_seat(&subject, &second).await.is_ok() {
        return Err(NoPass::DoesNotApply("it has no limit of sessions"));
    }
    // TTL or another program deletes the session, and nothing else.
    for item in subject.bench().items().await {
        if item.contains_key("seat") {
            subject.bench().delete(item).await;
        }
    }
    take_seat(&subject, &second).await?;
    // The next one has expired, and TTL has not deleted it.
    subject.bench().clock.advance(Duration::from_secs(15 * 60));
    subject.touch(&mut present(&subject, &third).await?).await?;
    subject.bench().clock.advance(Duration::from_secs(16 * 60));
    take_seat(&subject, &third).await
}

async fn take_seat<S: Subject>(subject: &S, id: &str) -> Outcome {
    let mut copy = present(subject, id).await?;
    S::set(&mut copy, Field::Seat, Some("7"));
    Ok(subject.save(&mut copy).await?)
}

/// Replaces the data of all sessions by a byte that begins no value in CBOR or MessagePack.
async fn damage_all<S: Subject>(subject: &S) {
    for mut item in subject.bench().items().await {
        let never = AttributeValue::B(Blob::new([0xc1]));
        item.insert("data".into(), never);
        subject.bench().put(item).await;
    }
}
