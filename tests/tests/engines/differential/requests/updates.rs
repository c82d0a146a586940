//! Update expressions.

use serde_json::json;

use super::generator::Generator;
use super::values::ATTRIBUTES;

impl Generator {
    pub(super) fn update(&mut self) -> String {
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
}
