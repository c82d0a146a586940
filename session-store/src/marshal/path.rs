//! Where in a session a value is. A path is a list on the stack, from the value to the session, and becomes
//! text only if the value fails.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use serde::{de, ser};

use super::failure::{Failed, Failure};

/// The largest number of containers within containers, from the attribute itself on. DynamoDB allows 32
/// levels, and a scalar is the last of them.
pub(crate) const MAX_DEPTH: usize = 31;

/// The largest number of options and newtypes around a value. They add no container to the item, so that DynamoDB
/// has no limit for them, and only the stack ends them. A type whose own nesting ends never has so many.
const MAX_WRAPPERS: usize = 256;

/// In place of the key of a map: it can be a value of the session, such as an e-mail address.
pub(crate) const HIDDEN: &str = "*";

/// What is serialised or read, as its paths name it.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// A whole session.
    Session {
        /// The attribute that holds it: the path of an error that is about no field.
        data: &'a str,
        /// Its declared fields. Other keys at the top are hidden.
        fields: &'a dyn FieldNames,
    },
    /// A promoted attribute.
    Attribute(&'static str),
}

/// The declared fields of a session type.
pub(crate) trait FieldNames {
    /// The field with this name, as an error may show it.
    fn field_name(&self, name: &str) -> Option<&'static str>;
}

/// One pass over a session.
pub(super) struct Pass<'a> {
    subject: Subject<'a>,
    /// Whether values are checked that serde_dynamo takes and DynamoDB refuses.
    pub(super) is_checked: bool,
    /// The fields of the session that are not written.
    left_out: &'a [&'a str],
    /// The last failure. The error of the inner format cannot hold it, since it is of a foreign type.
    noted: RefCell<Option<Failure>>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(subject: Subject<'a>, is_checked: bool) -> Self {
        Self {
            subject,
            is_checked,
            left_out: &[],
            noted: RefCell::new(None),
        }
    }

    /// The same without these fields of the session.
    pub(super) fn without(self, left_out: &'a [&'a str]) -> Self {
        Self { left_out, ..self }
    }

    /// The path of the whole.
    pub(super) fn top(&'a self) -> Path<'a> {
        let step = match self.subject {
            Subject::Session { .. } => Step::Top,
            Subject::Attribute(name) => Step::Name(name),
        };
        Path {
            parent: None,
            step,
            depth: 0,
            wrappers: 0,
            pass: self,
        }
    }

    /// The failure that ended the pass.
    pub(super) fn failure(&'a self, failed: Failed) -> Failure {
        let top = self.top();
        top.note(failed);
        let noted = self.noted.take();
        noted.unwrap_or_else(|| Failure::of_unknown_cause(top.text(None)))
    }
}

pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
    /// The number of containers around the value.
    depth: usize,
    /// The number of options and newtypes around it.
    wrappers: usize,
    pub(super) pass: &'a Pass<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Top,
    /// The set that a value is marked as: no step of its own.
    Set,
    /// A name from the type: that of a field or of a variant.
    Name(&'static str),
    /// A name that may come from the session.
    Hidden,
    Index(usize),
    Key(&'a Key<'a>),
}

impl<'a> Path<'a> {
    /// Whether a field of this value is not written.
    #[inline]
    pub(super) fn leaves_out(&self, field: &str) -> bool {
        let left_out = self.pass.left_out;
        !left_out.is_empty() && matches!(self.step, Step::Top) && left_out.contains(&field)
    }

    pub(super) fn below(&'a self, step: Step<'a>) -> Self {
        Self {
            parent: Some(self),
            step,
            depth: self.depth + 1,
            wrappers: self.wrappers,
            pass: self.pass,
        }
    }

    /// The same value, within an option or a newtype.
    #[inline]
    pub(super) fn wrapped(&self) -> Result<Self, Failed> {
        if self.wrappers >= MAX_WRAPPERS {
            return Err(Failed::because(
                "nested in more than 256 options and newtypes",
            ));
        }
        Ok(Self {
            wrappers: self.wrappers + 1,
            ..*self
        })
    }

