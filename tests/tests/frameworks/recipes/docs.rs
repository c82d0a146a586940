//! The code in docs/recipes.md is that of the recipes, line for line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    root().join("tests/tests/frameworks/recipes")
}

struct Section<'a> {
    title: &'a str,
    /// The file that it names first.
    file: Option<&'a str>,
    blocks: Vec<Vec<&'a str>>,
}

fn sections(page: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut block: Option<(bool, Vec<&str>)> = None;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            block = match block.take() {
                None => Some((language.starts_with("rust"), Vec::new())),
                Some((is_rust, lines)) => {
                    let section: Option<&mut Section<'_>> = sections.last_mut();
                    let section = section.expect("code is below a heading");
                    if is_rust {
                        section.blocks.push(lines);
                    }
                    None
                }
            };
        } else if let Some((_, lines)) = &mut block {
            lines.push(line);
        } else if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section {
                title,
                file: None,
                blocks: Vec::new(),
            });
        } else if let (Some(section), Some(file)) = (sections.last_mut(), named_file(line)) {
            section.file.get_or_insert(file);
        }
    }
    assert!(block.is_none(), "a block of code does not end");
    sections
}

/// The recipe that a line links to.
fn named_file(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("](../tests/tests/frameworks/recipes/")?;
    Some(rest.split_once(".rs)")?.0)
}

/// The lines without the indentation that they have in common.
fn unindented<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let indentation = |line: &&str| line.len() - line.trim_start().len();
    let filled = lines.iter().filter(|line| !line.is_empty());
    let common = filled.map(indentation).min().unwrap_or(0);
    lines
        .iter()
        .map(|line| line.get(common..).unwrap_or_default())
        .collect()
}

fn contains(file: &str, block: &[&str]) -> bool {
    let lines: Vec<_> = file.lines().collect();
    let block = unindented(block);
    lines
        .windows(block.len())
        .any(|window| unindented(window) == block)
}

#[test]
fn the_code_of_each_recipe_is_found_in_its_file() {
    let page = fs::read_to_string(root().join("docs/recipes.md")).unwrap();
    let mut shown = BTreeSet::new();
    for Section {
        title,
        file,
        blocks,
    } in sections(&page)
    {
        if blocks.is_empty() {
            continue;
        }
        let name = file.unwrap_or_else(|| panic!("\"{title}\" names no file of its code"));
        let path = folder().join(format!("{name}.rs"));
        let file = fs::read_to_string(&path).unwrap();
        let (code, _) = file.split_once("#[cfg(test)]").expect("it has tests");
        for block in blocks {
            assert!(!block.is_empty(), "\"{title}\" has an empty block");
            let block_text = block.join("\n");
            assert!(
                contains(code, &block),
                "\"{title}\": this is not in {name}.rs above the tests:\n{block_text}"
            );
        }
        shown.insert(name.to_owned());
    }
    let files = fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_owned());
    let recipes = names.map(|name| name.into_string().unwrap());
    let recipes = recipes.filter(|name| !["mod", "client", "docs"].contains(&name.as_str()));
    assert_eq!(
        shown,
        recipes.collect(),
        "the recipes on the page, and those in the folder"
    );
}

#[test]
fn code_that_differs_is_noticed() {
    let file = "impl A {\n    fn a() {\n        1\n\n    }\n}\n";
    assert!(contains(file, &["fn a() {", "    1", "", "}"]));
    assert!(!contains(file, &["fn a() {", "  1", "", "}"]));
    assert!(!contains(file, &["fn a() {", "    2", "", "}"]));
    let page = "## One\n[x](../tests/tests/frameworks/recipes/one.rs)\n```rust\nlet a;\n```\n```sh\nls\n```\n## Two\n";
    let sections = sections(page);
    assert_eq!(
        (sections[0].file, sections[0].blocks.clone()),
        (Some("one"), vec![vec!["let a;"]])
    );
    assert!(sections[1].file.is_none() && sections[1].blocks.is_empty());
}
