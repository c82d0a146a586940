//! The stored items, compared with those that the model allows.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use session_store::SessionHandle;

use super::History;
use crate::versions::model::{Check, Kept, Truth, broken};
use crate::versions::spec::By;

type Item = HashMap<String, AttributeValue>;

/// A state that a step may leave its session in.
#[derive(Clone, Debug)]
pub(super) enum State {
    Same,
    Becomes(Truth),
    /// It has a new handle, and the old one is gone.
    Replaced(Truth),
    /// There is one more session.
    Begun(Truth),
    Gone,
}

/// The effects that a step may have.
pub(super) struct Effects<'a> {
    pub(super) subject: Option<String>,
    /// One of these is the case.
    pub(super) allowed: Vec<State>,
    /// Whether this other session may have been ended.
    pub(super) may_end: Box<dyn Fn(&Truth) -> bool + 'a>,
    /// How the model calls an end.
    pub(super) how: String,
}

impl<'a> Effects<'a> {
    pub(super) fn none() -> Self {
        Self::on(None, vec![State::Same])
    }

    pub(super) fn on(subject: Option<String>, allowed: Vec<State>) -> Self {
        Self {
            subject,
            allowed,
            may_end: Box::new(|_| false),
            how: String::new(),
        }
    }

    pub(super) fn may_end(mut self, how: &str, may_end: impl Fn(&Truth) -> bool + 'a) -> Self {
        self.may_end = Box::new(may_end);
        self.how = how.to_owned();
        self
    }
}

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// How a stored session differs from the one that it should be.
fn difference(item: &Item, truth: &Truth) -> Option<String> {
    let pairs = [
        ("created_at", Some(truth.created)),
        ("touched_at", Some(truth.touched)),
        ("expires_at", Some(truth.end)),
        ("idle", truth.own),
    ];
    let mut differs = pairs
        .iter()
        .filter(|(name, value)| number(item, name) != *value);
    let (name, value) = differs.next()?;
    let stored = number(item, name);
    Some(format!("its {name} is {stored:?}, in place of {value:?}"))
}

