//! Random operations on this engine and on dynoxide: both must answer alike, and keep the same items.
//!
//! The keys are few, so that operations meet each other's items. Expressions are of the whole grammar, and a part of
//! them is wrong. `ENGINE_SEEDS` sets how many histories are run, and `ENGINE_SEED` runs one of them and prints it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dynoxide::{Database, DynoxideError};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::engine::Engine;

/// The answers to a request, with the code of a refusal.
#[derive(Debug, PartialEq)]
struct Answer {
    code: String,
    body: Value,
}

struct Both {
    ours: Engine,
    theirs: Database,
    now: u64,
}

impl Both {
    fn new() -> Self {
        let both = Self {
            ours: Engine::new(),
            theirs: Database::memory().unwrap(),
            now: 1_800_000_000_000,
        };
        let mut both = both;
        for table in tables() {
            let [ours, theirs] = both.send("CreateTable", &table);
            assert_eq!(
                (ours.code.as_str(), theirs.code.as_str()),
                ("", ""),
                "{theirs:?}"
            );
        }
        both
    }

    fn send(&mut self, operation: &str, request: &Value) -> [Answer; 2] {
        let body = request.to_string();
        let ours = match self.ours.execute(operation, body.as_bytes(), self.now) {
            Ok(body) => answer(operation, true, &body),
            Err(error) => answer(operation, false, &error.body()),
        };
        let theirs = match theirs(&self.theirs, operation, body.as_bytes()) {
            Ok(body) => answer(operation, true, &body),
            Err(error) => answer(operation, false, &error.to_json()),
        };
        [ours, theirs]
    }
}

fn theirs(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => {
                    let request = serde_json::from_slice(body)
                        .map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
                    Ok(serde_json::to_string(&database.$method(request)?).unwrap())
                })*
                _ => panic!("{operation}"),
            }
        };
    }
    operations! {
        "GetItem" => get_item,
        "PutItem" => put_item,
        "UpdateItem" => update_item,
        "DeleteItem" => delete_item,
        "Query" => query,
        "Scan" => scan,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "CreateTable" => create_table,
        "DescribeTable" => describe_table,
        "UpdateTable" => update_table,
        "DeleteTable" => delete_table,
        "ListTables" => list_tables,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
    }
}

fn answer(operation: &str, is_success: bool, body: &str) -> Answer {
    let mut body: Value = serde_json::from_str(body).unwrap();
    normalise(&mut body);
    if is_success {
        // The order is not defined.
        for path in match operation {
            "Scan" => vec!["/Items".to_owned()],
            "BatchGetItem" => ["one", "two"]
                .map(|table| format!("/Responses/{table}"))
                .to_vec(),
            _ => vec![],
        } {
            if let Some(items) = body.pointer_mut(&path).and_then(Value::as_array_mut) {
                items.sort_by_key(Value::to_string);
            }
        }
        if let Some(bills) = body
            .pointer_mut("/ConsumedCapacity")
            .and_then(Value::as_array_mut)
        {
            bills.sort_by_key(|bill| bill["TableName"].to_string());
        }
        return Answer {
            code: String::new(),
            body,
        };
    }
    let kind = body["__type"].as_str().unwrap();
    let code = kind.rsplit('#').next().unwrap().to_owned();
    let mut rest = json!({ "Item": body["Item"], "said": body["message"] });
    if body["message"].is_null() {
        rest["said"] = body["Message"].clone();
    }
    if let Some(reasons) = body["CancellationReasons"].as_array() {
        let reasons = reasons.iter();
        rest["reasons"] = reasons
            .map(|reason| json!([reason["Code"], reason["Item"]]))
            .collect();
        rest["messages"] = body["CancellationReasons"].clone();
    }
    Answer { code, body: rest }
}

/// Sorts sets, and drops what is none but there.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries.iter_mut() {
                normalise(value);
                if ["SS", "NS", "BS"].contains(&name.as_str())
                    && let Some(members) = value.as_array_mut()
                {
                    members.sort_by_key(Value::to_string);
                }
            }
            entries.retain(|name, value| {
                let is_empty = value.as_object().is_some_and(Map::is_empty);
                !(value.is_null() || (name.starts_with("Unprocessed") && is_empty))
            });
        }
        Value::Array(values) => values.iter_mut().for_each(normalise),
        _ => {}
    }
}

