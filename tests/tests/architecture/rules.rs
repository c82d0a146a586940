//! The rules. Each reads the sources of a crate and returns its offences: where they are, and what to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::methods::Methods;
use crate::paths::Paths;
use crate::sources::{Edge, File, Sources};
use crate::{
    COMMON_METHODS, EXPRESSIONS, FLOORS, HOMES, MAX_ENTRIES, MAX_LINES, SENDERS, WITHOUT_AWS,
};

/// The number of uses that are printed for each arrow of a circle.
const MAX_USES: usize = 5;

/// A module uses only lower floors, by paths and by calls of methods.
pub(crate) fn offences_of_floors(sources: &Sources) -> Vec<String> {
    let paths = Paths::of(sources);
    let modules: BTreeSet<_> = sources.files.iter().map(File::top).collect();
    let mut offences = unknown_modules(sources);
    for (from, file) in sources.files.iter().enumerate() {
        for path in paths.of_file(from).iter().filter(|path| path.is_rooted) {
            let first = path.steps.first().map_or("lib", String::as_str);
            let module = modules.get(first).copied().unwrap_or("lib");
            let used = format!("uses `crate::{}`", path.steps.join("::"));
            offences.extend(not_below(file, path.line, &used, module));
        }
    }
    for edge in Methods::of(sources).edges() {
        let (file, to) = (&sources.files[edge.from], &sources.files[edge.to]);
        let used = format!("{} of {}", edge.what, to.path);
        offences.extend(not_below(file, edge.line, &used, to.top()));
    }
    offences
}

/// The modules that are missing in `FLOORS`.
fn unknown_modules(sources: &Sources) -> Vec<String> {
    let mut offences = BTreeMap::new();
    for file in &sources.files {
        let (path, module) = (&file.path, file.top());
        if floor(module).is_none() {
            offences.entry(module).or_insert_with(|| {
                format!(
                    "{path}:1 is in `{module}`, a module on no floor; put `{module}` into FLOORS \
                     in tests/tests/architecture/main.rs, above all modules that it uses and below \
                     all that use it"
                )
            });
        }
    }
    offences.into_values().collect()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The offence, if the file may not use this module. Unknown modules are an offence elsewhere.
fn not_below(file: &File, line: usize, used: &str, module: &str) -> Option<String> {
    let (path, own) = (&file.path, file.top());
    let (from, to) = (floor(own)?, floor(module)?);
    if module == own || to < from {
        return None;
    }
    if module == "lib" {
        let hint = "a name of the crate's root; use the module that defines it";
        return Some(format!("{path}:{line} {used}, {hint}"));
    }
    let height = if to == from { "the same" } else { "a higher" };
    Some(format!(
        "{path}:{line} {used}, which is on {height} floor; move what it needs into `{own}` or \
         below, or hand it in as an argument"
    ))
}

/// In each folder, the files and folders use each other in one direction.
pub(crate) fn offences_of_circles(sources: &Sources) -> Vec<String> {
    let mut offences = Vec::new();
    for (folder, mut graph) in graphs(sources) {
        while let Some(circle) = find_circle(&graph) {
            offences.push(describe_circle(&folder, &circle, &graph));
            remove_weakest(&mut graph, &circle);
        }
    }
    offences
}

/// The files and folders of a folder: for each, those that it uses, and the uses.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<String>>>;

/// A use of one file or folder by another in the same folder.
type Arrow<'a> = (&'a str, &'a str);

/// The graph of each folder. A use counts in the innermost folder that has both files.
fn graphs(sources: &Sources) -> BTreeMap<String, Graph<'_>> {
    let mut graphs: BTreeMap<String, Graph<'_>> = BTreeMap::new();
    let edges = Paths::of(sources).edges();
    for edge in edges.iter().chain(&Methods::of(sources).edges()) {
        let Edge { line, what, .. } = edge;
        let (from, to) = (&sources.files[edge.from], &sources.files[edge.to]);
        let (folder, (user, used)) = siblings(&from.place, &to.place);
        let graph = graphs.entry(folder).or_default();
        let uses = graph.entry(user).or_default().entry(used).or_default();
        uses.insert(format!("  {}:{line} {what} of {}", from.path, to.path));
    }
    graphs
}

