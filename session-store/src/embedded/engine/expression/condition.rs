//! Conditions and filters: their tree, and how it is read.

use super::super::error::{EngineError, Outcome};
use super::super::value::Value;
use super::parser::Parser;
use super::path::Path;
use super::placeholders::Placeholders;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// All of them hold.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    AttributeType(Path, String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Value),
    Size(Path),
}

impl Condition {
    /// Whether the condition is on this attribute, or on a part of it.
    pub(crate) fn mentions(&self, attribute: &str) -> bool {
        let mentions = |operand: &Operand| operand.mentions(attribute);
        match self {
            Self::All(all) | Self::Any(all) => {
                all.iter().any(|condition| condition.mentions(attribute))
            }
            Self::Not(not) => not.mentions(attribute),
            Self::Compare(a, _, b) | Self::BeginsWith(a, b) | Self::Contains(a, b) => {
                mentions(a) || mentions(b)
            }
            Self::Between(a, b, c) => mentions(a) || mentions(b) || mentions(c),
            Self::In(value, members) => mentions(value) || members.iter().any(mentions),
            Self::Exists(path) | Self::AttributeType(path, _) => path.attribute == attribute,
        }
    }
}

impl Operand {
    fn mentions(&self, attribute: &str) -> bool {
        match self {
            Self::Path(path) | Self::Size(path) => path.attribute == attribute,
            Self::Value(_) => false,
        }
    }
}

const COMPARATORS: [(&str, Comparator); 6] = [
    ("=", Comparator::Equal),
    ("<>", Comparator::NotEqual),
    ("<=", Comparator::LessOrEqual),
    ("<", Comparator::Less),
    (">=", Comparator::GreaterOrEqual),
    (">", Comparator::Greater),
];

const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"];

/// The most operands of `IN`.
const MAX_IN: usize = 100;

/// Reads the condition in this field of a request.
pub(crate) fn parse_condition(
    of: &'static str,
    text: &str,
    placeholders: &mut Placeholders,
) -> Outcome<Condition> {
    let mut parser = Parser::new(of, text, placeholders)?;
    let condition = any(&mut parser)?;
    parser.finish(condition)
}

fn any(parser: &mut Parser<'_>) -> Outcome<Condition> {
    let first = all(parser)?;
    let mut conditions = vec![first];
    while parser.takes_keyword("OR") {
        conditions.push(all(parser)?);
    }
    Ok(one_or(conditions, Condition::Any))
}

fn all(parser: &mut Parser<'_>) -> Outcome<Condition> {
    let mut conditions = vec![not(parser)?];
    while parser.takes_keyword("AND") {
        conditions.push(not(parser)?);
    }
    Ok(one_or(conditions, Condition::All))
}

fn one_or(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (conditions.pop(), conditions.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            conditions.extend(last);
            join(conditions)
        }
    }
}

fn not(parser: &mut Parser<'_>) -> Outcome<Condition> {
    if parser.takes_keyword("NOT") {
        let condition = parser.deeper(not)?;
        return Ok(Condition::Not(Box::new(condition)));
    }
    if parser.takes("(") {
        return parser.group(any);
    }
    predicate(parser)
}

/// A function that is true or false, or a comparison.
fn predicate(parser: &mut Parser<'_>) -> Outcome<Condition> {
    let Some(function) = parser.takes_function() else {
        let left = operand(parser)?;
        return comparison(parser, left);
    };
    let condition = match function.as_str() {
        "size" => {
            let left = size(parser)?;
            return comparison(parser, left);
        }
        "attribute_exists" => Condition::Exists(parser.path()?),
        "attribute_not_exists" => Condition::Not(Box::new(Condition::Exists(parser.path()?))),
        "attribute_type" => {
            let path = parser.path()?;
            parser.expect(",")?;
            let Some(value) = parser.takes_value()? else {
                return Err(parser.unexpected());
            };
            match value {
                Value::S(name) if TYPES.contains(&name.as_str()) => {
                    Condition::AttributeType(path, name)
                }
                Value::S(name) => {
                    return Err(
                        parser.invalid(&format!("Invalid attribute type name found; type: {name}"))
                    );
                }
                other => return Err(parser.wrong_operand("attribute_type", &other)),
            }
        }
        "begins_with" => {
            let (path, start) = two_operands(parser)?;
            for operand in [&path, &start] {
                check_type(parser, "begins_with", operand, |value| {
                    matches!(value, Value::S(_) | Value::B(_))
                })?;
            }
            Condition::BeginsWith(path, start)
        }
        "contains" => {
            let (path, part) = two_operands(parser)?;
            if is_same(&path, &part) {
                return Err(same_operands(parser, "contains"));
            }
            Condition::Contains(path, part)
        }
        other => return Err(parser.invalid(&format!("Invalid function name; function: {other}"))),
    };
    parser.expect(")")?;
    Ok(condition)
}

