//! Finds which file uses which by imports and other paths.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Edge, File, Sources, is_word};

/// The largest number of re-exports in a chain.
const MAX_STEPS: usize = 16;

/// The paths in the files of a crate.
pub(crate) struct Paths<'a> {
    files: &'a [File],
    /// The file of each module.
    modules: BTreeMap<&'a [String], usize>,
    /// For each file, its paths that lead into the crate itself.
    by_file: Vec<Vec<Path>>,
}

/// A path in the code, like `crate::item::Image`.
pub(crate) struct Path {
    /// From the root: `item`, `Image`.
    pub(crate) steps: Vec<String>,
    pub(crate) line: usize,
    /// Whether it is written with `crate`, `self` or `super`.
    pub(crate) is_rooted: bool,
    import: Option<Import>,
}

/// An import, as its own file and others see it.
struct Import {
    /// The name that it brings; `*` for all of a module.
    name: String,
    is_public: bool,
}

impl Path {
    fn is_import_of(&self, name: &str) -> bool {
        let import = self.import.as_ref();
        import.is_some_and(|import| import.name == name)
    }
}

impl<'a> Paths<'a> {
    pub(crate) fn of(sources: &'a Sources) -> Self {
        let files = sources.files.as_slice();
        let modules = files.iter().map(|file| file.module.as_slice());
        let mut paths = Self {
            files,
            modules: modules.zip(0..).collect(),
            by_file: Vec::new(),
        };
        paths.by_file = files.iter().map(|file| paths.paths_of(file)).collect();
        paths
    }

    /// The paths of a file that lead into the crate.
    pub(crate) fn of_file(&self, file: usize) -> &[Path] {
        &self.by_file[file]
    }

    /// Whether this is a module that has a file.
    fn is_module(&self, steps: &[String]) -> bool {
        self.modules.contains_key(steps)
    }

    /// The uses of files by others.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (from, paths) in self.by_file.iter().enumerate() {
            for path in paths {
                let mut used = self.used_by(path);
                used.retain(|&to| to != from && !self.is_re_export(from, to, path));
                edges.extend(used.into_iter().map(|to| Edge {
                    from,
                    to,
                    line: path.line,
                    what: format!("uses `{}`", path.steps.join("::")),
                }));
            }
        }
        edges
    }

    /// The files that a path uses. A path to a module uses only the items that it names in the module.
    fn used_by(&self, path: &Path) -> Vec<usize> {
        let Some(&module) = self.modules.get(path.steps.as_slice()) else {
            return self.definer(&path.steps, 0).into_iter().collect();
        };
        if !path.is_import_of("*") {
            return Vec::new();
        }
        let mut used = vec![module];
        for other in &self.by_file[module] {
            if other.import.is_some() {
                used.extend(self.definer(&other.steps, 0));
            }
        }
        used
    }

    /// Whether a module only re-exports this from a module inside it.
    fn is_re_export(&self, from: usize, to: usize, path: &Path) -> bool {
        let (from, to) = (&self.files[from], &self.files[to]);
        let import = path.import.as_ref().filter(|import| import.is_public);
        import.is_some_and(|import| {
            to.module.starts_with(&from.module) && !uses_word(from, &import.name)
        })
    }

    /// The file that defines the end of a path, followed through re-exports.
    fn definer(&self, steps: &[String], depth: usize) -> Option<usize> {
        let mut lengths = (0..=steps.len()).rev();
        let length = lengths.find(|&length| self.is_module(&steps[..length]))?;
        let file = self.modules.get(&steps[..length]).copied()?;
        let name = steps.get(length).filter(|_| depth < MAX_STEPS);
        match name.and_then(|name| imported(self.by_file.get(file)?, name)) {
            Some(path) => {
                let steps = [&path.steps, &steps[length + 1..]].concat();
                self.definer(&steps, depth + 1)
            }
            None => Some(file),
        }
    }

    /// Finds the paths of a file: first the imports, because other paths can begin with those.
    fn paths_of(&self, file: &File) -> Vec<Path> {
        let (mut paths, mut in_imports) = (Vec::new(), BTreeSet::new());
        for at in (0..file.code.len()).filter(|&at| is_import(file, at)) {
            let is_public = at > 0 && matches!(file.text(at - 1), "pub" | ")");
            let mut end = at + 1;
            for mut path in import_paths(file, &mut end, &[]) {
                if let Some(import) = &mut path.import {
                    import.is_public = is_public;
                }
                paths.extend(self.absolute(path, &file.code[at].within.module));
            }
            in_imports.extend(at..end);
        }
        let others: Vec<_> = (0..file.code.len())
            .filter(|at| !in_imports.contains(at))
            .filter_map(|at| self.path_at(file, at, &paths))
            .collect();
        paths.extend(others);
        paths
    }

    /// The path that begins at this token, if it leads into the crate.
    fn path_at(&self, file: &File, at: usize, imports: &[Path]) -> Option<Path> {
        let is_after = |words: &[&str]| at >= words.len() && file.begins(at - words.len(), words);
        let is_inside = is_after(&["::"]) || is_after(&["pub", "(", "in"]);
        if is_inside || !is_word(file.text(at)) || file.text(at + 1) != "::" {
            return None;
        }
        let mut steps = vec![file.text(at).to_owned()];
        let mut end = at + 1;
        while file.text(end) == "::" && is_word(file.text(end + 1)) {
            steps.push(file.text(end + 1).to_owned());
            end += 2;
        }
        let token = &file.code[at];
        let mut path = Path {
            steps,
            line: token.line,
            is_rooted: false,
            import: None,
        };
        match imported(imports, &path.steps[0]) {
            // A name of an imported type or function is a use already.
            Some(import) if !self.is_module(&import.steps) => None,
            Some(import) => {
                path.steps.splice(..1, import.steps.iter().cloned());
                Some(path)
            }
            None => self.absolute(path, &token.within.module),
        }
    }

    /// Completes a path that stands in this module, if it leads into the crate.
    fn absolute(&self, path: Path, module: &[String]) -> Option<Path> {
        let mut around = module.to_vec();
        let mut steps = path.steps.iter().peekable();
        let first = steps.peek()?.as_str();
        let is_rooted = is_root(first);
        if first == "crate" {
            around.clear();
        }
        while let Some(step) = steps.next_if(|step| is_root(step)) {
            if step == "super" {
                around.pop();
            }
        }
        around.extend(steps.next().cloned());
        if !is_rooted && !self.is_module(&around) {
            return None;
        }
        around.extend(steps.cloned());
        Some(Path {
            steps: around,
            is_rooted,
            ..path
        })
    }
}