/// The innermost folder that has both files, and the two entries of it in which they are.
fn siblings<'a>(from: &'a str, to: &'a str) -> (String, Arrow<'a>) {
    let mut folder = Vec::new();
    for (user, used) in from.split('/').zip(to.split('/')) {
        if user != used {
            return (folder.join("/"), (user, used));
        }
        folder.push(user);
    }
    (folder.join("/"), (from, to))
}

/// Searches a graph depth-first for a circle, and gives its arrows.
fn find_circle<'a>(graph: &Graph<'a>) -> Option<Vec<Arrow<'a>>> {
    let mut visited = BTreeSet::new();
    let mut starts = graph.keys();
    starts.find_map(|start| circle_from(graph, start, &mut Vec::new(), &mut visited))
}

fn circle_from<'a>(
    graph: &Graph<'a>,
    node: &'a str,
    trail: &mut Vec<&'a str>,
    visited: &mut BTreeSet<&'a str>,
) -> Option<Vec<Arrow<'a>>> {
    if let Some(start) = trail.iter().position(|passed| *passed == node) {
        let next = trail[start + 1..].iter().chain([&node]);
        return Some(trail[start..].iter().copied().zip(next.copied()).collect());
    }
    if !visited.insert(node) {
        return None;
    }
    trail.push(node);
    let mut used = graph.get(node).into_iter().flat_map(BTreeMap::keys);
    let circle = used.find_map(|next| circle_from(graph, next, trail, visited));
    trail.pop();
    circle
}

/// Forgets the arrow of a circle with the fewest uses, so that other circles can be found.
fn remove_weakest<'a>(graph: &mut Graph<'a>, circle: &[Arrow<'a>]) {
    let mut arrows = circle.to_vec();
    arrows.sort_by_key(|(user, used)| graph[user][used].len());
    let (user, used) = arrows[0];
    if let Some(all_used) = graph.get_mut(user) {
        all_used.remove(used);
    }
}

