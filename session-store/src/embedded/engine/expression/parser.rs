//! What all expressions share: reading tokens one by one, and paths.

use super::super::error::{EngineError, Outcome};
use super::super::value::Value;
use super::lexer::{Token, tokens};
use super::path::{MAX_STEPS, Path, Step, overlap};
use super::placeholders::Placeholders;

pub(crate) struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Where the last parentheses begin and end: the tokens behind both.
    last_group: Option<(usize, usize)>,
    placeholders: &'a mut Placeholders,
    /// The name of the field that has the expression.
    of: &'static str,
}

/// How deep parentheses and functions can be within each other, so that none exhausts the stack.
const MAX_DEPTH: usize = 100;

const KEYWORDS: [&str; 5] = ["AND", "OR", "NOT", "BETWEEN", "IN"];

impl<'a> Parser<'a> {
    pub(crate) fn new(
        of: &'static str,
        text: &str,
        placeholders: &'a mut Placeholders,
    ) -> Outcome<Self> {
        Ok(Self {
            tokens: tokens(text).map_err(|what| invalid(of, &what))?,
            at: 0,
            depth: 0,
            last_group: None,
            placeholders,
            of,
        })
    }

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// The token behind the next one.
    fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1)
    }

    pub(crate) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(next)) if *next == sign)
    }

    /// Takes the sign, if it is the next token.
    pub(crate) fn takes(&mut self, sign: &str) -> bool {
        let is_next = self.is_sign(sign);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes the first of these signs that is next.
    pub(crate) fn takes_any<T: Copy>(&mut self, signs: &[(&str, T)]) -> Option<T> {
        let found = signs.iter().find(|(sign, _)| self.is_sign(sign));
        self.at += usize::from(found.is_some());
        found.map(|(_, meaning)| *meaning)
    }

    pub(crate) fn expect(&mut self, sign: &str) -> Outcome<()> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    /// Takes the keyword, which can be in lower case, if it is next.
    pub(crate) fn takes_keyword(&mut self, keyword: &str) -> bool {
        let is_next =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes the name of a function, if one is next with its parenthesis.
    pub(crate) fn takes_function(&mut self) -> Option<String> {
        let (Some(Token::Word(word)), Some(Token::Sign("("))) = (self.peek(), self.peek_second())
        else {
            return None;
        };
        if is_keyword(word) {
            return None;
        }
        let word = word.clone();
        self.at += 2;
        Some(word)
    }

    pub(crate) fn path(&mut self) -> Outcome<Path> {
        let attribute = self.name()?;
        let mut steps = Vec::new();
        loop {
            if self.takes(".") {
                steps.push(Step::Entry(self.name()?));
            } else if self.takes("[") {
                let Some(Token::Index(index)) = self.peek() else {
                    return Err(self.unexpected());
                };
                steps.push(Step::Element(*index));
                self.at += 1;
                self.expect("]")?;
            } else if steps.len() > MAX_STEPS {
                return Err(self.invalid("The document path has too many nesting elements"));
            } else {
                return Ok(Path { attribute, steps });
            }
        }
    }

    fn name(&mut self) -> Outcome<String> {
        let name = match self.peek().cloned() {
            Some(Token::Word(word)) if !is_keyword(&word) => word,
            Some(Token::Name(key)) => {
                let name = self.placeholders.name(&key);
                name.ok_or_else(|| self.undefined("name used in the document path", "name", &key))?
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    /// Takes the placeholder of a value, if one is next.
    pub(crate) fn takes_value(&mut self) -> Outcome<Option<Value>> {
        let Some(Token::Value(key)) = self.peek().cloned() else {
            return Ok(None);
        };
        let value = self.placeholders.value(&key);
        let value =
            value.ok_or_else(|| self.undefined("value used in expression", "value", &key))?;
        self.at += 1;
        Ok(Some(value))
    }

    fn undefined(&self, what: &str, kind: &str, key: &str) -> EngineError {
        self.invalid(&format!(
            "An expression attribute {what} is not defined; attribute {kind}: {key}"
        ))
    }

    /// One or more, with commas between them.
    pub(crate) fn list<T>(&mut self, one: impl Fn(&mut Self) -> Outcome<T>) -> Outcome<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.takes(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// Reads what is a level deeper.
    pub(crate) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.invalid("The expression is nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Refuses two paths of which one leads through the other.
    pub(crate) fn check_apart<'p>(&self, paths: impl Iterator<Item = &'p Path>) -> Outcome<()> {
        overlap(paths).map_or(Ok(()), |what| Err(self.invalid(&what)))
    }

    /// Reads what is in parentheses, of which the first is taken. DynamoDB refuses `((a = b))`.
    pub(crate) fn group<T>(&mut self, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        let start = self.at;
        let result = self.deeper(read)?;
        // The last group is all that is in this one.
        if self.last_group == Some((start + 1, self.at)) {
            return Err(self.invalid("The expression has redundant parentheses"));
        }
        self.expect(")")?;
        self.last_group = Some((start, self.at));
        Ok(result)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.peek().is_none()
    }

    pub(crate) fn finish<T>(&self, result: T) -> Outcome<T> {
        match self.is_at_end() {
            true => Ok(result),
            false => Err(self.unexpected()),
        }
    }

    pub(crate) fn unexpected(&self) -> EngineError {
        let token = match self.peek() {
            None => "<EOF>",
            Some(Token::Word(text) | Token::Name(text) | Token::Value(text)) => text,
            Some(Token::Index(index)) => &index.to_string(),
            Some(Token::Sign(sign)) => sign,
        };
        self.invalid(&format!("Syntax error; token: \"{token}\""))
    }

    pub(crate) fn invalid(&self, what: &str) -> EngineError {
        invalid(self.of, what)
    }

    /// An operand has a type that its operator or function does not take.
    pub(crate) fn wrong_operand(&self, operator: &str, operand: &Value) -> EngineError {
        self.invalid(&format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
            operand.type_name()
        ))
    }
}

fn invalid(of: &str, what: &str) -> EngineError {
    EngineError::validation(format!("Invalid {of}: {what}"))
}

fn is_keyword(word: &str) -> bool {
    let mut keywords = KEYWORDS.iter();
    keywords.any(|keyword| word.eq_ignore_ascii_case(keyword))
}