fn tables() -> [Value; 2] {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let definition =
        |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let one = json!({
        "TableName": "one",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [definition("pk", "S"), definition("n", "N"), definition("s", "S"), definition("b", "B")],
        "KeySchema": [key("pk", "HASH")],
        "GlobalSecondaryIndexes": [
            { "IndexName": "by-n", "KeySchema": [key("n", "HASH")], "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "by-s", "KeySchema": [key("s", "HASH"), key("n", "RANGE")], "Projection": { "ProjectionType": "ALL" } },
            { "IndexName": "by-b", "KeySchema": [key("b", "HASH"), key("s", "RANGE")],
              "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["m"] } },
        ],
    });
    let two = json!({
        "TableName": "two",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [definition("pk", "N"), definition("sk", "S")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    [one, two]
}

const ATTRIBUTES: [&str; 9] = ["n", "s", "b", "m", "l", "ss", "ns", "x", "y"];

/// A generator of requests. Expressions put their placeholders into `names` and `values`.
struct Gen {
    rng: Rng,
    /// Whether this request may have values and operands that are refused.
    is_wild: bool,
    repeated: Option<Value>,
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Gen {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(0..all.len())]
    }

    fn number(&mut self) -> String {
        const ODD: [&str; 14] = [
            "0",
            "-0.0",
            "1e2",
            "-17.50",
            "0.1",
            "1.5e1",
            "12345678901234567890",
            "1e30",
            "1e125",
            "-1e-130",
            "1e126",
            "abc",
            "123456789012345678901234567890123456789",
            "99999999999999999999999999999999999999",
        ];
        match self.one_in(4) {
            true if self.is_wild => self.pick(&ODD).to_owned(),
            true => self.pick(&ODD[..8]).to_owned(),
            false => self.rng.i32(-2..6).to_string(),
        }
    }

    fn text(&mut self) -> &'static str {
        self.pick(&["", "a", "ab", "abc", "b", "é", "zz"])
    }

    fn value_of(&mut self, kind: &str, depth: u32) -> Value {
        match kind {
            "S" => json!({ "S": self.text() }),
            "N" => json!({ "N": self.number() }),
            "B" => json!({ "B": self.pick(&["", "AQ==", "AQI=", "Ag=="]) }),
            "BOOL" => json!({ "BOOL": self.rng.bool() }),
            "NULL" => json!({ "NULL": true }),
            "SS" => {
                let all = &[&["a"][..], &["a", "b"], &["b", "c", "ab"], &["a", "a"], &[]];
                let members = self.pick(if self.is_wild { &all[..] } else { &all[..3] });
                json!({ "SS": members })
            }
            "NS" => {
                let all = &[&["1"][..], &["1", "2"], &["2", "3", "10"], &["1", "1.0"]];
                let members = self.pick(if self.is_wild { &all[..] } else { &all[..3] });
                json!({ "NS": members })
            }
            "BS" => json!({ "BS": self.pick(&[&["AQ=="][..], &["AQ==", "Ag=="]]) }),
            "L" => {
                let count = self.rng.usize(0..4);
                let values: Vec<_> = (0..count).map(|_| self.value(depth + 1)).collect();
                json!({ "L": values })
            }
            _ => {
                let mut entries = Map::new();
                for name in ["x", "y", "l", "m"] {
                    if self.rng.bool() {
                        let value = match name {
                            "l" => self.value_of("L", depth + 1),
                            "m" if depth < 3 => self.value_of("M", depth + 1),
                            _ => self.value(depth + 1),
                        };
                        entries.insert(name.to_owned(), value);
                    }
                }
                json!({ "M": entries })
            }
        }
    }

    fn value(&mut self, depth: u32) -> Value {
        let kinds: &[&str] = match depth < 3 {
            true => &[
                "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "S", "N",
            ],
            false => &["S", "N", "B", "BOOL", "NULL", "SS"],
        };
        let kind = self.pick(kinds);
        self.value_of(kind, depth)
    }

    fn attribute_value(&mut self, name: &str) -> Value {
        let kind = match name {
            "n" => "N",
            "s" => "S",
            "b" => "B",
            "m" => "M",
            "l" => "L",
            "ss" => "SS",
            "ns" => "NS",
            _ => return self.value(0),
        };
        match name {
            _ if self.is_wild && self.one_in(10) => self.value(0),
            // A key of an index is not empty.
            "s" if !self.is_wild => json!({ "S": self.pick(&["a", "ab", "b"]) }),
            "b" if !self.is_wild => json!({ "B": self.pick(&["AQ==", "AQI="]) }),
            _ => self.value_of(kind, 0),
        }
    }

    fn table(&mut self) -> &'static str {
        match self.is_wild && self.one_in(40) {
            true => "none",
            false => self.pick(&["one", "one", "two"]),
        }
    }

    fn key(&mut self, table: &str) -> Map<String, Value> {
        let mut key = Map::new();
        let text = json!({ "S": self.pick(&["k", "l", "m"]) });
        match table {
            "two" => {
                key.insert(
                    "pk".to_owned(),
                    json!({ "N": self.pick(&["1", "2.0", "2"]) }),
                );
                key.insert("sk".to_owned(), text);
            }
            _ => {
                key.insert("pk".to_owned(), text);
            }
        }
        if self.is_wild && self.one_in(20) {
            match self.rng.u32(0..4) {
                0 => key.insert("pk".to_owned(), json!({ "BOOL": true })),
                1 => key.insert("x".to_owned(), json!({ "S": "a" })),
                2 => key.insert("pk".to_owned(), json!({ "S": "" })),
                _ => key.remove("pk"),
            };
        }
        key
    }

    fn item(&mut self, table: &str) -> Map<String, Value> {
        let mut item = self.key(table);
        for name in ATTRIBUTES {
            if self.rng.bool() {
                let value = self.attribute_value(name);
                item.insert(name.to_owned(), value);
            }
        }
        if self.one_in(10) {
            let pad = "p".repeat(self.pick(&[500, 1000, 2000, 5000]));
            item.insert("pad".to_owned(), json!({ "S": pad }));
        }
        item
    }

    fn named(&mut self, name: &str) -> String {
        if self.is_wild && self.one_in(80) {
            return "#missing".to_owned();
        }
        // Some of these are reserved words, so that names always have a placeholder.
        let key = format!("#{name}");
        self.names.insert(key.clone(), name.into());
        key
    }

    fn path(&mut self) -> String {
        let name = match self.is_wild && self.one_in(50) {
            true => "pk",
            false => self.pick(&ATTRIBUTES),
        };
        let mut path = self.named(name);
        let steps = match name {
            "m" | "l" => self.rng.u32(0..3),
            _ => self.rng.u32(0..10) / 9,
        };
        let mut is_list = name == "l";
        for _ in 0..steps {
            if self.one_in(12) {
                is_list = !is_list;
            }
            if is_list {
                let _ = write!(path, "[{}]", self.rng.u32(0..4));
                is_list = false;
            } else {
                let name = self.pick(&["x", "y", "l", "m"]);
                is_list = name == "l";
                path += ".";
                path += &self.named(name);
            }
        }
        path
    }

    fn bind(&mut self, value: Value) -> String {
        if self.is_wild && self.one_in(100) {
            return ":missing".to_owned();
        }
        let key = format!(":v{}", self.values.len());
        self.values.insert(key.clone(), value);
        key
    }

    fn any_value(&mut self) -> String {
        let value = match self.rng.bool() {
            true => self.value(1),
            false => {
                let name = self.pick(&ATTRIBUTES);
                self.attribute_value(name)
            }
        };
        self.bind(value)
    }

    fn operand(&mut self) -> String {
        match self.rng.u32(0..10) {
            0..=4 => self.path(),
            5 => format!("size({})", self.path()),
            _ => self.any_value(),
        }
    }

    /// A text, number or binary value.
    fn ordered(&mut self) -> String {
        let kind = self.pick(&["S", "N", "N", "B"]);
        let value = self.value_of(kind, 0);
        self.bind(value)
    }

    /// A comparison that is not refused.
    fn comparison(&mut self) -> String {
        let name = self.pick(&ATTRIBUTES);
        let same_type = self.attribute_value(name);
        let path = match self.rng.u32(0..3) {
            0 => self.named(name),
            1 => self.path(),
            _ => format!("size({})", self.path()),
        };
        match self.rng.u32(0..4) {
            0 => format!("{path} = {}", self.bind(same_type)),
            1 => format!("{path} <> {}", self.any_value()),
            _ => {
                let sign = self.pick(&["<", "<=", ">", ">="]);
                format!("{path} {sign} {}", self.ordered())
            }
        }
    }

    fn condition(&mut self, depth: u32) -> String {
        if depth < 3 && self.one_in(3) {
            let (a, b) = (self.condition(depth + 1), self.condition(depth + 1));
            return match self.rng.u32(0..5) {
                0 => format!("{a} AND {b}"),
                1 => format!("{a} or {b}"),
                2 => format!("NOT {a}"),
                3 => format!("({a} OR {b})"),
                _ => format!("NOT ({a} and {b})"),
            };
        }
        match self.rng.u32(0..11) {
            0..=3 if !self.is_wild => self.comparison(),
            4 if !self.is_wild => {
                let low = self.rng.i32(-2..4);
                let (low, high) = (low.to_string(), (low + 2).to_string());
                let (low, high) = (
                    self.bind(json!({ "N": low })),
                    self.bind(json!({ "N": high })),
                );
                format!("{} BETWEEN {low} AND {high}", self.path())
            }
            0..=3 => {
                let sign = self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{}{sign}{}", self.operand(), self.operand())
            }
            4 => format!(
                "{} BETWEEN {} AND {}",
                self.operand(),
                self.operand(),
                self.operand()
            ),
            5 => {
                let count = self.rng.usize(1..4);
                let members: Vec<_> = (0..count).map(|_| self.operand()).collect();
                format!("{} IN ({})", self.operand(), members.join(", "))
            }
            6 => format!("attribute_exists({})", self.path()),
            7 => format!("attribute_not_exists({})", self.path()),
            8 => {
                let all = [
                    "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "Z",
                ];
                let kind = self.pick(if self.is_wild { &all } else { &all[..10] });
                let kind = self.bind(json!({ "S": kind }));
                format!("attribute_type({}, {kind})", self.path())
            }
            9 => {
                let value = match self.is_wild && self.one_in(8) {
                    true => self.any_value(),
                    false => {
                        let kind = self.pick(&["S", "B"]);
                        let value = self.value_of(kind, 0);
                        self.bind(value)
                    }
                };
                format!("begins_with({}, {value})", self.path())
            }
            _ if self.is_wild => format!("contains({}, {})", self.path(), self.operand()),
            _ => format!("contains({}, {})", self.path(), self.any_value()),
        }
    }

    fn source(&mut self, depth: u32) -> String {
        match self.rng.u32(0..8) {
            0..=3 => self.any_value(),
            4 | 5 => self.path(),
            6 if depth < 2 => format!("if_not_exists({}, {})", self.path(), self.source(depth + 1)),
            7 if depth < 2 => {
                let list = self.value_of("L", 1);
                let list = self.bind(list);
                match self.rng.bool() {
                    true => format!("list_append({}, {list})", self.source(depth + 1)),
                    false => format!("list_append({list}, {})", self.source(depth + 1)),
                }
            }
            _ => self.path(),
        }
    }

    /// An update that is not refused, unless it goes into a value that is not there.
    fn tame_update(&mut self) -> String {
        let mut names = ATTRIBUTES;
        self.rng.shuffle(&mut names);
        let count = self.rng.usize(1..4);
        let (mut set, mut remove, mut add, mut delete) = (vec![], vec![], vec![], vec![]);
        for name in names.into_iter().take(count) {
            let path = self.named(name);
            let value = self.attribute_value(name);
            match self.rng.u32(0..8) {
                0 => remove.push(path),
                1 | 2 if name == "n" => {
                    let number = json!({ "N": self.number() });
                    add.push(format!("{path} {}", self.bind(number)));
                }
                3 | 4 if name == "n" => {
                    let zero = self.bind(json!({ "N": "0" }));
                    let number = json!({ "N": self.number() });
                    let sign = self.pick(&["+", "-"]);
                    set.push(format!(
                        "{path} = if_not_exists({path}, {zero}) {sign} {}",
                        self.bind(number)
                    ));
                }
                1 | 2 if name == "ss" || name == "ns" => {
                    add.push(format!("{path} {}", self.bind(value)))
                }
                3 | 4 if name == "ss" || name == "ns" => {
                    delete.push(format!("{path} {}", self.bind(value)))
                }
                1 | 2 if name == "l" => {
                    let (a, b) = (self.rng.u32(0..4), self.rng.u32(0..4));
                    remove.push(format!("{path}[{a}]"));
                    if a != b {
                        set.push(format!("{path}[{b}] = {}", self.any_value()));
                    }
                }
                3 | 4 if name == "l" => {
                    let none = self.bind(json!({ "L": [] }));
                    set.push(format!(
                        "{path} = list_append(if_not_exists({path}, {none}), {})",
                        self.bind(value)
                    ));
                }
                1 | 2 if name == "m" => {
                    let (x, y) = (self.named("x"), self.named("y"));
                    set.push(format!("{path}.{x} = {}", self.any_value()));
                    remove.push(format!("{path}.{y}"));
                }
                _ => set.push(format!("{path} = {}", self.bind(value))),
            }
        }
        let clauses = [
            ("SET", set),
            ("REMOVE", remove),
            ("ADD", add),
            ("DELETE", delete),
        ];
        let clauses = clauses
            .into_iter()
            .filter(|(_, actions)| !actions.is_empty());
        let clauses: Vec<_> = clauses
            .map(|(word, actions)| format!("{word} {}", actions.join(", ")))
            .collect();
        clauses.join(" ")
    }

    fn update(&mut self) -> String {
        if !self.is_wild {
            return self.tame_update();
        }
        let mut clauses = Vec::new();
        if !self.one_in(4) {
            let count = self.rng.usize(1..4);
            let set: Vec<_> = (0..count)
                .map(|_| {
                    let path = self.path();
                    if self.one_in(3) {
                        let number = json!({ "N": self.number() });
                        let number = self.bind(number);
                        let name = self.pick(&["n", "x"]);
                        let sign = self.pick(&["+", "-"]);
                        return format!("{path} = {} {sign} {number}", self.named(name));
                    }
                    format!("{path} = {}", self.source(0))
                })
                .collect();
            clauses.push(format!("SET {}", set.join(", ")));
        }
        if self.one_in(3) {
            let count = self.rng.usize(1..4);
            let paths: Vec<_> = (0..count).map(|_| self.path()).collect();
            clauses.push(format!("REMOVE {}", paths.join(",")));
        }
        for (word, kinds) in [
            ("ADD", &["N", "SS", "NS", "BS"][..]),
            ("DELETE", &["SS", "NS", "BS"]),
        ] {
            if self.one_in(4) {
                let (path, kind) = match self.rng.u32(0..4) {
                    0 => (self.path(), self.pick(kinds)),
                    1 => (self.named("ss"), "SS"),
                    2 => (self.named("ns"), "NS"),
                    _ => (self.named("n"), self.pick(kinds)),
                };
                let value = self.value_of(kind, 0);
                let value = self.bind(value);
                clauses.push(format!("{word} {path} {value}"));
            }
        }
        if clauses.is_empty() {
            clauses.push(format!("REMOVE {}", self.path()));
        }
        self.rng.shuffle(&mut clauses);
        clauses.join(" ")
    }

    fn projection(&mut self) -> String {
        let count = self.rng.usize(1..4);
        let paths: Vec<_> = (0..count).map(|_| self.path()).collect();
        paths.join(", ")
    }

    /// Puts the placeholders so far into the request.
    fn placeholders(&mut self, request: &mut Value) {
        if self.is_wild && self.one_in(50) {
            self.bind(json!({ "S": "unused" }));
        }
        let (names, values) = (
            std::mem::take(&mut self.names),
            std::mem::take(&mut self.values),
        );
        if !names.is_empty() {
            request["ExpressionAttributeNames"] = names.into();
        }
        if !values.is_empty() {
            request["ExpressionAttributeValues"] = values.into();
        }
    }

    /// A write, as a request or as a part of a transaction.
    fn write(&mut self, kind: &str) -> Value {
        let table = self.table();
        let mut request = json!({ "TableName": table });
        match kind {
            "Put" => request["Item"] = self.item(table).into(),
            _ => request["Key"] = self.key(table).into(),
        }
        if kind == "Update" && !self.one_in(30) {
            request["UpdateExpression"] = self.update().into();
        }
        if kind == "ConditionCheck" || self.rng.bool() {
            request["ConditionExpression"] = self.condition(0).into();
        }
        if self.rng.bool() {
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
        }
        self.placeholders(&mut request);
        request
    }

    fn single(&mut self, kind: &str) -> Value {
        let mut request = self.write(kind);
        if self.rng.bool() {
            let all = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];
            let all = if kind == "Update" || self.one_in(20) {
                &all[..]
            } else {
                &all[..2]
            };
            request["ReturnValues"] = self.pick(all).into();
        }
        request
    }

    /// A start key: that of an item that can be there, or not.
    fn start(&mut self, table: &str, index: Option<&str>) -> Value {
        let mut start = self.key(table);
        let names: &[&str] = match index {
            Some("by-n") => &["n"],
            Some("by-s") => &["s", "n"],
            Some(_) => &["b", "s"],
            None => &[],
        };
        for name in names {
            let value = match *name {
                "n" => json!({ "N": "1" }),
                "s" => json!({ "S": self.pick(&["a", "ab", "b"]) }),
                _ => json!({ "B": "AQ==" }),
            };
            start.insert((*name).to_owned(), value);
        }
        start.into()
    }

    fn page(&mut self, request: &mut Value) {
        // dynoxide ignores it in a query of a table without sort keys, which has one item to read.
        if self.one_in(4) && (request["TableName"] == "two" || request["IndexName"].is_string()) {
            let table = request["TableName"].as_str().unwrap().to_owned();
            let index = request["IndexName"].as_str().map(str::to_owned);
            request["ExclusiveStartKey"] = self.start(&table, index.as_deref());
        }
        if self.one_in(3) {
            request["FilterExpression"] = self.condition(1).into();
        }
        match self.rng.u32(0..6) {
            0 => request["Select"] = "COUNT".into(),
            1 => request["ProjectionExpression"] = self.projection().into(),
            _ => {}
        }
        if self.rng.bool() {
            request["Limit"] = self.rng.u32(1..4).into();
        }
        if self.one_in(3) {
            request["ConsistentRead"] = self.rng.bool().into();
        }
    }

    fn query(&mut self) -> Value {
        let mut request = json!({ "TableName": "one" });
        let (partition, value, sort) = match self.rng.u32(0..5) {
            0 => ("pk", json!({ "S": "k" }), None),
            1 => {
                request["TableName"] = "two".into();
                ("pk", json!({ "N": "2" }), Some(("sk", "S")))
            }
            2 => {
                request["IndexName"] = "by-n".into();
                ("n", json!({ "N": "1" }), None)
            }
            3 => {
                request["IndexName"] = "by-s".into();
                ("s", json!({ "S": "a" }), Some(("n", "N")))
            }
            _ => {
                request["IndexName"] = "by-b".into();
                ("b", json!({ "B": "AQ==" }), Some(("s", "S")))
            }
        };
        let value = match self.is_wild && self.one_in(10) {
            true => self.value(0),
            false => value,
        };
        let mut condition = format!("{} = {}", self.named(partition), self.bind(value));
        if let Some((name, kind)) = sort
            && self.rng.bool()
        {
            let name = self.named(name);
            let bound = |gen_: &mut Self| {
                let value = match gen_.is_wild && gen_.one_in(10) {
                    true => gen_.value(0),
                    false => gen_.value_of(kind, 0),
                };
                gen_.bind(value)
            };
            let on_sort = match self.rng.u32(0..4) {
                0 => format!("begins_with({name}, {})", bound(self)),
                1 => format!("{name} BETWEEN {} AND {}", bound(self), bound(self)),
                _ => {
                    let sign = self.pick(&["=", "<", "<=", ">", ">="]);
                    format!("{name} {sign} {}", bound(self))
                }
            };
            condition = match self.one_in(4) {
                true => format!("{on_sort} AND {condition}"),
                false => format!("{condition} AND {on_sort}"),
            };
        }
        request["KeyConditionExpression"] = condition.into();
        if self.rng.bool() {
            request["ScanIndexForward"] = self.rng.bool().into();
        }
        self.page(&mut request);
        self.placeholders(&mut request);
        request
    }

    fn get(&mut self) -> Value {
        let table = self.table();
        let mut get = json!({ "TableName": table, "Key": self.key(table) });
        if self.rng.bool() {
            get["ProjectionExpression"] = self.projection().into();
        }
        self.placeholders(&mut get);
        get
    }

    fn request(&mut self) -> (&'static str, Value) {
        // A repetition under the same token.
        if let Some(request) = self.repeated.take() {
            return ("TransactWriteItems", request);
        }
        self.is_wild = self.one_in(6);
        let (operation, mut request) = match self.rng.u32(0..40) {
            0..=6 => ("PutItem", self.single("Put")),
            7..=18 => ("UpdateItem", self.single("Update")),
            19..=20 => ("DeleteItem", self.single("Delete")),
            21..=23 => {
                let mut get = self.get();
                get["ConsistentRead"] = self.rng.bool().into();
                ("GetItem", get)
            }
            24..=28 => ("Query", self.query()),
            29..=30 => {
                let mut scan = json!({ "TableName": self.pick(&["one", "two"]) });
                if self.one_in(3) {
                    scan["FilterExpression"] = self.condition(1).into();
                }
                if scan["TableName"] == "one" && self.one_in(3) {
                    scan["IndexName"] = self.pick(&["by-n", "by-s", "by-b"]).into();
                }
                self.placeholders(&mut scan);
                ("Scan", scan)
            }
            31 => {
                let mut tables = json!({});
                for table in ["one", "two"] {
                    if self.rng.bool() {
                        let keys: Vec<_> =
                            (0..self.rng.usize(1..3)).map(|_| self.key(table)).collect();
                        tables[table] = json!({ "Keys": keys, "ConsistentRead": self.rng.bool() });
                    }
                }
                ("BatchGetItem", json!({ "RequestItems": tables }))
            }
            32 => {
                let mut tables = json!({});
                for table in ["one", "two"] {
                    if self.rng.bool() {
                        let writes: Vec<_> = (0..self.rng.usize(1..4))
                            .map(|_| match self.rng.bool() {
                                true => json!({ "PutRequest": { "Item": self.item(table) } }),
                                false => json!({ "DeleteRequest": { "Key": self.key(table) } }),
                            })
                            .collect();
                        tables[table] = writes.into();
                    }
                }
                ("BatchWriteItem", json!({ "RequestItems": tables }))
            }
            33 => {
                let gets: Vec<_> = (0..self.rng.usize(1..4))
                    .map(|_| {
                        // dynoxide adds the key to what is projected.
                        let mut get = self.get();
                        for name in ["ProjectionExpression", "ExpressionAttributeNames"] {
                            get.as_object_mut().unwrap().remove(name);
                        }
                        json!({ "Get": get })
                    })
                    .collect();
                ("TransactGetItems", json!({ "TransactItems": gets }))
            }
            _ => {
                let parts: Vec<_> = (0..self.rng.usize(1..4))
                    .map(|_| {
                        let kind =
                            self.pick(&["Put", "Update", "Update", "Delete", "ConditionCheck"]);
                        let mut part = json!({});
                        part[kind] = self.write(kind);
                        part
                    })
                    .collect();
                let mut request = json!({ "TransactItems": parts });
                if self.one_in(4) {
                    request["ClientRequestToken"] = self.pick(&["t1", "t2"]).into();
                }
                ("TransactWriteItems", request)
            }
        };
        if self.rng.bool() {
            request["ReturnConsumedCapacity"] = self.pick(&["TOTAL", "INDEXES"]).into();
        }
        if request["ClientRequestToken"].is_string() && self.rng.bool() {
            self.repeated = Some(request.clone());
        }
        (operation, request)
    }
}

/// Why the answers to a request may differ: where dynoxide 3.2 is not as DynamoDB, or where AWS does not say which of
/// two errors it is.
fn known_difference(ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    let said = |answer: &Answer, text: &str| {
        let said = answer.body["said"].as_str().unwrap_or_default();
        said.contains(text) || answer.body["messages"].to_string().contains(text)
    };
    let refused_by_us = [
        (
            "An ordering operator takes S, N and B alone. dynoxide looks at the type of a value only when it compares.",
            "Incorrect operand type",
        ),
        (
            "DynamoDB refuses bounds in the wrong order, or of two types, whatever the item is.",
            "BETWEEN operator requires upper bound",
        ),
        (
            "DynamoDB refuses `a = a`.",
            "first operand must be distinct",
        ),
        (
            "A set within a list or a map must have members, and each once. dynoxide checks sets of the top level.",
            "set may not be empty",
        ),
        ("The same.", "contains duplicates"),
        (
            "DynamoDB knows the names of all types.",
            "Invalid attribute type name",
        ),
        (
            "In a part of a transaction without an expression, some regions of AWS refuse placeholders, and some do not.",
            "unused in expressions",
        ),
        (
            "DynamoDB refuses a malformed expression before it begins a transaction.",
            "is not defined; attribute",
        ),
        (
            "DynamoDB looks at the key of an update before it looks at the item.",
            "This attribute is part of the key",
        ),
        (
            "DynamoDB refuses overlapping paths in any expression. dynoxide does not see `l[1]` and `l.x` in a projection.",
            "Two document paths",
        ),
        (
            "DynamoDB refuses a query for an empty key.",
            "cannot contain an empty string value. Key",
        ),
        ("Two faults.", "multiple operations on one item"),
    ];
    for (reason, text) in refused_by_us {
        if ours.code == "ValidationException" && theirs.code != ours.code && said(ours, text) {
            return Some(reason);
        }
    }
    let refused_by_them = [
        (
            "A path into a key in a filter. This engine finds nothing there.",
            "Key attributes must be scalars",
        ),
        ("Two faults.", "multiple operations on one item"),
    ];
    for (reason, text) in refused_by_them {
        if theirs.code == "ValidationException" && theirs.code != ours.code && said(theirs, text) {
            return Some(reason);
        }
    }
    let list = |answer: &Answer| {
        let list = answer.body["Attributes"]["l"]["L"].as_array();
        list.map(Vec::len)
    };
    if ours.code == theirs.code && list(ours) < list(theirs) {
        return Some(
            "Of an element that is not there, nothing is returned. dynoxide returns the whole list.",
        );
    }
    let reasons = ours.body["messages"].to_string();
    if ours.code == "TransactionCanceledException"
        && reasons.contains("This attribute is part of the key")
    {
        return Some("dynoxide lets a transaction remove or set a key.");
    }
    let old = &theirs.body["Attributes"];
    if ours.code == theirs.code && ours.body["Attributes"].is_null() && old.is_object() {
        let mut names = old.as_object().into_iter().flat_map(Map::keys);
        if names.all(|name| ["pk", "sk"].contains(&name.as_str())) {
            return Some("There is no old item before the first update. dynoxide returns its key.");
        }
    }
    None
}

fn differs(ours: &Answer, theirs: &Answer) -> bool {
    let parts = |answer: &Answer| match answer.code.is_empty() {
        true => answer.body.clone(),
        false => json!([answer.code, answer.body["Item"], answer.body["reasons"]]),
    };
    parts(ours) != parts(theirs)
}

/// How often each operation was carried out, or refused with a code.
type Counts = BTreeMap<(String, String), u32>;

/// Runs one history, until a difference that is known. One that is not known is returned.
fn history(seed: u64, prints: bool, counts: &mut Counts) -> Result<(), String> {
    let mut both = Both::new();
    let mut generator = Gen {
        rng: Rng::with_seed(seed),
        is_wild: false,
        repeated: None,
        names: Map::new(),
        values: Map::new(),
    };
    for step in 0..60 {
        let (operation, request) = generator.request();
        let [ours, theirs] = both.send(operation, &request);
        if prints {
            println!("{step} {operation} {request}\n   {ours:?}\n   {theirs:?}");
        }
        let known = match differs(&ours, &theirs) {
            true => known_difference(&ours, &theirs),
            false => None,
        };
        if let Some(reason) = known {
            *counts
                .entry(("known".to_owned(), reason.to_owned()))
                .or_default() += 1;
            // One of them may have kept the token.
            if operation == "TransactWriteItems" {
                return Ok(());
            }
        } else if differs(&ours, &theirs) {
            return Err(format!(
                "seed {seed}, step {step}: {operation} {request}\n   ours:   {} {}\n   theirs: {} {}",
                ours.code, ours.body, theirs.code, theirs.body
            ));
        }
        *counts.entry((operation.to_owned(), ours.code)).or_default() += 1;
        for table in ["one", "two"] {
            let scan = json!({ "TableName": table, "ConsistentRead": true });
            let [ours, theirs] = both.send("Scan", &scan);
            if ours != theirs && known.is_some() {
                return Ok(());
            }
            if ours != theirs {
                return Err(format!(
                    "seed {seed}, step {step}: items after {operation} {request}\n   ours:   {}\n   theirs: {}",
                    ours.body, theirs.body
                ));
            }
        }
    }
    Ok(())
}

/// Twenty-five items of some 90 KB, which take three pages.
#[test]
fn large_items_are_read_in_the_same_pages() {
    let mut both = Both::new();
    let pad = "p".repeat(90_000);
    for i in 0..25 {
        let item = json!({ "pk": { "N": "1" }, "sk": { "S": format!("{i:02}") }, "pad": { "S": &pad[i * 100..] } });
        let put = json!({ "TableName": "two", "Item": item, "ReturnConsumedCapacity": "TOTAL" });
        let [ours, theirs] = both.send("PutItem", &put);
        assert_eq!(ours, theirs);
    }
    for is_forward in [true, false] {
        for consistent in [true, false] {
            let mut query = json!({
                "TableName": "two", "KeyConditionExpression": "pk = :k", "ProjectionExpression": "sk",
                "ExpressionAttributeValues": { ":k": { "N": "1" } }, "ScanIndexForward": is_forward,
                "ConsistentRead": consistent, "ReturnConsumedCapacity": "TOTAL",
            });
            let mut pages = 0;
            loop {
                let [mut ours, mut theirs] = both.send("Query", &query);
                // dynoxide counts the item that does not fit.
                for answer in [&mut ours, &mut theirs] {
                    answer.body.as_object_mut().unwrap().remove("ScannedCount");
                }
                assert_eq!(ours, theirs);
                pages += 1;
                if ours.body["LastEvaluatedKey"].is_null() {
                    break;
                }
                query["ExclusiveStartKey"] = ours.body["LastEvaluatedKey"].clone();
            }
            assert_eq!(pages, 3);
        }
    }
    // 409,600 bytes are the limit of an item.
    for (key, more) in [("a", 0), ("b", 1)] {
        let size = 400 * 1024 - 2 - 1 - 3 + more;
        let item = json!({ "pk": { "S": key }, "pad": { "S": "p".repeat(size) } });
        let put = json!({ "TableName": "one", "Item": item, "ReturnConsumedCapacity": "TOTAL" });
        let [ours, theirs] = both.send("PutItem", &put);
        assert_eq!((ours.code.is_empty(), ours.code), (more == 0, theirs.code));
    }
}

#[test]
fn this_engine_and_dynoxide_answer_alike() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = number("ENGINE_SEED") {
        history(seed, true, &mut Counts::new()).unwrap_or_else(|difference| panic!("{difference}"));
        return;
    }
    let seeds = number("ENGINE_SEEDS").unwrap_or(40);
    let mut counts = Counts::new();
    let differences: Vec<_> = (0..seeds)
        .filter_map(|seed| history(seed, false, &mut counts).err())
        .collect();
    for ((operation, code), count) in counts {
        println!("{count:7} {operation} {code}");
    }
    assert!(
        differences.is_empty(),
        "{} of {seeds} histories differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Sends requests of the control plane, and compares what both answer but for times, identifiers and statuses.
///
/// dynoxide 3.2 creates two indexes at once, and enables or disables a TTL that is enabled or disabled. DynamoDB
/// refuses all of this.
#[test]
fn tables_are_described_alike() {
    let mut both = Both::new();
    let create = |name: &str| {
        json!({
            "IndexName": name,
            "KeySchema": [{ "AttributeName": "x", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        })
    };
    let definitions = json!([{ "AttributeName": "x", "AttributeType": "N" }]);
    let update = |updates: Value| json!({ "TableName": "two", "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates });
    let ttl = |enabled: bool, name: &str| {
        json!({
            "TableName": "one", "TimeToLiveSpecification": { "Enabled": enabled, "AttributeName": name },
        })
    };
    let put = |x: Value| json!({ "TableName": "two", "Item": { "pk": { "N": "1" }, "sk": { "S": "a" }, "x": x } });
    let two = json!({ "TableName": "two" });
    let by_x = json!({
        "TableName": "two", "IndexName": "by-x", "KeyConditionExpression": "x = :x",
        "ExpressionAttributeValues": { ":x": { "N": "1" } },
    });
    let mut differences = Vec::new();
    for (operation, request) in [
        ("DescribeTable", json!({ "TableName": "one" })),
        ("DescribeTable", json!({ "TableName": "three" })),
        ("ListTables", json!({})),
        ("ListTables", json!({ "Limit": 1 })),
        ("CreateTable", tables()[0].clone()),
        ("PutItem", put(json!({ "S": "a" }))),
        ("UpdateTable", update(json!([{ "Create": create("by-x") }]))),
        ("DescribeTable", two.clone()),
        ("UpdateTable", update(json!([{ "Create": create("by-x") }]))),
        ("Query", by_x.clone()),
        ("PutItem", put(json!({ "S": "a" }))),
        ("PutItem", put(json!({ "N": "1" }))),
        ("Query", by_x.clone()),
        (
            "UpdateTable",
            json!({ "TableName": "two", "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "by-x" } }] }),
        ),
        (
            "UpdateTable",
            json!({ "TableName": "two", "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "by-x" } }] }),
        ),
        ("DescribeTable", two.clone()),
        ("Query", by_x.clone()),
        ("DescribeTimeToLive", json!({ "TableName": "one" })),
        ("UpdateTimeToLive", ttl(true, "ends")),
        ("UpdateTimeToLive", ttl(true, "other")),
        ("DescribeTimeToLive", json!({ "TableName": "one" })),
        ("UpdateTimeToLive", ttl(false, "ends")),
        ("DescribeTimeToLive", json!({ "TableName": "one" })),
        (
            "UpdateTable",
            json!({ "TableName": "two", "DeletionProtectionEnabled": true }),
        ),
        ("DeleteTable", two.clone()),
        (
            "UpdateTable",
            json!({ "TableName": "two", "DeletionProtectionEnabled": false }),
        ),
        ("DeleteTable", two.clone()),
        ("DeleteTable", two.clone()),
        ("DescribeTable", two.clone()),
        ("ListTables", json!({})),
    ] {
        let [mut ours, mut theirs] = both.send(operation, &request);
        for answer in [&mut ours.body, &mut theirs.body] {
            strip(answer);
        }
        if differs(&ours, &theirs) {
            differences.push(format!("{operation} {request}\n   {ours:?}\n   {theirs:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Removes what differs from engine to engine, and sorts what has no order.
fn strip(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for name in [
                "CreationDateTime",
                "TableId",
                "TableArn",
                "IndexArn",
                "TableSizeBytes",
                "IndexSizeBytes",
                "ItemCount",
                "TableStatus",
                "IndexStatus",
                "TableThroughputModeSummary",
            ] {
                entries.remove(name);
            }
            entries.values_mut().for_each(strip);
        }
        Value::Array(values) => {
            values.iter_mut().for_each(strip);
            if values.iter().any(|value| value["KeyType"].is_null()) {
                values.sort_by_key(Value::to_string);
            }
        }
        _ => {}
    }
}

/// Spellings and corner cases of expressions: both engines accept them, with the same result, or neither does.
#[test]
fn corner_cases_are_answered_alike() {
    let item = json!({
        "pk": { "S": "k" }, "s": { "S": "aé😀" }, "n": { "N": "5" }, "b": { "B": "AQID" }, "t": { "BOOL": true },
        "ss": { "SS": ["a", "b"] }, "ns": { "NS": ["1", "2"] }, "bs": { "BS": ["AQ=="] }, "z": { "NULL": true },
        "l": { "L": [{ "N": "1" }, { "S": "a" }, { "L": [{ "N": "1" }] }] }, "e": { "S": "" },
        "m": { "M": { "x": { "N": "1" }, "l": { "L": [] } } },
    });
    let values = json!({
        ":n": { "N": "5" }, ":n1": { "N": "1" }, ":n3": { "N": "3" }, ":n4": { "N": "4" }, ":n6": { "N": "6" }, ":n7": { "N": "7" },
        ":s": { "S": "a" }, ":e": { "S": "" }, ":b": { "B": "AgM=" }, ":be": { "B": "" }, ":t": { "BOOL": true },
        ":ss": { "SS": ["b", "a"] }, ":l": { "L": [{ "N": "1" }] }, ":z": { "NULL": true }, ":ty": { "S": "N" },
        ":m": { "M": {} },
    });
    let conditions = [
        "size(s) = :n3",
        "size(s) = :n4",
        "size(s) = :n6",
        "size(s) = :n7",
        "size(b) = :n3",
        "size(n) > :n1",
        "size(t) = :n1",
        "size(l) = :n3",
        "size(m.l) < :n1",
        "size(e) < :n1",
        "size(absent) < :n1",
        "NOT size(absent) < :n1",
        "size(:s) = :n1",
        "contains(b, :b)",
        "contains(s, :e)",
        "contains(b, :be)",
        "contains(l, :l)",
        "contains(l, :s)",
        "contains(ss, :s)",
        "contains(ss, :ss)",
        "contains(ns, :n1)",
        "contains(m, :s)",
        "contains(n, :n)",
        "contains(:s, :e)",
        "contains(s, s)",
        "begins_with(s, :e)",
        "begins_with(b, :be)",
        "begins_with(n, :s)",
        "begins_with(s, :n)",
        "begins_with(absent, :s)",
        "begins_with(:s, :e)",
        "absent <> :n",
        "NOT absent = :n",
        "absent = absent",
        "absent < :n",
        "NOT absent < :n",
        "ss = :ss",
        "ss <> :ss",
        "z = :z",
        "t = :t",
        "m = :m",
        "m.l = :l",
        "n IN (:s, :n)",
        "n IN (:s)",
        "absent IN (:s, :n)",
        "n IN ()",
        "n BETWEEN :n3 AND :n6",
        "n BETWEEN n AND :n6",
        "n BETWEEN :n6 AND :n3",
        "absent BETWEEN :n3 AND :n6",
        "s BETWEEN :e AND :s",
        "((n = :n))",
        "(n = :n)",
        "((n = :n) AND n = :n)",
        "((n = :n) AND (n = :n))",
        "((n = :n AND n = :n))",
        "(((n = :n) OR n = :n) AND n = :n)",
        "((n = :n) AND ((n = :n)))",
        "NOT ((n = :n))",
        "(n) = :n",
        "n = (:n)",
        "not n = :n",
        "NOT NOT n = :n",
        "n = :n and n = :n Or n = :s",
        "ATTRIBUTE_EXISTS(n)",
        "attribute_exists (n)",
        "attribute_exists(n",
        "attribute_exists()",
        "attribute_exists(:n)",
        "attribute_exists(n, n)",
        "attribute_exists(size(n))",
        "attribute_exists(l[2][0])",
        "attribute_exists(l[2][1])",
        "attribute_exists(l[ 0 ])",
        "attribute_exists(m . x)",
        "attribute_exists(m..x)",
        "attribute_exists(l[-1])",
        "attribute_exists(l[:n])",
        "attribute_exists(l[01])",
        "attribute_exists([0])",
        "attribute_exists(.m)",
        "attribute_type(n, :ty)",
        "attribute_type(m.x, :ty)",
        "attribute_type(absent, :ty)",
        "attribute_type(n, n)",
        "n = :n AND",
        "AND n = :n",
        "n == :n",
        "n != :n",
        "n =:n",
        "n<>:n",
        "n < > :n",
        "n > = :n",
        "n",
        ":n",
        "",
        " ",
        "n = :n; n = :n",
        "n = 5",
        "n = \"5\"",
        "_n = :n",
        "1n = :n",
        "n-1 = :n",
        "and = :n",
        "in = :n",
        "n = :n)",
        "n = :n n = :n",
        "size(n = :n)",
        "size(size(s)) = :n",
        "size(s) = size(s)",
        "size(s) < size(b)",
        "l[0] = m.x",
        ":n = n",
        ":n = :n",
        ":n = :n1",
        "b > :b",
        "t > :t",
        "n > t",
        "n > s",
        "e = :e",
        "attribute_not_exists(l[9])",
    ];
    let updates = [
        "SET x = :n",
        "set x = :n",
        "Set x=:n remove n",
        "SET x = n + :n",
        "SET x = :n + n",
        "SET x = :n - :n1",
        "SET x = -:n",
        "SET x = n + :n + :n",
        "SET x = (n + :n)",
        "SET x = (:n)",
        "SET x = ((:n))",
        "SET x = (n + :n) + :n",
        "SET x = ((n) + :n)",
        "SET x = if_not_exists(absent, (:n))",
        "SET x = absent + :n",
        "SET x = s + :n",
        "SET n = n - n",
        "SET x = if_not_exists(absent, :n)",
        "SET x = if_not_exists(n, :s)",
        "SET x = if_not_exists(absent, absent)",
        "SET x = if_not_exists(absent, n) + :n",
        "SET x = if_not_exists(n + :n, :n)",
        "SET x = if_not_exists(:n, :n)",
        "SET x = list_append(l, :l)",
        "SET x = list_append(:l, l)",
        "SET x = list_append(l, l)",
        "SET x = list_append(n, l)",
        "SET x = list_append(absent, :l)",
        "SET x = list_append(l, :n)",
        "SET x = list_append(l, :l) + :n",
        "SET x = list_append(if_not_exists(absent, :l), list_append(l, :l))",
        "SET x = size(l)",
        "SET x = attribute_exists(l)",
        "SET x.y = :n",
        "SET m.y = :n",
        "SET m.x.y = :n",
        "SET l[1] = :n",
        "SET l[3] = :n",
        "SET l[9] = :n, l[7] = :s",
        "SET l[2][0] = :n",
        "SET l.x = :n",
        "SET m[0] = :n",
        "SET l[0] = l[1], l[1] = l[0]",
        "SET x = n, n = :s",
        "SET x = :n, x = :n",
        "SET m = :m, m.x = :n",
        "SET x = :n,",
        "SET",
        "SET x",
        "SET x =",
        "SET x = :n y = :n",
        "SET x = :n SET y = :n",
        "REMOVE n, n",
        "REMOVE absent",
        "REMOVE absent.x",
        "REMOVE m.absent",
        "REMOVE m.absent.x",
        "REMOVE n.x",
        "REMOVE l[0], l[2]",
        "REMOVE l[9]",
        "REMOVE l[2][0]",
        "REMOVE l[0].x",
        "REMOVE m.l[0]",
        "REMOVE pk",
        "REMOVE l[0] SET l[1] = :n",
        "REMOVE l[0] SET l[9] = :n",
        "REMOVE l[3] SET l[9] = :n",
        "REMOVE m[0]",
        "REMOVE :n",
        "ADD n :n",
        "ADD absent :n",
        "ADD ss :ss",
        "ADD absent :ss",
        "ADD n :ss",
        "ADD s :s",
        "ADD s :ss",
        "ADD m.x :n",
        "ADD m.y :n",
        "ADD absent.y :n",
        "ADD l[0] :n",
        "ADD l[9] :n",
        "ADD n n",
        "ADD l :l",
        "ADD n :n, absent :ss",
        "DELETE ss :ss",
        "DELETE absent :ss",
        "DELETE ns :ss",
        "DELETE n :n",
        "DELETE n :ss",
        "DELETE ss ss",
        "DELETE m.x :ss",
        "DELETE m.y :ss",
        "DELETE absent.y :ss",
        "SET pk = :s",
        "SET x = pk",
        "SET s = :n",
        "SET b = :be",
        "SET s = :e",
        "DELETE ss :ss SET x = ss",
        "n = :n",
        "SET x = :n ADD",
        "SET x := :n",
        "SET x = :none",
        "SET #none = :n",
    ];
    // AWS documents that the names of functions are case-sensitive, and that a type is a value. The others are only
    // spellings, which this engine accepts.
    let known = [
        "ATTRIBUTE_EXISTS(n)",
        "attribute_type(n, n)",
        "t > :t",
        "attribute_exists(l[ 0 ])",
        "attribute_exists(l[01])",
        // DynamoDB refuses it.
        "absent = absent",
    ];
    let mut differences = Vec::new();
    for (field, texts) in [
        ("ConditionExpression", &conditions[..]),
        ("UpdateExpression", &updates),
    ] {
        for text in texts {
            let mut both = Both::new();
            both.send("PutItem", &json!({ "TableName": "one", "Item": item }));
            let mut request = json!({ "TableName": "one", "Key": { "pk": { "S": "k" } }, "ReturnValues": "ALL_NEW" });
            request[field] = (*text).into();
            let is_used = |key: &str| {
                let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
                words.any(|word| word == key)
            };
            let mut used = values.clone();
            used.as_object_mut().unwrap().retain(|key, _| is_used(key));
            if used.as_object().is_some_and(|used| !used.is_empty()) {
                request["ExpressionAttributeValues"] = used;
            }
            let [ours, theirs] = both.send("UpdateItem", &request);
            if differs(&ours, &theirs) && !known.contains(text) {
                differences.push(format!(
                    "{text}\n   ours:   {} {}\n   theirs: {} {}",
                    ours.code, ours.body, theirs.code, theirs.body
                ));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
