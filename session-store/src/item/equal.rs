//! Which entries of a session changed, and which are only serialised in another way.

use std::cmp::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use crate::error::EncodeError;
use crate::id::SessionHandle;
use crate::marshal::FieldNames as _;
use crate::schema::{Schema, SessionAttributes};

use super::image::Image;
use super::value::Map;

/// The images of a session as it is stored and as it is to be. They differ where it changed.
pub(crate) fn images<S: SessionAttributes + Serialize>(
    schema: &Schema,
    handle: SessionHandle,
    before: &S,
    after: &S,
) -> Result<(Image, Image), EncodeError> {
    images_since(schema, handle, before, after, &Map::new())
}

/// The same where these are the entries of `before` as they are stored, as far as they are known.
///
/// An entry that is as it is stored has not changed, so that `before` is not serialised for it: most saves change one
/// field.
pub(crate) fn images_since<S: SessionAttributes + Serialize>(
    schema: &Schema,
    handle: SessionHandle,
    before: &S,
    after: &S,
    stored: &Map,
) -> Result<(Image, Image), EncodeError> {
    let mut is = Image::of(schema, handle, after)?;
    // A type can read a value as another one. If it then changes to the one that is stored, that is a change.
    let is_unchanged = |(name, value): (&String, &AttributeValue)| {
        stored.get(name) == Some(value) && before.is_same_entry(after, name) != Some(false)
    };
    let unchanged = is.data.iter().filter(|entry| is_unchanged(*entry));
    let unchanged = match schema.flattened {
        // Which entries a flattened field has depends on all of them.
        true => Vec::new(),
        false => unchanged
            .filter_map(|(name, _)| schema.field_name(name))
            .collect(),
    };
    let was = Image::of_stored_without(handle, before, unchanged)?;
    settle_equal(handle, (before, &was), (after, &mut is))?;
    Ok((was, is))
}

/// Takes back the differences of entries that are equal by their own `PartialEq`, and only serialised in
/// another way: a `HashSet` in another order, or a text that is encrypted with a random nonce (G3).
///
/// # Errors
///
/// [`EncodeError`] for an entry whose form differs each time, and whose type has no `PartialEq`: whether it
/// changed cannot be known.
fn settle_equal<S: SessionAttributes + Serialize>(
    handle: SessionHandle,
    (before, before_image): (&S, &Image),
    (after, after_image): (&S, &mut Image),
) -> Result<(), EncodeError> {
    let mut again = Again {
        handle,
        session: before,
        image: None,
    };
    for (name, value) in &mut after_image.data {
        let Some(was) = before_image.data.get(name).filter(|was| *was != value) else {
            continue;
        };
        match again.is_equal(after, name, (was, value), |image| image.data.get(name))? {
            Some(true) => *value = was.clone(),
            Some(false) => {}
            None => {
                let cause = "it is serialised differently each time, so whether it changed cannot be \
                             known; implement `PartialEq` for its type";
                return Err(EncodeError::new(name, cause));
            }
        }
    }
    for (name, value) in &mut after_image.attributes {
        let was = before_image.attribute(name);
        let (Some(was), Some(value)) = (was.filter(|was| Some(*was) != value.as_ref()), value)
        else {
            continue;
        };
        // One that is computed anew each time, such as from a clock, is written each time.
        let is_equal = again.is_equal(after, name, (was, value), |image| image.attribute(name))?;
        if is_equal == Some(true) {
            *value = was.clone();
        }
    }
    Ok(())
}

/// A session that is serialised a second time, if anything depends on it.
struct Again<'a, S> {
    handle: SessionHandle,
    session: &'a S,
    image: Option<Image>,
}