fn describe_circle(folder: &str, circle: &[Arrow<'_>], graph: &Graph<'_>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (user, used) in circle {
        let uses = &graph[user][used];
        lines.extend(uses.iter().take(MAX_USES).cloned());
        if uses.len() > MAX_USES {
            let more = uses.len() - MAX_USES;
            lines.push(format!("  and {more} more from {user} to {used}"));
        }
    }
    let users: Vec<_> = circle.iter().map(|(user, _)| *user).collect();
    format!(
        "in src/{folder}, {} -> {} is a circle; cut one of its arrows: move what it needs into a \
         file below both, or hand it in as an argument\n{}",
        users.join(" -> "),
        users[0],
        lines.join("\n")
    )
}

/// Requests are sent in few places.
pub(crate) fn offences_of_sending(sources: &Sources) -> Vec<String> {
    search(sources, |file, at| {
        let is_send = file.begins(at, &[".", "send", "(", ")"]);
        let is_sent = is_send || file.begins(at, &[".", "customize", "("]);
        (is_sent && !is_in(file, SENDERS)).then(|| {
            let (name, places) = (file.text(at + 1), SENDERS.join(" and "));
            format!("calls `.{name}()` outside {places}; call a function there that sends")
        })
    })
}

/// Expressions are written in one place.
pub(crate) fn offences_of_expressions(sources: &Sources) -> Vec<String> {
    search(sources, |file, at| {
        let word = file.text(at);
        let is_written = word.ends_with("_expression") && file.text(at + 1) == "(";
        (is_written && !is_in(file, EXPRESSIONS)).then(|| {
            let places = EXPRESSIONS.join(" and ");
            format!("calls `{word}(` outside {places}; let a function there build the request")
        })
    })
}

/// The frameworks do not name types of the SDK.
pub(crate) fn offences_of_aws_names(sources: &Sources) -> Vec<String> {
    search(sources, |file, at| {
        let word = file.text(at);
        let is_of_aws = word.starts_with("aws_") || word == "AttributeValue";
        (is_of_aws && is_in(file, WITHOUT_AWS)).then(|| {
            let places = WITHOUT_AWS.join(" and ");
            format!("names `{word}` in {places}; let a type or function of `item` stand for it")
        })
    })
}

/// The methods of a type are in the layer of the type. Those of traits may be elsewhere.
pub(crate) fn offences_of_homes(sources: &Sources) -> Vec<String> {
    search(sources, |file, at| {
        let head = file.impl_at(at).filter(|head| !head.is_of_a_trait)?;
        let home = HOMES.iter().find(|home| home.owner == head.owner)?;
        (!is_in(file, home.places)).then(|| {
            let (owner, places) = (home.owner, home.places.join(" and "));
            format!("has methods of `{owner}` outside {places}; move them there")
        })
    })
}

/// Looks for an offence at each token of the code.
fn search(sources: &Sources, offence: impl Fn(&File, usize) -> Option<String>) -> Vec<String> {
    let mut offences = Vec::new();
    for file in &sources.files {
        for (at, token) in file.code.iter().enumerate() {
            let found = offence(file, at);
            offences.extend(found.map(|found| format!("{}:{} {found}", file.path, token.line)));
        }
    }
    offences
}

fn is_in(file: &File, places: &[&str]) -> bool {
    places.iter().any(|place| file.place.starts_with(place))
}

/// Files are short, and the top folder has few entries.
pub(crate) fn offences_of_size(sources: &Sources) -> Vec<String> {
    let mut offences = Vec::new();
    let mut entries = BTreeSet::new();
    for file in &sources.files {
        let (path, lines) = (&file.path, file.lines);
        entries.extend(file.place.split('/').next());
        if lines > MAX_LINES {
            offences.push(format!(
                "{path}:1 begins a file of {lines} lines without tests, and {MAX_LINES} are \
                 allowed; move its second subject into a file of its own"
            ));
        }
    }
    if entries.len() > MAX_ENTRIES {
        offences.push(format!(
            "src has {} entries at the top, and {MAX_ENTRIES} are allowed; put some into a folder: \
             {entries:?}",
            entries.len()
        ));
    }
    offences
}

/// The rules name only existing files and modules. A rule with an old name would allow everything.
pub(crate) fn offences_of_the_rules(sources: &Sources) -> Vec<String> {
    let mut offences = Vec::new();
    let mut check = |name: &str, is_it: &dyn Fn(&File) -> bool| {
        if !sources.files.iter().any(is_it) {
            offences.push(format!(
                "tests/tests/architecture/main.rs:1 names `{name}` in its rules, and the crate has \
                 no such thing; remove or rename it there"
            ));
        }
    };
    for module in FLOORS.iter().copied().flatten() {
        check(module, &|file| file.top() == *module);
    }
    for place in [SENDERS, EXPRESSIONS, WITHOUT_AWS].into_iter().flatten() {
        check(place, &|file| is_in(file, &[place]));
    }
    for home in HOMES {
        check(home.owner, &|file| has_methods(file, home.owner));
        for place in home.places {
            check(place, &|file| is_in(file, &[place]));
        }
    }
    for (method, _) in COMMON_METHODS {
        check(method, &|file| declares(file, method));
    }
    offences
}

fn has_methods(file: &File, owner: &str) -> bool {
    let mut heads = (0..file.code.len()).filter_map(|at| file.impl_at(at));
    heads.any(|head| !head.is_of_a_trait && head.owner == owner)
}

fn declares(file: &File, function: &str) -> bool {
    (0..file.code.len()).any(|at| file.begins(at, &["fn", function]))
}
