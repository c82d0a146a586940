//! Conditions and filters.

use serde_json::json;

use super::generator::Generator;
use super::values::ATTRIBUTES;

impl Generator {
    pub(super) fn condition(&mut self, depth: u32) -> String {
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
}
