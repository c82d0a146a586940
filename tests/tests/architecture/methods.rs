//! Finds which file uses which by method calls.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Edge, File, Sources, is_word};
use crate::{COMMON_METHODS, HOMES};

/// The methods that the types of a crate have.
pub(crate) struct Methods<'a> {
    files: &'a [File],
    by_name: BTreeMap<&'a str, Vec<Method<'a>>>,
    /// The types whose methods are in several files, or can be.
    spread: BTreeSet<&'a str>,
}

/// A function in an `impl` block. That of a trait is not public.
struct Method<'a> {
    owner: &'a str,
    file: usize,
    is_public: bool,
}

impl<'a> Methods<'a> {
    pub(crate) fn of(sources: &'a Sources) -> Self {
        let by_name = by_name(&sources.files);
        let mut files: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for method in by_name.values().flatten().filter(|method| method.is_public) {
            files.entry(method.owner).or_default().insert(method.file);
        }
        files.retain(|owner, files| {
            files.len() > 1 || HOMES.iter().any(|home| home.owner == *owner)
        });
        Self {
            files: &sources.files,
            by_name,
            spread: files.into_keys().collect(),
        }
    }

    /// The uses of files by others.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (from, file) in self.files.iter().enumerate() {
            for at in 2..file.code.len() {
                let name = file.text(at);
                let (to, hint) = match receiver(file, at) {
                    Some(Receiver::Type(owner)) => (self.declarer(owner, name), ""),
                    Some(Receiver::Unknown) => {
                        (self.only_declarer(name, from), " (see COMMON_METHODS)")
                    }
                    None => continue,
                };
                edges.extend(to.filter(|&to| to != from).map(|to| Edge {
                    from,
                    to,
                    line: file.code[at].line,
                    what: format!("calls `{name}`{hint}"),
                }));
            }
        }
        edges
    }

    /// The file that declares this method of this type, if there is exactly one.
    fn declarer(&self, owner: &str, name: &str) -> Option<usize> {
        let methods = self.by_name.get(name)?.iter();
        only_file(methods.filter(|method| method.owner == owner))
    }

    /// The file that declares a method of this name for a type in several files, if no other file
    /// declares one.
    fn only_declarer(&self, name: &str, from: usize) -> Option<usize> {
        let methods = self.by_name.get(name)?;
        let is_common = COMMON_METHODS.iter().any(|(common, _)| *common == name);
        if is_common || methods.iter().any(|method| method.file == from) {
            return None;
        }
        let mut public = methods.iter().filter(|method| method.is_public);
        let file = only_file(public.clone())?;
        let is_spread = public.any(|method| self.spread.contains(method.owner));
        is_spread.then_some(file)
    }
}

/// The file with all these methods, if there is exactly one.
fn only_file<'m>(methods: impl Iterator<Item = &'m Method<'m>>) -> Option<usize> {
    let files: BTreeSet<_> = methods.map(|method| method.file).collect();
    files.first().copied().filter(|_| files.len() == 1)
}

fn by_name(files: &[File]) -> BTreeMap<&str, Vec<Method<'_>>> {
    let mut methods: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (file, source) in files.iter().enumerate() {
        for at in (0..source.code.len()).filter(|&at| source.text(at) == "fn") {
            if let Some(owner) = source.code[at].within.owner.as_deref() {
                methods
                    .entry(source.text(at + 1))
                    .or_default()
                    .push(Method {
                        owner,
                        file,
                        is_public: is_public(source, at),
                    });
            }
        }
    }
    methods
}

/// Whether other modules can see the function whose `fn` is here.
fn is_public(file: &File, at: usize) -> bool {
    let is_visibility = |before: &usize| {
        let word = file.text(*before);
        !matches!(word, "async" | "const" | "unsafe")
    };
    let before = (0..at).rev().find(is_visibility);
    before.is_some_and(|before| matches!(file.text(before), "pub" | ")"))
}

/// The value or type that a method is called on.
enum Receiver<'a> {
    Type(&'a str),
    Unknown,
}

/// The receiver of a method call, if the name of a called method is here.
fn receiver(file: &File, at: usize) -> Option<Receiver<'_>> {
    let is_called = matches!(file.text(at + 1), "(" | "::");
    let own = file.code[at].within.owner.as_deref().map(Receiver::Type);
    match (file.text(at - 2), file.text(at - 1)) {
        ("Self", "::") => own,
        (owner, "::") if is_word(owner) => Some(Receiver::Type(owner)),
        ("self", ".") if is_called && own.is_some() => own,
        (_, ".") if is_called => {
            let value = last_word(file, at - 2);
            let mut homes = HOMES.iter();
            let home = homes.find(|home| home.value == value || home.owner == value);
            Some(home.map_or(Receiver::Unknown, |home| Receiver::Type(home.owner)))
        }
        (">", "::") if is_called => Some(Receiver::Unknown),
        _ => None,
    }
}

/// The last name of the value that ends here, as `table` of `self.table` and `self.table(x)`.
fn last_word(file: &File, end: usize) -> &str {
    let (mut at, mut depth) = (end, 0);
    loop {
        match file.text(at) {
            ")" => depth += 1,
            "(" => depth -= 1,
            word if depth == 0 => return word,
            _ => {}
        }
        let Some(before) = at.checked_sub(1) else {
            return "";
        };
        at = before;
    }
}
