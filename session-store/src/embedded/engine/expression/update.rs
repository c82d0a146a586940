//! Updates: their tree, and how it is read.

use super::super::error::Outcome;
use super::super::value::Value;
use super::parser::Parser;
use super::path::Path;
use super::placeholders::Placeholders;

#[derive(Debug, Default)]
pub(crate) struct Update {
    pub(crate) set: Vec<(Path, Source)>,
    pub(crate) remove: Vec<Path>,
    pub(crate) add: Vec<(Path, Value)>,
    pub(crate) delete: Vec<(Path, Value)>,
}

/// What a path is set to.
#[derive(Debug)]
pub(crate) enum Source {
    Path(Path),
    Value(Value),
    /// The value at the path, or the other one if there is none.
    IfNotExists(Path, Box<Self>),
    ListAppend(Box<Self>, Box<Self>),
    Plus(Box<Self>, Box<Self>),
    Minus(Box<Self>, Box<Self>),
}

impl Update {
    /// The paths that are written.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let set = self.set.iter().map(|(path, _)| path);
        let changed = self.add.iter().chain(&self.delete).map(|(path, _)| path);
        set.chain(&self.remove).chain(changed)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    Set,
    Remove,
    Add,
    Delete,
}

const CLAUSES: [(&str, Clause); 4] = [
    ("SET", Clause::Set),
    ("REMOVE", Clause::Remove),
    ("ADD", Clause::Add),
    ("DELETE", Clause::Delete),
];

pub(crate) fn parse_update(text: &str, placeholders: &mut Placeholders) -> Outcome<Update> {
    let mut parser = Parser::new("UpdateExpression", text, placeholders)?;
    let mut update = Update::default();
    let mut seen = Vec::new();
    while !parser.is_at_end() {
        let clause = CLAUSES.iter().find(|(word, _)| parser.takes_keyword(word));
        let Some((word, clause)) = clause else {
            return Err(parser.unexpected());
        };
        if seen.contains(clause) {
            return Err(parser.invalid(&format!(
                "The \"{word}\" section can only be used once in an update expression"
            )));
        }
        seen.push(*clause);
        match clause {
            Clause::Set => update.set = parser.list(assignment)?,
            Clause::Remove => update.remove = parser.list(Parser::path)?,
            Clause::Add => update.add = parser.list(|parser| change(parser, Clause::Add))?,
            Clause::Delete => {
                update.delete = parser.list(|parser| change(parser, Clause::Delete))?
            }
        }
    }
    parser.check_apart(update.paths())?;
    Ok(update)
}

fn assignment(parser: &mut Parser<'_>) -> Outcome<(Path, Source)> {
    let path = parser.path()?;
    parser.expect("=")?;
    Ok((path, value(parser)?))
}

/// One source, or the sum or difference of two.
fn value(parser: &mut Parser<'_>) -> Outcome<Source> {
    let first = source(parser)?;
    type Join = fn(Box<Source>, Box<Source>) -> Source;
    let signs: [(&str, (&str, Join)); 2] =
        [("+", ("+", Source::Plus)), ("-", ("-", Source::Minus))];
    let Some((sign, join)) = parser.takes_any(&signs) else {
        return Ok(first);
    };
    let second = source(parser)?;
    for operand in [&first, &second] {
        check_type(parser, sign, operand, |value| matches!(value, Value::N(_)))?;
    }
    Ok(join(Box::new(first), Box::new(second)))
}

fn source(parser: &mut Parser<'_>) -> Outcome<Source> {
    if let Some(value) = parser.takes_value()? {
        return Ok(Source::Value(value));
    }
    if parser.takes("(") {
        let source = parser.deeper(value)?;
        parser.expect(")")?;
        return Ok(source);
    }
    let Some(function) = parser.takes_function() else {
        return parser.path().map(Source::Path);
    };
    let source = match function.as_str() {
        "if_not_exists" => {
            let path = parser.path()?;
            parser.expect(",")?;
            let other = parser.deeper(source)?;
            Source::IfNotExists(path, Box::new(other))
        }
        "list_append" => {
            let first = parser.deeper(source)?;
            parser.expect(",")?;
            let second = parser.deeper(source)?;
            for operand in [&first, &second] {
                check_type(parser, "list_append", operand, |value| {
                    matches!(value, Value::L(_))
                })?;
            }
            Source::ListAppend(Box::new(first), Box::new(second))
        }
        other => return Err(parser.invalid(&format!("Invalid function name; function: {other}"))),
    };
    parser.expect(")")?;
    Ok(source)
}

/// What `ADD` adds, or `DELETE` takes out of a set.
fn change(parser: &mut Parser<'_>, clause: Clause) -> Outcome<(Path, Value)> {
    let path = parser.path()?;
    let Some(value) = parser.takes_value()? else {
        return Err(parser.unexpected());
    };
    match (clause, &value) {
        (_, Value::Ss(_) | Value::Ns(_) | Value::Bs(_)) | (Clause::Add, Value::N(_)) => {
            Ok((path, value))
        }
        (Clause::Add, _) => Err(parser.wrong_operand("ADD", &value)),
        (_, _) => Err(parser.wrong_operand("DELETE", &value)),
    }
}

/// Refuses a value of a type that the operator does not take. The value at a path is known later.
fn check_type(
    parser: &Parser<'_>,
    operator: &str,
    operand: &Source,
    is_taken: impl Fn(&Value) -> bool,
) -> Outcome<()> {
    match operand {
        Source::Value(value) if !is_taken(value) => Err(parser.wrong_operand(operator, value)),
        _ => Ok(()),
    }
}
