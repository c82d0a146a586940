//! The cases of a table with more in it than the sessions of one application.

use aws_sdk_dynamodb::types::AttributeValue;

use super::cases::{expire_all, nothing_is_left, present, wire};
use super::{Field, NoPass, Outcome, Subject};
use crate::{Fault, Item};

const NO_LISTING: NoPass = NoPass::DoesNotApply("it finds no sessions by user");
const NO_CLEAN_UP: NoPass = NoPass::DoesNotApply("it leaves expired items to TTL");

pub(super) async fn read<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    match subject.other_loads(&S::id(&copy)).await? {
        false => Ok(()),
        true => Err("with the default settings, it is read".into()),
    }
}

pub(super) async fn ended<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    let _ = subject.other_deletes(&S::id(&copy)).await;
    match subject.load(&S::id(&copy)).await? {
        Some(_) => Ok(()),
        None => Err("with the default settings, it has ended".into()),
    }
}

pub(super) async fn listed<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    S::set(&mut copy, Field::User, Some("u-17"));
    subject.save(&mut copy).await?;
    match subject.other_revokes("u-17").await.ok_or(NO_LISTING)?? {
        0 => {}
        _ => return Err("it is found".into()),
    }
    present(&subject, &S::id(&copy)).await?;
    // Its own application finds it.
    subject.revoke("u-17").await.ok_or(NO_LISTING)??;
    nothing_is_left(&subject).await
}

pub(super) async fn not_a_session<S: Subject>(subject: S) -> Outcome {
    let past = subject.bench().clock.millis() / 1000 - 60;
    let coupon: Item = [
        ("id".into(), AttributeValue::S("coupon-3".into())),
        ("expires_at".into(), AttributeValue::N(past.to_string())),
    ]
    .into();
    subject.bench().put(coupon).await;
    subject.clean_up().await.ok_or(NO_CLEAN_UP)??;
    match subject.bench().items().await.len() {
        1 => Ok(()),
        _ => Err("an item of another program is deleted".into()),
    }
}

pub(super) async fn renewed<S: Subject>(subject: S) -> Outcome {
    subject.create().await?;
    let renewed = subject.bench().items().await;
    expire_all(&subject).await;
    let (other, items) = (subject.clone(), renewed.clone());
    let renew = move || async move {
        for item in items {
            other.bench().put(item).await;
        }
    };
    wire(&subject).next("BatchWriteItem", Fault::meanwhile(renew));
    subject.clean_up().await.ok_or(NO_CLEAN_UP)??;
    match subject.bench().items().await == renewed {
        true => Ok(()),
        false => Err("it is deleted".into()),
    }
}
