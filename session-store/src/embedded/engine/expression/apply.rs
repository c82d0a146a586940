//! Carries out an update: all values are computed from the item as it was, and then written.

use super::super::error::{EngineError, Outcome};
use super::super::number::Number;
use super::super::value::{Item, Value};
use super::path::{Path, Step};
use super::update::{Source, Update};

/// The item after the update.
pub(crate) fn apply(update: &Update, old: &Item) -> Outcome<Item> {
    let mut new = old.clone();
    let mut written = Vec::new();
    for (path, source) in &update.set {
        written.push((path, Some(evaluate(source, old)?)));
    }
    for (path, value) in &update.add {
        written.push((path, Some(added(path.look_up(old), value)?)));
    }
    for (path, value) in &update.delete {
        match path.look_up(old) {
            Some(set) => written.push((path, without(set, value)?)),
            None => check_parent(path, old)?,
        }
    }
    for path in &update.remove {
        check_parent(path, old)?;
        // An element past the end could be one that this update appends.
        if path.look_up(old).is_some() {
            written.push((path, None));
        }
    }
    // Elements past the end of a list are appended in the order of their positions. Elements are removed from the
    // last one on, since that moves those behind it.
    written.sort_unstable_by_key(|(path, _)| *path);
    let (set, removed): (Vec<_>, Vec<_>) =
        written.into_iter().partition(|(_, value)| value.is_some());
    for (path, value) in set {
        if let Some(value) = value {
            write(&mut new, path, value)?;
        }
    }
    for (path, _) in removed.into_iter().rev() {
        remove(&mut new, path);
    }
    Ok(new)
}

fn evaluate(source: &Source, old: &Item) -> Outcome<Value> {
    match source {
        Source::Value(value) => Ok(value.clone()),
        Source::Path(path) => path.look_up(old).cloned().ok_or_else(|| {
            EngineError::validation(
                "The provided expression refers to an attribute that does not exist in the item",
            )
        }),
        Source::IfNotExists(path, other) => match path.look_up(old) {
            Some(value) => Ok(value.clone()),
            None => evaluate(other, old),
        },
        Source::ListAppend(first, second) => {
            match (evaluate(first, old)?, evaluate(second, old)?) {
                (Value::L(first), Value::L(second)) => Ok(Value::L([first, second].concat())),
                _ => Err(wrong_type()),
            }
        }
        Source::Plus(a, b) => plus(evaluate(a, old)?, evaluate(b, old)?, |b| b),
        Source::Minus(a, b) => plus(evaluate(a, old)?, evaluate(b, old)?, Number::negated),
    }
}

fn plus(a: Value, b: Value, change: fn(Number) -> Number) -> Outcome<Value> {
    let (Value::N(a), Value::N(b)) = (a, b) else {
        return Err(wrong_type());
    };
    let sum = a.plus(change(b)).map_err(EngineError::validation)?;
    Ok(Value::N(sum))
}

fn added(old: Option<&Value>, value: &Value) -> Outcome<Value> {
    match (old, value) {
        (None, value) => Ok(value.clone()),
        (Some(Value::N(old)), Value::N(more)) => plus(Value::N(*old), Value::N(*more), |b| b),
        (Some(Value::Ss(old)), Value::Ss(more)) => Ok(Value::Ss(old | more)),
        (Some(Value::Ns(old)), Value::Ns(more)) => Ok(Value::Ns(old | more)),
        (Some(Value::Bs(old)), Value::Bs(more)) => Ok(Value::Bs(old | more)),
        _ => Err(wrong_type()),
    }
}

/// The set without these members; `None` if it would be empty.
fn without(set: &Value, members: &Value) -> Outcome<Option<Value>> {
    match (set, members) {
        (Value::Ss(set), Value::Ss(members)) => {
            let left = set - members;
            Ok((!left.is_empty()).then_some(Value::Ss(left)))
        }
        (Value::Ns(set), Value::Ns(members)) => {
            let left = set - members;
            Ok((!left.is_empty()).then_some(Value::Ns(left)))
        }
        (Value::Bs(set), Value::Bs(members)) => {
            let left = set - members;
            Ok((!left.is_empty()).then_some(Value::Bs(left)))
        }
        _ => Err(wrong_type()),
    }
}

