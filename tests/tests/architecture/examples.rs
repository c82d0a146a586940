//! Breaks each rule on purpose, with small made-up sources.

use crate::rules::{
    offences_of_aws_names, offences_of_circles, offences_of_expressions, offences_of_floors,
    offences_of_homes, offences_of_sending, offences_of_size, offences_of_the_rules,
};
use crate::sources::Sources;

/// A made-up crate with some files.
fn sources(files: &[(&str, &str)]) -> Sources {
    let files = files.iter();
    let files: Vec<_> = files
        .map(|(place, text)| ((*place).to_owned(), (*text).to_owned()))
        .collect();
    Sources::new("app", &files)
}

/// A file without any use.
const NO_CODE: &str = r##"
    //! Calls `crate::store::load` with `aws_sdk_dynamodb`.
    /* `crate::store::x.send()` /* and */ `set_expression(` */
    const TEXTS: [&str; 2] = ["crate::store \" .send()", r#"crate::store" .send()"#];
    const QUOTES: [char; 2] = ['"', '\''];
    fn lifetime<'a>(text: &'a str) -> &'a str { text }
    #[cfg(test)]
    mod tests {
        use crate::store::Store;
        fn f<A, B>() { aws_sdk_dynamodb::x().set_expression(1).send() }
    }
"##;

#[test]
fn comments_strings_and_tests_are_not_code() {
    let tests = "use crate::store::Store; fn f() { aws_sdk_dynamodb::x().send() }";
    let sources = sources(&[("item/delta.rs", NO_CODE), ("item/tests.rs", tests)]);
    assert_eq!(offences_of_floors(&sources), [""; 0]);
    assert_eq!(offences_of_sending(&sources), [""; 0]);
    assert_eq!(offences_of_expressions(&sources), [""; 0]);
}

#[test]
fn a_higher_floor_is_an_offence() {
    let delta = "use crate::id::Id;\nuse crate::{\n    error::Error,\n    store::Store,\n};\n";
    let sources = sources(&[
        ("id.rs", ""),
        ("error/mod.rs", ""),
        ("item/delta.rs", delta),
        ("store/mod.rs", "use crate::item::delta::Delta;"),
    ]);
    assert_eq!(
        offences_of_floors(&sources),
        [
            "app/src/item/delta.rs:4 uses `crate::store::Store`, which is on a higher floor; move \
             what it needs into `item` or below, or hand it in as an argument"
        ]
    );
}

#[test]
fn paths_in_code_and_super_are_uses_too() {
    let inline = "mod inner {\n  fn f() { super::super::super::store::load() }\n}\n";
    let sources = sources(&[
        ("item/delta.rs", inline),
        ("session.rs", "fn f() { crate::rosters::enter() }"),
        ("rosters/mod.rs", "pub(in crate::store) struct Rosters;"),
        ("store/mod.rs", ""),
    ]);
    assert_eq!(
        offences_of_floors(&sources),
        [
            "app/src/item/delta.rs:2 uses `crate::store::load`, which is on a higher floor; move \
             what it needs into `item` or below, or hand it in as an argument",
            "app/src/session.rs:1 uses `crate::rosters::enter`, which is on the same floor; move \
             what it needs into `session` or below, or hand it in as an argument"
        ]
    );
}

#[test]
fn names_of_the_root_are_an_offence() {
    let lib = "pub use crate::session::Session;";
    let store = "use crate::Session;";
    let sources = sources(&[("lib.rs", lib), ("session.rs", ""), ("store/mod.rs", store)]);
    assert_eq!(
        offences_of_floors(&sources),
        [
            "app/src/store/mod.rs:1 uses `crate::Session`, a name of the crate's root; use the \
             module that defines it"
        ]
    );
}

#[test]
fn an_unknown_module_is_an_offence() {
    assert_eq!(
        offences_of_floors(&sources(&[("cache/lookup.rs", "use crate::id::Id;")])),
        [
            "app/src/cache/lookup.rs:1 is in `cache`, a module on no floor; put `cache` into \
             FLOORS in tests/tests/architecture/main.rs, above all modules that it uses and below \
             all that use it"
        ]
    );
}

#[test]
fn a_circle_of_files_is_an_offence() {
    let sources = sources(&[
        ("item/a.rs", "use super::b;\nfn f() { b::g() }"),
        ("item/b.rs", "use crate::item::c::{self, C as D};"),
        ("item/c.rs", "\nuse self::super::a::f;"),
        ("item/d.rs", "use super::a::f;"),
    ]);
    assert_eq!(
        offences_of_circles(&sources),
        [
            "in src/item, a.rs -> b.rs -> c.rs -> a.rs is a circle; cut one of its arrows: move \
             what it needs into a file below both, or hand it in as an argument\n  \
             app/src/item/a.rs:2 uses `item::b::g` of app/src/item/b.rs\n  \
             app/src/item/b.rs:1 uses `item::c::C` of app/src/item/c.rs\n  \
             app/src/item/c.rs:2 uses `item::a::f` of app/src/item/a.rs"
        ]
    );
}

