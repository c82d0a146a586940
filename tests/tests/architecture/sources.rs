//! The sources of a crate as words and signs, without comments, the text of strings, and tests.

use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The sources of one crate.
pub(crate) struct Sources {
    pub(crate) files: Vec<File>,
}

/// One file.
pub(crate) struct File {
    /// Its path from the root of the workspace.
    pub(crate) path: String,
    /// Its path from the crate's `src`.
    pub(crate) place: String,
    /// Its module: `store`, `sessions`, `page`; empty for `lib.rs`.
    pub(crate) module: Vec<String>,
    /// Its code. A file of tests has none.
    pub(crate) code: Vec<Token>,
    /// The number of its lines, without its tests.
    pub(crate) lines: usize,
}

/// A word, a sign, or a literal.
pub(crate) struct Token {
    /// The source text, but `""` for each string or character, and `::`, `->` and `=>` as one sign.
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) within: Arc<Within>,
}

/// The surroundings of a token.
#[derive(Clone, Default)]
pub(crate) struct Within {
    pub(crate) module: Vec<String>,
    /// The type whose `impl` block it is.
    pub(crate) owner: Option<String>,
}

/// The head of an `impl` block.
pub(crate) struct Impl {
    pub(crate) owner: String,
    pub(crate) is_of_a_trait: bool,
}

/// One file uses another.
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) line: usize,
    /// For messages, like "uses `item::Image`".
    pub(crate) what: String,
}

impl Sources {
    /// Reads the crate in this folder of the workspace.
    pub(crate) fn read(folder: &str) -> Self {
        let src = format!("{}/../{folder}/src", env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        read_folder(Path::new(&src), "", &mut files);
        Self::new(folder, &files)
    }

    /// Takes pairs of a path below `src` and the text of the file.
    pub(crate) fn new(folder: &str, files: &[(String, String)]) -> Self {
        let files = files.iter();
        let mut files: Vec<_> = files
            .map(|(place, text)| File::new(folder, place, text))
            .collect();
        files.sort_by(|a, b| a.place.cmp(&b.place));
        Self { files }
    }
}

/// Reads all Rust files of a folder and of those in it.
fn read_folder(folder: &Path, place: &str, files: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder);
    for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let place = format!("{place}{name}");
        if path.is_dir() {
            read_folder(&path, &format!("{place}/"), files);
        } else if place.ends_with(".rs") {
            files.push((place, fs::read_to_string(&path).unwrap()));
        }
    }
}

impl File {
    fn new(folder: &str, place: &str, text: &str) -> Self {
        let module = module_of(place);
        let (mut code, mut lines) = (Vec::new(), 0);
        if !module.iter().any(|name| name == "tests") {
            let (tokens, of_tests) = without_tests(tokens(text));
            code = tokens;
            lines = text.lines().count() - of_tests;
        }
        mark(&mut code, &module);
        Self {
            path: format!("{folder}/src/{place}"),
            place: place.to_owned(),
            module,
            code,
            lines,
        }
    }

    /// The module of the file at the top of the crate; `lib` for the root itself.
    pub(crate) fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// The text of a token; empty if there is no such token.
    pub(crate) fn text(&self, at: usize) -> &str {
        text(&self.code, at)
    }

    /// Whether these tokens begin here.
    pub(crate) fn begins(&self, at: usize, texts: &[&str]) -> bool {
        begins(&self.code, at, texts)
    }

    /// The head of the `impl` block that begins here.
    pub(crate) fn impl_at(&self, at: usize) -> Option<Impl> {
        impl_at(&self.code, at)
    }
}

/// The module that a file is.
fn module_of(place: &str) -> Vec<String> {
    let steps = place.trim_end_matches(".rs").split('/');
    let mut steps: Vec<_> = steps.map(str::to_owned).collect();
    if matches!(steps.last().map(String::as_str), Some("mod" | "lib")) {
        steps.pop();
    }
    steps
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| &token.text)
}

fn begins(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    let mut texts = texts.iter().zip(at..);
    texts.all(|(expected, at)| text(tokens, at) == *expected)
}

/// Whether it is a name or a keyword.
pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Cuts a text into its tokens.
fn tokens(text: &str) -> Vec<Token> {
    let (mut tokens, mut rest, mut line) = (Vec::new(), text, 1);
    while !rest.is_empty() {
        let (length, code) = first_token(rest);
        let (token, behind) = rest.split_at(length);
        let text = match code {
            Some(Code::Literal) => "\"\"",
            Some(Code::Other) => token,
            None => "",
        };
        if !text.is_empty() {
            tokens.push(Token {
                text: text.to_owned(),
                line,
                within: Arc::default(),
            });
        }
        line += token.matches('\n').count();
        rest = behind;
    }
    tokens
}

/// The kinds of code.
enum Code {
    Literal,
    Other,
}

