//! docs/deploys.md names the tests of what it says, and all of them exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The tests that the paragraphs "Tests in [file](path): `name`, `name`; in .." name, each with its file.
fn named(page: &str) -> BTreeSet<(String, String)> {
    let mut named = BTreeSet::new();
    for paragraph in page
        .split("\n\n")
        .filter(|text| text.starts_with("Tests in ["))
    {
        for file in paragraph.split("](../").skip(1) {
            let (path, names) = file.split_once(')').expect("a link ends");
            let names = names.split('`').skip(1).step_by(2);
            named.extend(names.map(|name| (path.to_owned(), name.to_owned())));
        }
    }
    named
}

/// The tests in a file of this folder, with those that run in several formats.
fn tests(file: &str) -> Vec<&str> {
    let mut tests = Vec::new();
    let (mut is_in_macro, mut is_in_list) = (false, false);
    let mut last = "";
    for line in file.lines() {
        match line {
            "in_both_formats! {" => is_in_macro = true,
            "in_every_format! {" => is_in_list = true,
            "}" => (is_in_macro, is_in_list) = (false, false),
            name if is_in_list => tests.push(name.trim()),
            _ => {}
        }
        let name = line.trim_start().strip_prefix("async fn ");
        let name = name.and_then(|rest| Some(rest.split_once('(')?.0));
        if let Some(name) = name.filter(|_| is_in_macro || last == "#[tokio::test]") {
            tests.push(name);
        }
        last = line.trim();
    }
    tests
}

#[test]
fn each_test_that_the_page_names_is_in_its_file() {
    let page = fs::read_to_string(root().join("docs/deploys.md")).unwrap();
    let named = named(&page);
    assert!(named.len() > 80, "{}", named.len());
    for (path, name) in named {
        let file = fs::read_to_string(root().join(&path)).unwrap();
        assert!(tests(&file).contains(&&*name), "{path} has no test {name}");
    }
}

#[test]
fn each_test_of_a_change_is_named_on_the_page() {
    let page = fs::read_to_string(root().join("docs/deploys.md")).unwrap();
    let named = named(&page);
    let folder = "tests/tests/guarantees/g19_deploys";
    for file in fs::read_dir(root().join(folder)).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Those of docs/cases.md, those of single conditions, the helpers, and this one.
        if ["cases.rs", "conditions.rs", "mod.rs", "docs.rs"].contains(&name) {
            continue;
        }
        let file = fs::read_to_string(&path).unwrap();
        for test in tests(&file) {
            let entry = (format!("{folder}/{name}"), test.to_owned());
            assert!(
                named.contains(&entry),
                "docs/deploys.md does not name {test} of {name}"
            );
        }
    }
}