#[test]
fn re_exports_are_followed() {
    let face = "mod delta;\nmod image;\npub(crate) use self::image::{Image, size as length};\n";
    let delta = "use crate::item::Image;\n";
    let with_image = |image| {
        offences_of_circles(&sources(&[
            ("item/mod.rs", face),
            ("item/delta.rs", delta),
            ("item/image.rs", image),
        ]))
    };
    let offences = with_image("use super::delta::Delta;\n");
    let expected = "in src/item, delta.rs -> image.rs -> delta.rs is a circle";
    assert!(offences[0].starts_with(expected), "{offences:?}");
    assert_eq!(offences.len(), 1, "{offences:?}");
    // The re-export itself is not a use.
    assert_eq!(with_image(""), [""; 0]);
}

#[test]
fn a_folder_with_definitions_is_above_its_files() {
    let defines = "mod page;\npub use self::page::Page;\npub struct Sessions { page: Page }\n";
    let calls = "mod page;\npub fn f() { page::g() }\n";
    for (face, page) in [
        (defines, "use super::Sessions;"),
        (defines, "use super::*;"),
        (calls, "use crate::store;\nfn g() { store::f() }"),
    ] {
        let files = [("store/mod.rs", face), ("store/page.rs", page)];
        let offences = offences_of_circles(&sources(&files));
        let expected = "in src/store, mod.rs -> page.rs -> mod.rs is a circle";
        assert!(offences[0].starts_with(expected), "{offences:?}");
    }
}

#[test]
fn a_circle_of_folders_is_an_offence() {
    let run = "use crate::store::sessions::page::Page;";
    let list = "use crate::store::revoke::report::Report;";
    let sources = sources(&[
        ("store/revoke/run.rs", run),
        ("store/revoke/report.rs", ""),
        ("store/sessions/page.rs", ""),
        ("store/sessions/list.rs", list),
    ]);
    let offences = offences_of_circles(&sources);
    let expected = "in src/store, revoke -> sessions -> revoke is a circle";
    assert!(offences[0].starts_with(expected), "{offences:?}");
    assert_eq!(offences.len(), 1, "{offences:?}");
}

#[test]
fn methods_close_circles() {
    let save = "impl<S> DynamoDbStore<S> {\n  pub async fn save(&self) { self.cycle() }\n}";
    let cycle = "impl<S> DynamoDbStore<S> {\n  pub(crate) fn cycle(&self) { x.save() }\n}";
    let files = [("store/cycle_id.rs", cycle), ("store/save.rs", save)];
    assert_eq!(
        offences_of_circles(&sources(&files)),
        [
            "in src/store, cycle_id.rs -> save.rs -> cycle_id.rs is a circle; cut one of its \
             arrows: move what it needs into a file below both, or hand it in as an argument\n  \
             app/src/store/cycle_id.rs:2 calls `save` (see COMMON_METHODS) of \
             app/src/store/save.rs\n  \
             app/src/store/save.rs:2 calls `cycle` of app/src/store/cycle_id.rs"
        ]
    );
}

#[test]
fn methods_are_uses_of_floors() {
    let table = "impl Table {\n  fn f(&self) { DynamoDbStore::load_all(1) }\n}";
    let load = "impl<S> DynamoDbStore<S> { pub fn load_all() {} }";
    let files = [("dynamodb/table.rs", table), ("store/load.rs", load)];
    assert_eq!(
        offences_of_floors(&sources(&files)),
        [
            "app/src/dynamodb/table.rs:2 calls `load_all` of app/src/store/load.rs, which is on a \
             higher floor; move what it needs into `dynamodb` or below, or hand it in as an \
             argument"
        ]
    );
}

#[test]
fn names_of_values_say_the_type() {
    let calls = "fn f() { self.table(x).save(); rosters.save(); other.save() }";
    let sources = sources(&[
        ("dynamodb/write.rs", "impl Table { pub fn save() {} }"),
        ("rosters/save.rs", "impl Rosters { pub fn save() {} }"),
        ("item/delta.rs", calls),
    ]);
    let offences = offences_of_floors(&sources);
    assert!(offences[0].contains("calls `save` of app/src/dynamodb/write.rs"));
    assert!(offences[1].contains("calls `save` of app/src/rosters/save.rs"));
    assert_eq!(offences.len(), 2, "{offences:?}");
}

