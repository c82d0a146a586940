//! docs/operations.md has the events, reasons, metrics and outcomes of the code, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

type Names = BTreeSet<String>;

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap()
}

fn source(path: &str) -> String {
    let file = file(&format!("session-store/src/{path}"));
    let (code, _) = file
        .split_once("#[cfg(test)]\nmod tests")
        .unwrap_or((&file, ""));
    code.to_owned()
}

/// The text literals from this text on, to the end of its function, without the names of private features.
fn literals(code: &str, begin: &str) -> Names {
    let (_, rest) = code.split_once(begin).expect(begin);
    let end = rest.find("\n}").into_iter().chain(rest.find("\n    }\n"));
    let rest = &rest[..end.min().unwrap()];
    let literals = rest.split('"').skip(1).step_by(2);
    literals
        .filter(|it| !it.is_empty() && !it.starts_with('_'))
        .map(str::to_owned)
        .collect()
}

/// Each literal that follows this text.
fn after(code: &str, begin: &str) -> Names {
    let found = code.split(begin).skip(1);
    let found = found.map(|rest| rest.split('"').next().unwrap().to_owned());
    found.collect()
}

/// The first two cells of each row of the table with this header.
fn rows(page: &str, header: &str) -> Vec<(String, String)> {
    let (_, table) = page.split_once(header).expect(header);
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows = rows.map(|row| {
        let mut cells = row.split('|').skip(1);
        let mut cell = || cells.next().unwrap().trim().trim_matches('`').to_owned();
        (cell(), cell())
    });
    rows.collect()
}

fn first(page: &str, header: &str) -> Names {
    rows(page, header)
        .into_iter()
        .map(|(first, _)| first)
        .collect()
}

fn page() -> String {
    file("docs/operations.md")
}

#[test]
fn the_page_has_each_event_with_its_reasons() {
    let event = source("telemetry/event.rs");
    let mut events = BTreeSet::new();
    for name in literals(&event, "const fn name(self)") {
        let reasons = match &*name {
            "ended" => literals(&event, "const fn reason(self)"),
            "refused" => after(&source("telemetry/operation.rs"), "Event::Refused(\""),
            "bad_cookie" => literals(&source("frameworks/http/cookie/keys.rs"), "fn reason(self)"),
            "bad_token" => {
                let code = source("frameworks/http/cookie/bearer.rs");
                &after(&code, "ok_or(\"") | &after(&code, "Err(\"")
            }
            _ => Names::from([String::new()]),
        };
        assert!(!reasons.is_empty(), "{name}");
        events.extend(reasons.into_iter().map(|reason| (name.clone(), reason)));
    }
    let page = rows(&page(), "| event | reason |");
    assert_eq!(BTreeSet::from_iter(page), events);
}

#[test]
fn the_page_has_each_metric_and_each_expression_is_of_one() {
    let code = source("telemetry/metrics.rs");
    let metrics = after(&code, ": &str = \"");
    assert_eq!(metrics.len(), 9);
    let page = page();
    assert_eq!(first(&page, "| metric | kind |"), metrics);
    for used in page.split("session_store_").skip(1) {
        let end = used.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        let used = format!("session_store_{}", &used[..end.unwrap()]);
        let parts = ["_bucket", "_count", "_sum"];
        let is_part = |part| {
            used.strip_suffix(part)
                .is_some_and(|of| metrics.contains(of))
        };
        let is_known = used == "session_store_audit"
            || metrics.contains(&used)
            || parts.iter().any(|&part| is_part(part));
        assert!(is_known, "{used}");
    }
}

#[test]
fn the_page_has_each_outcome_of_an_operation_and_each_result_of_an_attempt() {
    let page = page();
    let outcomes = &literals(&source("telemetry/operation.rs"), "fn outcome<T>")
        | &literals(&source("error/service.rs"), "fn kind(&self)");
    let outcomes = &outcomes | &after(&source("telemetry/metrics.rs"), "outcome: \"");
    assert_eq!(first(&page, "| outcome | meaning |"), outcomes);
    let results = literals(&source("dynamodb/answer.rs"), "\nfn result(");
    assert_eq!(first(&page, "| result | meaning |"), results);
}

#[test]
fn the_page_has_each_operation() {
    let mut operations = Names::new();
    for path in ["store", "frameworks"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../session-store/src");
        let mut folders = vec![root.join(path)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let code = fs::read_to_string(path).unwrap();
                    operations.extend(after(&code, "observe(\""));
                }
            }
        }
    }
    assert_eq!(first(&page(), "| operation | of |"), operations);
}