/// Refuses a path into a value that is not there, or that is no map or list.
fn check_parent(path: &Path, item: &Item) -> Outcome<()> {
    let Some((last, steps)) = path.steps.split_last() else {
        return Ok(());
    };
    let parent = Path {
        attribute: path.attribute.clone(),
        steps: steps.to_vec(),
    };
    match (parent.look_up(item), last) {
        (Some(Value::M(_)), Step::Entry(_)) | (Some(Value::L(_)), Step::Element(_)) => Ok(()),
        _ => Err(invalid_path()),
    }
}

fn write(item: &mut Item, path: &Path, value: Value) -> Outcome<()> {
    let Some((last, steps)) = path.steps.split_last() else {
        item.insert(path.attribute.clone(), value);
        return Ok(());
    };
    let parent = find_mut(item, &path.attribute, steps).ok_or_else(invalid_path)?;
    match (parent, last) {
        (Value::M(entries), Step::Entry(name)) => {
            entries.insert(name.clone(), value);
        }
        (Value::L(elements), Step::Element(at)) => match elements.get_mut(*at) {
            Some(element) => *element = value,
            None => elements.push(value),
        },
        _ => return Err(invalid_path()),
    }
    Ok(())
}

/// Removes a value that is there.
fn remove(item: &mut Item, path: &Path) {
    let Some((last, steps)) = path.steps.split_last() else {
        item.remove(&path.attribute);
        return;
    };
    match (find_mut(item, &path.attribute, steps), last) {
        (Some(Value::M(entries)), Step::Entry(name)) => {
            entries.remove(name);
        }
        (Some(Value::L(elements)), Step::Element(at)) if *at < elements.len() => {
            elements.remove(*at);
        }
        _ => {}
    }
}

fn find_mut<'a>(item: &'a mut Item, attribute: &str, steps: &[Step]) -> Option<&'a mut Value> {
    let value = item.get_mut(attribute)?;
    steps
        .iter()
        .try_fold(value, |value, step| match (value, step) {
            (Value::M(entries), Step::Entry(name)) => entries.get_mut(name),
            (Value::L(elements), Step::Element(at)) => elements.get_mut(*at),
            _ => None,
        })
}

fn wrong_type() -> EngineError {
    EngineError::validation("An operand in the update expression has an incorrect data type")
}

