//! The cases: each is a fault that a store on DynamoDB has had.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Field, NoPass, Outcome, Subject, applications, ending, secrets, values};
use crate::{Fault, Wire};

/// Runs all cases on a store, each on a new table, and returns the outcome of each.
pub async fn outcomes<S: Subject>() -> Vec<(&'static str, Outcome)> {
    macro_rules! run {
        ($($case:path: $fault:literal,)*) => {
            vec![$(($fault, $case(S::new().await).await)),*]
        };
    }
    run! {
        saved_after_its_end: "a save after revocation brings the session back",
        saved_after_expiry: "a save renews a session that has expired",
        expired: "an expired session is read until TTL deletes it",
        parallel: "parallel requests overwrite each other's fields",
        touched_when_absent: "touching an absent session leaves an item",
        rotation_that_fails: "the old session is deleted before the new id is stored",
        fresh_log_in: "an eventually consistent read loses a fresh log-in",
        failed_read: "a read error is answered as an empty session",
        id_in_use: "a create overwrites the session that has the id",
        anonymous: "an anonymous user's empty attribute is refused",
        unit_of_expiry: "expiry in milliseconds or as text, so that TTL never fires",
        too_large: "\"service error\" is all that a too large item says",
        id_in_clear: "the id is in the table in clear",
        lost_response_to_save: "a save whose response was lost is applied again, over a newer one",
        lost_response_to_create: "a create whose response was lost leaves a second session",
        revoked_before_the_response: "a create whose response was lost brings back a revoked session",
        values::numbers: "a float or a long integer comes back changed",
        values::negative_zero: "-0.0 comes back as 0.0",
        values::whole: "2.0 in a `serde_json::Value` comes back as 2",
        values::beyond: "a number beyond DynamoDB's range is stored as another, or refused without its name",
        values::keys: "a map whose keys are not strings comes back changed",
        values::bytes_and_null: "bytes, null or an empty value comes back changed",
        applications::read: "another application in the table reads a session",
        applications::ended: "another application in the table ends a session by its id",
        applications::listed: "another application lists or revokes a user's sessions",
        applications::not_a_session: "clean-up deletes an item that is not a session",
        applications::renewed: "clean-up deletes a session that was renewed meanwhile",
        ending::missed: "a log-out after a read that missed the session leaves it",
        ending::delete_that_fails: "a log-out that failed is reported as done",
        ending::fails_every_request: "a session that cannot be decoded fails every request",
        ending::undeletable: "a session that cannot be decoded cannot be deleted or revoked",
        ending::undecodable: "a log-out of a session that cannot be decoded leaves it",
        ending::in_part: "a revocation or clean-up that failed in part is reported as done",
        ending::stale_entry: "a full limit refuses log-ins because of a session that is gone",
        secrets::shown: "an error or the log shows a value of the session",
        secrets::memory: "a hostile item takes the memory of the process",
    }
}

async fn saved_after_its_end<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    subject.delete(&S::id(&copy)).await?;
    S::set(&mut copy, Field::Theme, Some("dark"));
    let _ = subject.save(&mut copy).await;
    nothing_is_left(&subject).await
}

async fn saved_after_expiry<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    expire_all(&subject).await;
    S::set(&mut copy, Field::Theme, Some("dark"));
    let _ = subject.save(&mut copy).await;
    match subject.load(&S::id(&copy)).await? {
        None => Ok(()),
        Some(_) => Err("it lives again".into()),
    }
}

async fn expired<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    expire_all(&subject).await;
    match subject.load(&S::id(&copy)).await? {
        None => Ok(()),
        Some(_) => Err("it is read".into()),
    }
}

async fn parallel<S: Subject>(subject: S) -> Outcome {
    let id = S::id(&subject.create().await?);
    let mut one = present(&subject, &id).await?;
    let mut two = present(&subject, &id).await?;
    S::set(&mut one, Field::Theme, Some("dark"));
    S::set(&mut two, Field::Cart, Some("shoes"));
    subject.save(&mut one).await?;
    subject.save(&mut two).await?;
    let both = present(&subject, &id).await?;
    is::<S>(&both, Field::Theme, Some("dark"))?;
    is::<S>(&both, Field::Cart, Some("shoes"))
}

async fn touched_when_absent<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    subject.delete(&S::id(&copy)).await?;
    let _ = subject.touch(&mut copy).await;
    nothing_is_left(&subject).await
}

async fn rotation_that_fails<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    let old = S::id(&copy);
    for operation in ["PutItem", "TransactWriteItems"] {
        let refusal = Fault::Answer(400, "AccessDeniedException", "no");
        wire(&subject).next(operation, refusal);
    }
    let rotated = subject.cycle_id(&mut copy).await;
    wire(&subject).clear();
    if rotated.is_ok() {
        return Err("it was refused, but reported as done".into());
    }
    present(&subject, &old).await.map(drop)
}

async fn fresh_log_in<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    wire(&subject).clear();
    present(&subject, &S::id(&copy)).await?;
    let calls = wire(&subject).calls();
    match calls
        .iter()
        .find(|call| call.input["ConsistentRead"] != true)
    {
        None => Ok(()),
        Some(call) => Err(format!("{} without ConsistentRead", call.operation).into()),
    }
}

async fn failed_read<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    for operation in ["GetItem", "Query"].repeat(3) {
        let failure = Fault::Answer(500, "InternalServerError", "broken");
        wire(&subject).next(operation, failure);
    }
    let read = subject.load(&S::id(&copy)).await;
    wire(&subject).clear();
    match read {
        Err(_) => present(&subject, &S::id(&copy)).await.map(drop),
        Ok(None) => Err("the result is an absent session".into()),
        Ok(Some(_)) => Err("the result is a session, but nothing was read".into()),
    }
}