impl<S: SessionAttributes + Serialize> Again<'_, S> {
    /// Whether two values of this name differ in form alone; `None` if that cannot be known.
    ///
    /// `PartialEq` is not enough: it can leave out a part. So the form must be one that differs without a
    /// change, too.
    fn is_equal(
        &mut self,
        after: &S,
        name: &str,
        (was, value): (&AttributeValue, &AttributeValue),
        of: impl FnOnce(&Image) -> Option<&AttributeValue>,
    ) -> Result<Option<bool>, EncodeError> {
        let is_equal = self.session.is_same_entry(after, name);
        if is_equal == Some(false) {
            return Ok(Some(false));
        }
        if is_equal == Some(true) && is_same_in_any_order(was, value) {
            return Ok(Some(true));
        }
        let image = match &mut self.image {
            Some(image) => image,
            image => image.insert(Image::of_stored(self.handle, self.session)?),
        };
        let is_stable = of(image) == Some(was);
        Ok(if is_stable { Some(false) } else { is_equal })
    }
}

/// Whether two values are equal but for the order of their lists.
fn is_same_in_any_order(a: &AttributeValue, b: &AttributeValue) -> bool {
    order(a, b) == Ordering::Equal
}

/// A total order in which lists with the same elements are equal.
fn order(a: &AttributeValue, b: &AttributeValue) -> Ordering {
    match (a, b) {
        (AttributeValue::L(a), AttributeValue::L(b)) => {
            let sorted = |values: &[AttributeValue]| -> Vec<AttributeValue> {
                let mut values = values.to_vec();
                values.sort_by(order);
                values
            };
            let by_length = a.len().cmp(&b.len());
            by_length.then_with(|| {
                let (a, b) = (sorted(a), sorted(b));
                let mut pairs = a.iter().zip(&b).map(|(a, b)| order(a, b));
                pairs
                    .find(|ordering| ordering.is_ne())
                    .unwrap_or(Ordering::Equal)
            })
        }
        (AttributeValue::M(a), AttributeValue::M(b)) => {
            fn sorted(entries: &Map) -> Vec<(&String, &AttributeValue)> {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(name, _)| *name);
                entries
            }
            let by_length = a.len().cmp(&b.len());
            by_length.then_with(|| {
                let (a, b) = (sorted(a), sorted(b));
                let pairs = a.into_iter().zip(b);
                let mut pairs = pairs.map(|(a, b)| a.0.cmp(b.0).then_with(|| order(a.1, b.1)));
                pairs
                    .find(|ordering| ordering.is_ne())
                    .unwrap_or(Ordering::Equal)
            })
        }
        (AttributeValue::S(a), AttributeValue::S(b))
        | (AttributeValue::N(a), AttributeValue::N(b)) => a.cmp(b),
        (AttributeValue::B(a), AttributeValue::B(b)) => a.as_ref().cmp(b.as_ref()),
        (a, b) if a == b => Ordering::Equal,
        (a, b) => format!("{a:?}").cmp(&format!("{b:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn list<const N: usize>(values: [AttributeValue; N]) -> AttributeValue {
        AttributeValue::L(values.into())
    }

    #[test]
    fn lists_are_equal_in_any_order_at_any_depth() {
        let pairs = |a: [&str; 2], b: [&str; 2]| list([list(a.map(n)), list(b.map(n))]);
        let one = pairs(["1", "2"], ["3", "4"]);
        assert!(is_same_in_any_order(&one, &pairs(["4", "3"], ["2", "1"])));
        assert!(!is_same_in_any_order(&one, &pairs(["4", "2"], ["3", "1"])));
        assert!(!is_same_in_any_order(
            &list(["1", "1"].map(n)),
            &list(["1", "2"].map(n))
        ));
        assert!(!is_same_in_any_order(
            &n("1"),
            &AttributeValue::S("1".into())
        ));
        let map = |value| AttributeValue::M(Map::from([("a".to_owned(), value)]));
        let (a, b) = (list(["1", "2"].map(n)), list(["2", "1"].map(n)));
        assert!(is_same_in_any_order(&map(a.clone()), &map(b)));
        assert!(!is_same_in_any_order(&map(a), &map(n("1"))));
    }
}
