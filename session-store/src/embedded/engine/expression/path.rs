//! The path to an attribute, or into a map or a list.

use std::fmt;

use super::super::value::{Item, Value};

/// A path has a name first, and then steps into its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) attribute: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Entry(String),
    Element(usize),
}

/// The most steps of a path. No value is deeper.
pub(crate) const MAX_STEPS: usize = 31;

impl Path {
    /// The value at this path, if there is one.
    pub(crate) fn look_up<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let value = item.get(&self.attribute)?;
        self.steps
            .iter()
            .try_fold(value, |value, step| match (value, step) {
                (Value::M(entries), Step::Entry(name)) => entries.get(name),
                (Value::L(elements), Step::Element(at)) => elements.get(*at),
                _ => None,
            })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.attribute)?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Entry(name) => write!(f, ".{name}"),
            Step::Element(at) => write!(f, "[{at}]"),
        })
    }
}

/// What is wrong with these paths, if one leads through another, or if two take one value for a map and for a list.
pub(crate) fn overlap<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<String> {
    let mut paths: Vec<_> = paths.collect();
    // A path comes right before those through it, if there is any.
    paths.sort_unstable();
    paths.windows(2).find_map(|pair| {
        let &[a, b] = pair else { return None };
        if a.attribute != b.attribute {
            return None;
        }
        let mut steps = a.steps.iter().zip(&b.steps);
        let what = match steps.find(|(a, b)| a != b) {
            None => "overlap",
            Some((Step::Entry(_), Step::Element(_))) => "conflict",
            Some(_) => return None,
        };
        Some(format!(
            "Two document paths {what} with each other; must remove or rewrite one of these paths; path one: [{a}], \
             path two: [{b}]"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(attribute: &str, steps: &[Step]) -> Path {
        Path {
            attribute: attribute.to_owned(),
            steps: steps.to_vec(),
        }
    }

    #[test]
    fn paths_through_each_other_are_refused() {
        let entry = |name: &str| Step::Entry(name.to_owned());
        let element = Step::Element;
        let is_apart = |paths: &[Path]| overlap(paths.iter()).is_none();
        assert!(is_apart(&[
            path("a", &[]),
            path("b", &[]),
            path("ab", &[entry("a")])
        ]));
        assert!(is_apart(&[
            path("a", &[entry("b")]),
            path("a", &[entry("c")])
        ]));
        assert!(is_apart(&[
            path("a", &[element(0)]),
            path("a", &[element(1)])
        ]));
        assert!(!is_apart(&[path("a", &[]), path("a", &[])]));
        assert!(!is_apart(&[
            path("a", &[entry("b")]),
            path("c", &[]),
            path("a", &[])
        ]));
        assert!(!is_apart(&[
            path("a", &[entry("b")]),
            path("a", &[element(1)])
        ]));
        assert!(!is_apart(&[
            path("a", &[element(1), entry("z")]),
            path("a", &[element(2)]),
            path("a", &[element(1)]),
        ]));
    }
}