    /// The same value, as a set.
    pub(super) fn as_set(&'a self) -> Self {
        let depth = self.depth;
        Self {
            depth,
            ..self.below(Step::Set)
        }
    }

    /// Whether it is that of the whole session.
    pub(super) fn is_top(&self) -> bool {
        matches!(self.step, Step::Top)
    }

    pub(super) fn is_set(&self) -> bool {
        matches!(self.step, Step::Set)
    }

    /// The step to a variant with this name, if the type has one.
    pub(super) fn variant(&'a self, name: Option<&'static str>) -> Self {
        self.below(name.map_or(Step::Hidden, Step::Name))
    }

    /// Refuses a container that is nested too deep.
    pub(super) fn check_depth(&self) -> Result<(), Failed> {
        if self.pass.is_checked && self.depth >= MAX_DEPTH {
            return Err(Failed::because(
                "nested more than 31 levels deep in the item",
            ));
        }
        Ok(())
    }

    /// The names that the keys of a map here can have in a path.
    pub(super) fn names(&self) -> Names<'a> {
        match (self.step, self.pass.subject) {
            (Step::Top, Subject::Session { fields, .. }) => Names::Declared(fields),
            _ => Names::Hidden,
        }
    }

    /// Keeps the failure of the value at this path, unless it is that of a value below, which is noted.
    fn note(&self, failed: Failed) {
        if let Some(cause) = failed.into_cause() {
            let path = self.text(cause.field);
            let failure = Failure::new(path, cause.reason);
            *self.pass.noted.borrow_mut() = Some(failure);
        }
    }

    /// Notes the failure, and gives an error of the inner format that stands for it.
    pub(super) fn note_written<E: ser::Error>(&self, failed: Failed) -> E {
        self.note(failed);
        E::custom(Failed::NOTED)
    }

    /// Notes the failure of a value that has no adapter of its own.
    pub(super) fn noted(&self, failed: Failed) -> Failed {
        self.note(failed);
        Failed::noted()
    }

    /// Notes the failure, and gives an error of the inner format that stands for it.
    pub(super) fn note_read<E: de::Error>(&self, failed: Failed) -> E {
        self.note(failed);
        E::custom(Failed::NOTED)
    }

    /// This path, or that of a field below it, as text.
    fn text(&self, field: Option<&'static str>) -> String {
        let mut text = String::new();
        self.append_to(&mut text);
        if let Some(field) = field {
            append_name(&mut text, field);
        }
        match self.pass.subject {
            Subject::Session { data, .. } if text.is_empty() => data.to_owned(),
            _ => text,
        }
    }

    fn append_to(&self, text: &mut String) {
        if let Some(parent) = self.parent {
            parent.append_to(text);
        }
        match self.step {
            Step::Top | Step::Set => {}
            Step::Name(name) => append_name(text, name),
            Step::Hidden => append_name(text, HIDDEN),
            Step::Key(key) => append_name(text, key.name.get().unwrap_or(HIDDEN)),
            Step::Index(index) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "[{index}]");
            }
        }
    }
}

fn append_name(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(name);
}

/// The names that may be shown.
#[derive(Clone, Copy)]
pub(super) enum Names<'a> {
    Hidden,
    Of(&'static [&'static str]),
    Declared(&'a dyn FieldNames),
}

/// The current key of a map.
pub(super) struct Key<'a> {
    names: Names<'a>,
    /// Its name, if that may be shown.
    name: Cell<Option<&'static str>>,
}

impl<'a> Key<'a> {
    pub(super) fn new(names: Names<'a>) -> Self {
        Self {
            names,
            name: Cell::new(None),
        }
    }

    pub(super) fn name(&self) -> Option<&'static str> {
        self.name.get()
    }

    pub(super) fn forget(&self) {
        self.name.set(None);
    }

    #[inline]
    pub(super) fn see(&self, text: &str) {
        self.name.set(match self.names {
            Names::Hidden => None,
            Names::Of(names) => names.iter().find(|name| **name == text).copied(),
            Names::Declared(fields) => fields.field_name(text),
        });
    }
}