async fn id_in_use<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    S::set(&mut copy, Field::Theme, Some("mine"));
    subject.save(&mut copy).await?;
    let _ = subject.create_under(&S::id(&copy)).await;
    let mine = present(&subject, &S::id(&copy)).await?;
    is::<S>(&mine, Field::Theme, Some("mine"))
}

async fn anonymous<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    for user in [Some("u-17"), None] {
        S::set(&mut copy, Field::User, user);
        subject.save(&mut copy).await?;
        let stored = present(&subject, &S::id(&copy)).await?;
        is::<S>(&stored, Field::User, user)?;
    }
    Ok(())
}

async fn unit_of_expiry<S: Subject>(subject: S) -> Outcome {
    subject.create().await?;
    let now = subject.bench().clock.millis() / 1000;
    for item in subject.bench().items().await {
        let expiry = item.get("expires_at").and_then(|expiry| expiry.as_n().ok());
        let seconds = expiry.and_then(|expiry| expiry.parse::<u64>().ok());
        if !seconds.is_some_and(|seconds| (now..=now + 12 * 3600).contains(&seconds)) {
            return Err(format!("{:?} for TTL", item.get("expires_at")).into());
        }
    }
    Ok(())
}

async fn too_large<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    let before = subject.bench().items().await;
    S::set(&mut copy, Field::Cart, Some(&"x".repeat(401 * 1024)));
    match subject.save(&mut copy).await {
        Ok(()) => return Err("it is accepted".into()),
        Err(text) if !text.contains("cart") && !text.contains("size") => return Err(text.into()),
        Err(_) => {}
    }
    match subject.bench().items().await == before {
        true => Ok(()),
        false => Err("the stored session has changed".into()),
    }
}

async fn id_in_clear<S: Subject>(subject: S) -> Outcome {
    let copy = subject.create().await?;
    let items = format!("{:?}", subject.bench().items().await);
    match items.contains(&S::id(&copy)) {
        true => Err("anyone who reads the table has all sessions".into()),
        false => Ok(()),
    }
}

async fn lost_response_to_save<S: Subject>(subject: S) -> Outcome {
    let mut copy = subject.create().await?;
    let id = S::id(&copy);
    for operation in ["PutItem", "UpdateItem"] {
        let (other, id) = (subject.clone(), id.clone());
        let newer = move || async move {
            let mut copy = present(&other, &id).await.unwrap();
            S::set(&mut copy, Field::Theme, Some("newer"));
            other.save(&mut copy).await.unwrap();
        };
        wire(&subject).next(operation, Fault::LoseResponse);
        wire(&subject).next(operation, Fault::meanwhile(newer));
    }
    S::set(&mut copy, Field::Theme, Some("older"));
    let _ = subject.save(&mut copy).await;
    wire(&subject).clear();
    is::<S>(&present(&subject, &id).await?, Field::Theme, Some("newer"))
}

async fn lost_response_to_create<S: Subject>(subject: S) -> Outcome {
    wire(&subject).next("PutItem", Fault::LoseResponse);
    let created = subject.create().await;
    let left = subject.bench().items().await.len();
    match left <= usize::from(created.is_ok()) {
        true => Ok(()),
        false => Err(format!("there are {left} items").into()),
    }
}

async fn revoked_before_the_response<S: Subject>(subject: S) -> Outcome {
    let other = subject.clone();
    let (tell, revoked) = std::sync::mpsc::channel();
    wire(&subject).next("PutItem", Fault::LoseResponse);
    let revoke = move || async move {
        for item in other.bench().items().await {
            tell.send(item["id"].clone()).unwrap();
            other.bench().delete(item).await;
        }
    };
    wire(&subject).next("PutItem", Fault::meanwhile(revoke));
    let _ = subject.create().await;
    let revoked: Vec<_> = revoked.try_iter().collect();
    let items = subject.bench().items().await;
    match items.iter().any(|item| revoked.contains(&item["id"])) {
        true => Err("it is back".into()),
        false => Ok(()),
    }
}

pub(super) fn wire<S: Subject>(subject: &S) -> &Wire {
    &subject.bench().wire
}

pub(super) async fn present<S: Subject>(subject: &S, id: &str) -> Result<S::Copy, NoPass> {
    let loaded = subject.load(id).await?;
    loaded.ok_or_else(|| "the session is lost".into())
}

fn is<S: Subject>(copy: &S::Copy, field: Field, wanted: Option<&str>) -> Outcome {
    let found = S::get(copy, field);
    match found.as_deref() == wanted {
        true => Ok(()),
        false => Err(format!("{} is {found:?} and not {wanted:?}", field.name()).into()),
    }
}

pub(super) async fn nothing_is_left<S: Subject>(subject: &S) -> Outcome {
    match subject.bench().items().await.len() {
        0 => Ok(()),
        left => Err(format!("{left} item is left").into()),
    }
}

/// Moves the expiry of all sessions into the past, so that it does not matter which clock the store reads.
pub(super) async fn expire_all<S: Subject>(subject: &S) {
    let bench = subject.bench();
    let past = bench.clock.millis() / 1000 - 60;
    for mut item in bench.items().await {
        item.insert("expires_at".into(), AttributeValue::N(past.to_string()));
        bench.put(item).await;
    }
}