fn is_root(step: &str) -> bool {
    matches!(step, "crate" | "self" | "super")
}

/// The path that is imported under this name.
fn imported<'p>(paths: &'p [Path], name: &str) -> Option<&'p Path> {
    paths.iter().find(|path| path.is_import_of(name))
}

/// Whether an import begins here.
fn is_import(file: &File, at: usize) -> bool {
    file.text(at) == "use" && file.text(at + 1) != "<"
}

/// The paths of an import, as they are written: `a::{b, c as d}` has two. Moves `at` behind them.
fn import_paths(file: &File, at: &mut usize, around: &[String]) -> Vec<Path> {
    let mut steps = around.to_vec();
    loop {
        let line = file.code.get(*at).map_or(0, |token| token.line);
        let word = file.text(*at);
        *at += 1;
        match word {
            "" | ";" => return Vec::new(),
            "{" => return import_list(file, at, &steps),
            "::" | "self" if !steps.is_empty() => {}
            _ => steps.push(word.to_owned()),
        }
        if word == "::" || file.text(*at) == "::" {
            continue;
        }
        let mut name = steps.last().cloned().unwrap_or_default();
        if word == "*" {
            steps.pop();
        }
        if file.text(*at) == "as" {
            name = file.text(*at + 1).to_owned();
            *at += 2;
        }
        let import = Import {
            name,
            is_public: false,
        };
        return vec![Path {
            steps,
            line,
            is_rooted: true,
            import: Some(import),
        }];
    }
}

/// The paths between braces.
fn import_list(file: &File, at: &mut usize, around: &[String]) -> Vec<Path> {
    let mut paths = Vec::new();
    while !matches!(file.text(*at), "}" | "") {
        paths.extend(import_paths(file, at, around));
        *at += usize::from(file.text(*at) == ",");
    }
    *at += 1;
    paths
}

/// Whether the code outside imports has this word, other than as a method or a module.
fn uses_word(file: &File, word: &str) -> bool {
    let mut at = 0;
    while at < file.code.len() {
        if is_import(file, at) {
            at += 1;
            import_paths(file, &mut at, &[]);
        } else if file.text(at) == word && is_word(word) && !is_method_or_module(file, at) {
            return true;
        } else {
            at += 1;
        }
    }
    false
}

fn is_method_or_module(file: &File, at: usize) -> bool {
    at > 0 && matches!(file.text(at - 1), "." | "mod")
}