impl History<'_> {
    pub(super) async fn items(&self) -> Vec<Item> {
        let scan = self.direct.scan().table_name(&self.table);
        // In a smaller history, nothing may have created the table.
        let scanned = scan.consistent_read(true).send().await;
        scanned.ok().and_then(|it| it.items).unwrap_or_default()
    }

    /// The stored sessions, by their handles.
    async fn stored(&self) -> BTreeMap<String, Item> {
        let items = self.items().await.into_iter();
        let sessions = items.filter(|item| !item.contains_key("moved_to"));
        sessions
            .filter_map(|item| {
                let id = item["id"].as_s().ok()?.clone();
                SessionHandle::parse(&id).ok()?;
                Some((id, item))
            })
            .collect()
    }

    /// Compares the table with what a step may have done, takes over which of it was done, and gives its
    /// place in the list.
    pub(super) async fn account(&mut self, effects: Effects<'_>) -> Check<usize> {
        if self.reads_only {
            return Ok(0);
        }
        let stored = self.stored().await;
        let known = &self.model.sessions;
        let newcomers: Vec<_> = stored
            .keys()
            .filter(|it| !known.contains_key(*it))
            .collect();
        if let Some(back) = newcomers
            .iter()
            .find(|it| self.model.ended.contains_key(**it))
        {
            let how = &self.model.ended[*back];
            return broken!("G1", "a session that was ended by {how} is there again");
        }
        let subject = effects
            .subject
            .as_ref()
            .filter(|it| known.contains_key(*it));
        let now_stored = subject.and_then(|handle| stored.get(handle));
        let new = match newcomers[..] {
            [] => None,
            [handle] => Some((handle, &stored[handle])),
            _ => return broken!("G2", "{} sessions appeared at once", newcomers.len()),
        };
        let is_same = || match subject {
            Some(handle) => now_stored.is_some_and(|it| difference(it, &known[handle]).is_none()),
            None => true,
        };
        let is_new = |truth: &Truth| {
            new.is_some_and(|(handle, item)| {
                (truth.handle.is_empty() || truth.handle == *handle)
                    && difference(item, truth).is_none()
            })
        };
        let is_case = |state: &State| match state {
            State::Same => new.is_none() && is_same(),
            State::Becomes(truth) => {
                let same = now_stored.is_some_and(|item| difference(item, truth).is_none());
                new.is_none() && same
            }
            State::Replaced(truth) => now_stored.is_none() && is_new(truth),
            // The session that was to go on may have been over, and then a full roster has dropped it.
            State::Begun(truth) => {
                let dropped =
                    subject.is_some_and(|it| now_stored.is_none() && (effects.may_end)(&known[it]));
                (dropped || is_same()) && is_new(truth)
            }
            State::Gone => new.is_none() && now_stored.is_none(),
        };
        let Some(case) = effects.allowed.iter().position(is_case) else {
            return self.explain(&effects, now_stored, new);
        };
        let new = new.map(|(handle, _)| handle.clone());
        let subject = subject.cloned();
        let gone: Vec<_> = known
            .values()
            .filter(|it| !stored.contains_key(&it.handle) && Some(&it.handle) != subject.as_ref())
            .cloned()
            .collect();
        if let Some(lost) = gone.iter().find(|it| !(effects.may_end)(it)) {
            return broken!("G9", "a session was ended needlessly: {lost:?}");
        }
        for lost in gone {
            self.model.sessions.remove(&lost.handle);
            self.model.ended.insert(lost.handle, effects.how.clone());
        }
        let sessions = &mut self.model.sessions;
        match (&effects.allowed[case], subject) {
            (State::Same, _) => {}
            (State::Becomes(truth), _) => {
                drop(sessions.insert(truth.handle.clone(), truth.clone()))
            }
            (State::Gone, subject) => {
                if let Some(subject) = subject {
                    sessions.remove(&subject);
                    self.model.ended.insert(subject, effects.how.clone());
                }
            }
            (State::Replaced(truth) | State::Begun(truth), subject) => {
                let handle = new.expect("it is new");
                if let Some(subject) = subject.filter(|it| !stored.contains_key(it)) {
                    sessions.remove(&subject);
                    self.model.ended.insert(subject, "a new id".to_owned());
                }
                let truth = Truth {
                    handle: handle.clone(),
                    ..truth.clone()
                };
                sessions.insert(handle, truth);
            }
        }
        self.check_items(&stored)?;
        Ok(case)
    }

    /// Why no allowed state is the case.
    fn explain(
        &self,
        effects: &Effects<'_>,
        stored: Option<&Item>,
        new: Option<(&String, &Item)>,
    ) -> Check<usize> {
        let allowed: Vec<_> = effects.allowed.iter().collect();
        match (&effects.allowed[0], stored, new) {
            (State::Becomes(truth), Some(item), None) => {
                let differs = difference(item, truth).unwrap_or_default();
                broken!("G19: end", "after a write, {differs}")
            }
            (State::Replaced(truth) | State::Begun(truth), _, Some((_, item))) => {
                let differs = difference(item, truth).unwrap_or_default();
                broken!("G19: end", "of a new session, {differs}")
            }
            (State::Same, Some(item), None) => {
                let truth = &self.model.sessions[effects.subject.as_ref().expect("it is stored")];
                let differs = difference(item, truth).unwrap_or_default();
                broken!(
                    "G1",
                    "a session changed though nothing was to be written: {differs}"
                )
            }
            _ => broken!(
                "G2",
                "the session is stored: {}, there is a new one: {}, allowed: {allowed:?}",
                stored.is_some(),
                new.is_some()
            ),
        }
    }

    /// Compares the times and the attributes of all stored sessions with the model.
    fn check_items(&self, stored: &BTreeMap<String, Item>) -> Check {
        for truth in self.model.sessions.values() {
            let Some(item) = stored.get(&truth.handle) else {
                return broken!("G2", "a session is not stored: {truth:?}");
            };
            if let Some(differs) = difference(item, truth) {
                return broken!("G3", "another session changed: {differs}");
            }
            for by in By::ALL {
                let promises = truth.promises(by);
                let (name, field) = (by.field(), truth.fields[by.field()]);
                let attribute = number(item, name);
                if promises.attribute == Kept::Yes && attribute != field {
                    return broken!(
                        "G19: attribute",
                        "the attribute `{name}` is {attribute:?}, and the field {field:?}"
                    );
                }
                let shard = item.get(&format!("{name}-shard"));
                let shard = shard.and_then(|shard| shard.as_s().ok());
                if let (shards, Kept::Yes) = promises.shards {
                    let key =
                        |value: u64| (0..shards).any(|it| shard == Some(&format!("{value}#{it}")));
                    if !field.map_or(shard.is_none(), key) {
                        return broken!(
                            "G19: shard",
                            "the shard of `{name}` is {shard:?} of {shards}, and the field {field:?}"
                        );
                    }
                }
            }
            let of = |name| truth.fields[name].unwrap_or(0);
            let sum = of("red") + of("green");
            if truth.sum == Kept::Yes && number(item, "sum") != Some(sum) {
                let stored = number(item, "sum");
                return broken!(
                    "G19: attribute",
                    "the attribute `sum` is {stored:?}, and the sum {sum}"
                );
            }
        }
        Ok(())
    }

    /// DynamoDB's TTL: deletes what has expired, whatever it is.
    pub(super) async fn sweep(&mut self) {
        let now = self.now() / 1000;
        for item in self.items().await {
            if number(&item, "expires_at").is_none_or(|end| end >= now) {
                continue;
            }
            let id = item["id"].clone();
            let handle = id.as_s().expect("a key is a text").clone();
            let delete = self.direct.delete_item().table_name(&self.table);
            delete.key("id", id).send().await.expect("it is deleted");
            self.trace
                .push(format!("    TTL deletes {}", short(&handle)));
            if self.model.sessions.remove(&handle).is_some() {
                self.model.ended.insert(handle, "TTL".to_owned());
            }
        }
    }
}

/// A handle for the trace: its first characters, or all of another key.
pub(super) fn short(key: &str) -> &str {
    if key.starts_with('#') {
        key
    } else {
        &key[..6.min(key.len())]
    }
}

impl History<'_> {
    /// The own idle timeout in the item of a session.
    pub(super) async fn own_idle_of(&self, handle: &str) -> Option<u64> {
        number(self.stored().await.get(handle)?, "idle")
    }
}
