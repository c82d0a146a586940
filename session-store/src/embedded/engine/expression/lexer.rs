//! The words and signs of an expression.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The name of an attribute or a function, or a keyword.
    Word(String),
    /// A placeholder for a name, with its `#`.
    Name(String),
    /// A placeholder for a value, with its `:`.
    Value(String),
    /// The position in a list.
    Index(usize),
    /// Any other sign, such as `<=`.
    Sign(&'static str),
}

/// The longer of two that begin alike comes first.
const SIGNS: [&str; 14] = [
    "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-",
];

/// The most bytes of an expression.
const MAX_LENGTH: usize = 4096;

/// The tokens of a text, or what is wrong with it.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    if text.len() > MAX_LENGTH {
        return Err("Expression size has exceeded the maximum allowed size".to_owned());
    }
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '#' => {
                let (name, after) = placeholder(rest)?;
                (Token::Name(name), after)
            }
            ':' => {
                let (name, after) = placeholder(rest)?;
                (Token::Value(name), after)
            }
            '0'..='9' => {
                let (digits, after) = word(rest);
                let index = digits.parse().map_err(|_| unreadable(digits))?;
                (Token::Index(index), after)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let (name, after) = word(rest);
                (Token::Word(name.to_owned()), after)
            }
            _ => sign(rest).ok_or_else(|| unreadable(&first.to_string()))?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    if tokens.is_empty() {
        return Err("The expression can not be empty;".to_owned());
    }
    Ok(tokens)
}

/// Splits off the letters, digits and underscores at the beginning.
fn word(text: &str) -> (&str, &str) {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    text.split_at(text.find(is_other).unwrap_or(text.len()))
}

fn placeholder(text: &str) -> Result<(String, &str), String> {
    // The first sign is one byte.
    let (sign, rest) = text.split_at(1);
    match word(rest) {
        ("", _) => Err(unreadable(sign)),
        (name, after) => Ok((format!("{sign}{name}"), after)),
    }
}

fn sign(text: &str) -> Option<(Token, &str)> {
    let mut signs = SIGNS.iter();
    signs.find_map(|sign| Some((Token::Sign(sign), text.strip_prefix(sign)?)))
}

fn unreadable(token: &str) -> String {
    format!("Syntax error; token: \"{token}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_placeholders_and_signs_are_told_apart() {
        let word = |text: &str| Token::Word(text.to_owned());
        assert_eq!(
            tokens(" a_1.#b[10]<=:c0 AND\n(x<>y)").unwrap(),
            [
                word("a_1"),
                Token::Sign("."),
                Token::Name("#b".to_owned()),
                Token::Sign("["),
                Token::Index(10),
                Token::Sign("]"),
                Token::Sign("<="),
                Token::Value(":c0".to_owned()),
                word("AND"),
                Token::Sign("("),
                word("x"),
                Token::Sign("<>"),
                word("y"),
                Token::Sign(")"),
            ]
        );
        let long = "a".repeat(MAX_LENGTH + 1);
        for text in [
            "",
            "  ",
            "a ; b",
            "#",
            "a = :",
            "1a",
            "ä",
            "a[99999999999999999999999]",
            &long,
        ] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