fn invalid_path() -> EngineError {
    EngineError::validation(
        "The document path provided in the update expression is invalid for update",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::super::request::Fields;
    use super::super::super::value::{item_from_json, item_to_json};
    use super::super::{Placeholders, parse_update};
    use super::*;

    /// The item after the update, or the message of the refusal.
    fn updated(item: Json, update: &str, values: Json) -> Result<Json, String> {
        let request = json!({ "ExpressionAttributeValues": values });
        let mut placeholders = Placeholders::of(&Fields::of(&request).unwrap()).unwrap();
        parse_update(update, &mut placeholders)
            .and_then(|update| apply(&update, &item_from_json(&item)?))
            .map(|item| item_to_json(&item))
            .map_err(EngineError::into_message)
    }

    fn n(number: i32) -> Json {
        json!({ "N": number.to_string() })
    }

    fn numbers(numbers: &[i32]) -> Json {
        json!({ "L": numbers.iter().copied().map(n).collect::<Vec<_>>() })
    }

    #[test]
    fn values_are_those_from_before_the_update() {
        let item = json!({ "a": n(1), "b": n(2) });
        let result = updated(item, "SET a = b, b = a, c = a + :n", json!({ ":n": n(5) }));
        assert_eq!(result, Ok(json!({ "a": n(2), "b": n(1), "c": n(6) })));

        let marks = json!({ "w": numbers(&[1, 2, 3, 4]) });
        let result = updated(
            marks,
            "SET w[1]=w[0],w[2]=w[1],w[3]=w[2],w[0]=:n",
            json!({ ":n": n(0) }),
        );
        assert_eq!(result, Ok(json!({ "w": numbers(&[0, 1, 2, 3]) })));
    }

    #[test]
    fn elements_are_removed_and_appended_by_their_old_positions() {
        let values = json!({ ":n": n(7), ":m": n(8) });
        for (update, list) in [
            ("SET l[9]=:m, l[5]=:n", &[0, 1, 2, 7, 8][..]),
            ("SET l[0]=:m, l[9]=:n REMOVE l[1], l[2]", &[8, 7]),
            ("SET l[9]=:m, l[1]=:n REMOVE l[3]", &[0, 7, 2, 8]),
        ] {
            let result = updated(json!({ "l": numbers(&[0, 1, 2]) }), update, values.clone());
            assert_eq!(result, Ok(json!({ "l": numbers(list) })), "{update}");
        }
    }

    #[test]
    fn sets_gain_and_lose_members() {
        let item = json!({ "s": { "SS": ["a", "b"] } });
        let set = json!({ ":s": { "SS": ["b", "c"] } });
        let result = updated(item.clone(), "ADD s :s, t :s", set.clone());
        assert_eq!(
            result,
            Ok(json!({ "s": { "SS": ["a", "b", "c"] }, "t": { "SS": ["b", "c"] } }))
        );
        let result = updated(item.clone(), "DELETE s :s, t :s", set);
        assert_eq!(result, Ok(json!({ "s": { "SS": ["a"] } })));
        let all = json!({ ":s": { "SS": ["a", "b"] } });
        assert_eq!(updated(item.clone(), "DELETE s :s", all), Ok(json!({})));
        let numbers = json!({ ":s": { "NS": ["1"] } });
        assert!(updated(item, "ADD s :s", numbers).is_err());
    }

    #[test]
    fn functions_take_what_is_there() {
        let values = json!({ ":l": numbers(&[2]), ":none": numbers(&[]) });
        let update = "SET l = list_append(if_not_exists(l, :none), :l)";
        let first = updated(json!({}), update, values.clone()).unwrap();
        assert_eq!(first, json!({ "l": numbers(&[2]) }));
        let second = updated(first, update, values);
        assert_eq!(second, Ok(json!({ "l": numbers(&[2, 2]) })));
    }

    #[test]
    fn paths_into_nothing_are_refused() {
        let item = json!({ "m": { "M": {} }, "n": n(1) });
        for update in [
            "SET x.y = :n",
            "SET n.y = :n",
            "SET m[0] = :n",
            "SET m.a.b = :n",
            "REMOVE x.y",
            "ADD x.y :n",
            "SET a = x + :n",
            "SET a = m + :n",
        ] {
            assert!(
                updated(item.clone(), update, json!({ ":n": n(1) })).is_err(),
                "{update}"
            );
        }
    }

    #[test]
    fn malformed_updates_are_refused() {
        let values = json!({ ":n": n(1), ":s": { "S": "a" } });
        for update in [
            "",
            "SET",
            "SET a",
            "SET a = ",
            "SET a = :n,",
            "a = :n",
            "SET a = :n SET b = :n",
            "SET a = :n, a = :n",
            "SET a = :n REMOVE a.b",
            "SET a = :n + :s",
            "SET a = size(b)",
            "SET a = :n + :n + :n",
            "ADD a :s",
            "ADD a b",
            "DELETE a :n",
            "REMOVE a = :n",
            "SET a = list_append(:n, b)",
            "SET a = :missing",
        ] {
            assert!(
                updated(json!({}), update, values.clone()).is_err(),
                "{update}"
            );
        }
    }
}