fn two_operands(parser: &mut Parser<'_>) -> Outcome<(Operand, Operand)> {
    let first = operand(parser)?;
    parser.expect(",")?;
    Ok((first, operand(parser)?))
}

fn comparison(parser: &mut Parser<'_>, left: Operand) -> Outcome<Condition> {
    if let Some(comparator) = parser.takes_any(&COMPARATORS) {
        let right = operand(parser)?;
        let sign = COMPARATORS.iter().find(|(_, of)| *of == comparator);
        let sign = sign.map_or("", |(sign, _)| sign);
        if is_same(&left, &right) {
            return Err(same_operands(parser, sign));
        }
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            for operand in [&left, &right] {
                check_type(parser, sign, operand, Value::is_ordered)?;
            }
        }
        return Ok(Condition::Compare(left, comparator, right));
    }
    if parser.takes_keyword("BETWEEN") {
        let low = operand(parser)?;
        if !parser.takes_keyword("AND") {
            return Err(parser.unexpected());
        }
        let high = operand(parser)?;
        for operand in [&left, &low, &high] {
            check_type(parser, "BETWEEN", operand, Value::is_ordered)?;
        }
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high)
            && low.compare(high).is_none_or(|order| order.is_gt())
        {
            return Err(parser.invalid(
                "The BETWEEN operator requires upper bound to be greater than or equal to lower bound, and both of \
                 one type",
            ));
        }
        return Ok(Condition::Between(left, low, high));
    }
    if parser.takes_keyword("IN") {
        parser.expect("(")?;
        let members = parser.list(operand)?;
        parser.expect(")")?;
        if members.len() > MAX_IN {
            return Err(parser.invalid("Invalid number of operands for the IN operator"));
        }
        return Ok(Condition::In(left, members));
    }
    Err(parser.unexpected())
}

fn operand(parser: &mut Parser<'_>) -> Outcome<Operand> {
    if let Some(value) = parser.takes_value()? {
        return Ok(Operand::Value(value));
    }
    match parser.takes_function() {
        Some(function) if function == "size" => size(parser),
        Some(function) => Err(parser.invalid(&format!(
            "The function is not allowed to be used this way in an expression; function: {function}"
        ))),
        None => parser.path().map(Operand::Path),
    }
}

/// The rest of `size(..)`.
fn size(parser: &mut Parser<'_>) -> Outcome<Operand> {
    let path = parser.path()?;
    parser.expect(")")?;
    Ok(Operand::Size(path))
}

/// Refuses a value of a type that the operator does not take. The value at a path is known later.
fn check_type(
    parser: &Parser<'_>,
    operator: &str,
    operand: &Operand,
    is_taken: impl Fn(&Value) -> bool,
) -> Outcome<()> {
    match operand {
        Operand::Value(value) if !is_taken(value) => Err(parser.wrong_operand(operator, value)),
        _ => Ok(()),
    }
}

/// Whether both operands are one path. Two placeholders can have one value.
fn is_same(left: &Operand, right: &Operand) -> bool {
    left == right && matches!(left, Operand::Path(_))
}

fn same_operands(parser: &Parser<'_>, operator: &str) -> EngineError {
    parser.invalid(&format!(
        "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}"
    ))
}
