//! Values, keys and items.

use serde_json::{Map, Value, json};

use super::generator::Generator;

pub(super) const ATTRIBUTES: [&str; 9] = ["n", "s", "b", "m", "l", "ss", "ns", "x", "y"];

impl Generator {
    pub(super) fn number(&mut self) -> String {
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

    pub(super) fn value_of(&mut self, kind: &str, depth: u32) -> Value {
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

    pub(super) fn value(&mut self, depth: u32) -> Value {
        let kinds: &[&str] = match depth < 3 {
            true => &[
                "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "S", "N",
            ],
            false => &["S", "N", "B", "BOOL", "NULL", "SS"],
        };
        let kind = self.pick(kinds);
        self.value_of(kind, depth)
    }

    pub(super) fn attribute_value(&mut self, name: &str) -> Value {
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

    pub(super) fn table(&mut self) -> &'static str {
        match self.is_wild && self.one_in(40) {
            true => "none",
            false => self.pick(&["one", "one", "two"]),
        }
    }

    pub(super) fn key(&mut self, table: &str) -> Map<String, Value> {
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

    pub(super) fn item(&mut self, table: &str) -> Map<String, Value> {
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
}