/// The length of the first token, and its kind: `None` for white space, comments and lifetimes.
fn first_token(text: &str) -> (usize, Option<Code>) {
    let first = text.chars().next().unwrap_or(' ');
    if first.is_whitespace() {
        (text.len() - text.trim_start().len(), None)
    } else if text.starts_with("//") {
        (text.find('\n').unwrap_or(text.len()), None)
    } else if text.starts_with("/*") {
        (comment_length(text), None)
    } else if let Some(length) = string_length(text) {
        (length, Some(Code::Literal))
    } else if first == '\'' {
        quote_length(text)
    } else if word_length(text) > 0 {
        (word_length(text), Some(Code::Other))
    } else if ["::", "->", "=>"].iter().any(|sign| text.starts_with(sign)) {
        (2, Some(Code::Other))
    } else {
        (first.len_utf8(), Some(Code::Other))
    }
}

/// The length of the word or number that begins here.
fn word_length(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    end.unwrap_or(text.len())
}

/// The length of a comment, which can contain others.
fn comment_length(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < text.len() {
        let rest = &text.as_bytes()[at..];
        let (step, change) = match rest {
            [b'/', b'*', ..] => (2, 1),
            [b'*', b'/', ..] => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth += change;
    }
    at
}

/// The length of a string, if one begins here.
fn string_length(text: &str) -> Option<usize> {
    let hashes_on = text.trim_start_matches(['b', 'c', 'r']);
    let quote_on = hashes_on.trim_start_matches('#');
    let is_raw = text[..text.len() - hashes_on.len()].contains('r');
    let hashes = &hashes_on[..hashes_on.len() - quote_on.len()];
    if !is_raw && !hashes.is_empty() {
        return None;
    }
    let inside = quote_on.strip_prefix('"')?;
    let length = if is_raw {
        inside.find(&format!("\"{hashes}"))? + 1 + hashes.len()
    } else {
        length_to(inside, '"')
    };
    Some(text.len() - inside.len() + length)
}

/// The length up to this quotation mark, past those that are escaped.
fn length_to(text: &str, end: char) -> usize {
    let mut escaped = false;
    let found = text.char_indices().find(|&(_, c)| {
        let ends = c == end && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    found.map_or(text.len(), |(at, _)| at + 1)
}

/// The length of a character or of a lifetime, and which it is.
fn quote_length(text: &str) -> (usize, Option<Code>) {
    let mut inside = text[1..].chars();
    let (first, second) = (inside.next(), inside.next());
    if first == Some('\\') || second == Some('\'') {
        return (1 + length_to(&text[1..], '\''), Some(Code::Literal));
    }
    (1 + word_length(&text[1..]), None)
}

/// Leaves out the items that are for tests only; also says how many lines those have.
fn without_tests(mut tokens: Vec<Token>) -> (Vec<Token>, usize) {
    const MARKS: &[&[&str]] = &[
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "cfg", "(", "all", "(", "test"],
        &["#", "[", "test", "]"],
    ];
    let (mut at, mut lines) = (0, 0);
    while at < tokens.len() {
        if MARKS.iter().any(|mark| begins(&tokens, at, mark)) {
            let end = end_of_item(&tokens, at);
            lines += tokens[end - 1].line + 1 - tokens[at].line;
            tokens.drain(at..end);
        } else {
            at += 1;
        }
    }
    (tokens, lines)
}

/// The end of an item: behind its first `;`, or behind the bracket that closes its body.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        let ends = matches!(token.text.as_str(), "}" | ";") && depth == 0;
        if ends || depth < 0 {
            return if ends { at + 1 } else { at };
        }
    }
    tokens.len()
}

/// Adds to each token its surroundings.
fn mark(tokens: &mut [Token], module: &[String]) {
    let file = Within {
        module: module.to_vec(),
        owner: None,
    };
    let mut around = vec![Arc::new(file)];
    let mut next = None;
    for at in 0..tokens.len() {
        let now = around.last().cloned().unwrap_or_default();
        let head = impl_at(tokens, at);
        match text(tokens, at) {
            "mod" if text(tokens, at + 2) == "{" => {
                let mut inner = Within::clone(&now);
                inner.module.push(text(tokens, at + 1).to_owned());
                next = Some(Arc::new(inner));
            }
            "impl" if head.is_some() => {
                next = Some(Arc::new(Within {
                    module: now.module.clone(),
                    owner: head.map(|head| head.owner),
                }));
            }
            "{" => around.push(next.take().unwrap_or_else(|| now.clone())),
            "}" if around.len() > 1 => drop(around.pop()),
            _ => {}
        }
        tokens[at].within = now;
    }
}

/// The head of the `impl` block that begins here, not of a type like `impl Future`.
fn impl_at(tokens: &[Token], at: usize) -> Option<Impl> {
    let before = at.checked_sub(1).map_or(";", |before| text(tokens, before));
    if text(tokens, at) != "impl" || !matches!(before, ";" | "{" | "}" | "]" | "unsafe") {
        return None;
    }
    let (mut depth, mut is_of_a_trait, mut owner) = (0, false, "");
    for token in &tokens[at + 1..] {
        match token.text.as_str() {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ if depth > 0 => {}
            "{" | "where" | ";" => break,
            "for" => is_of_a_trait = true,
            word if is_word(word) => owner = word,
            _ => {}
        }
    }
    Some(Impl {
        owner: owner.to_owned(),
        is_of_a_trait,
    })
}