#[test]
fn methods_of_unclear_types_are_not_uses() {
    let load = "impl Table { pub fn load(&self) {} pub fn get(&self) {} fn own(&self) {} }";
    let image = "impl Image { pub fn get(&self) {} }";
    // A common name, a name that two files declare, and a private one.
    let delta = "fn f() { a.load(); b.get(); c.own() }";
    let sources = sources(&[
        ("dynamodb/read.rs", load),
        ("item/image.rs", image),
        ("item/delta.rs", delta),
    ]);
    assert_eq!(offences_of_floors(&sources), [""; 0]);
}

#[test]
fn sending_elsewhere_is_an_offence() {
    let sends = "async fn f() {\n  request.customize().send().await;\n  channel.send(1);\n}";
    let files = [("dynamodb/write.rs", sends), ("store/save.rs", sends)];
    assert_eq!(
        offences_of_sending(&sources(&files)),
        [
            "app/src/store/save.rs:2 calls `.customize()` outside dynamodb/ and store/provision/; \
             call a function there that sends",
            "app/src/store/save.rs:2 calls `.send()` outside dynamodb/ and store/provision/; call \
             a function there that sends"
        ]
    );
}

#[test]
fn an_expression_elsewhere_is_an_offence() {
    let writes = "fn f() { request.update_expression(text) }";
    let files = [("dynamodb/request/a.rs", writes), ("dynamodb/b.rs", writes)];
    assert_eq!(
        offences_of_expressions(&sources(&files)),
        [
            "app/src/dynamodb/b.rs:1 calls `update_expression(` outside dynamodb/request/; let a \
             function there build the request"
        ]
    );
}

#[test]
fn a_name_of_the_sdk_in_a_framework_is_an_offence() {
    let names = "use aws_sdk_dynamodb::Client;\nfn f(value: AttributeValue) {}";
    let files = [("frameworks/a.rs", names), ("item/value.rs", names)];
    assert_eq!(
        offences_of_aws_names(&sources(&files)),
        [
            "app/src/frameworks/a.rs:1 names `aws_sdk_dynamodb` in frameworks/; let a type or \
             function of `item` stand for it",
            "app/src/frameworks/a.rs:2 names `AttributeValue` in frameworks/; let a type or \
             function of `item` stand for it"
        ]
    );
}

#[test]
fn methods_away_from_their_type_are_an_offence() {
    let methods = "impl<S: Fn() -> T> crate::store::DynamoDbStore<S>\nwhere S: for<'a> X<'a> {}";
    let of_a_trait = "impl<S> Service for DynamoDbStore<S> {} fn f() -> impl Table {}";
    let sources = sources(&[
        ("frameworks/axum/layer.rs", of_a_trait),
        ("frameworks/record/save.rs", methods),
        ("store/save.rs", methods),
    ]);
    assert_eq!(
        offences_of_homes(&sources),
        [
            "app/src/frameworks/record/save.rs:1 has methods of `DynamoDbStore` outside store/ and \
             private.rs; move them there"
        ]
    );
}

#[test]
fn a_long_file_is_an_offence() {
    let tests = format!("#[cfg(test)]\nmod tests {{{}}}\n", "\n".repeat(99));
    let short = format!("{}{tests}", "\n".repeat(400));
    let long = format!("{short}\n");
    let files = [("item/a.rs", short.as_str()), ("item/b.rs", long.as_str())];
    assert_eq!(
        offences_of_size(&sources(&files)),
        [
            "app/src/item/b.rs:1 begins a file of 401 lines without tests, and 400 are allowed; \
             move its second subject into a file of its own"
        ]
    );
}

#[test]
fn many_entries_at_the_top_are_an_offence() {
    let names: Vec<_> = (0..16).map(|i| format!("m{i}/mod.rs")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let offences = offences_of_size(&sources(&files));
    let expected = "src has 16 entries at the top, and 15 are allowed; put some into a folder";
    assert!(offences[0].starts_with(expected), "{offences:?}");
}

#[test]
fn a_rule_of_nothing_is_an_offence() {
    let offences = offences_of_the_rules(&sources(&[("id.rs", "")]));
    for name in ["store", "store/provision/", "Table"] {
        let expected = format!(
            "tests/tests/architecture/main.rs:1 names `{name}` in its rules, and the crate has no \
             such thing; remove or rename it there"
        );
        assert!(offences.contains(&expected), "{offences:?}");
    }
}
