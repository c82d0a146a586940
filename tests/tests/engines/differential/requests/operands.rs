//! Paths and values in expressions.

use std::fmt::Write as _;

use super::generator::Generator;
use super::values::ATTRIBUTES;

impl Generator {
    pub(super) fn path(&mut self) -> String {
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

    pub(super) fn projection(&mut self) -> String {
        let count = self.rng.usize(1..4);
        let paths: Vec<_> = (0..count).map(|_| self.path()).collect();
        paths.join(", ")
    }

    pub(super) fn any_value(&mut self) -> String {
        let value = match self.rng.bool() {
            true => self.value(1),
            false => {
                let name = self.pick(&ATTRIBUTES);
                self.attribute_value(name)
            }
        };
        self.bind(value)
    }

    pub(super) fn operand(&mut self) -> String {
        match self.rng.u32(0..10) {
            0..=4 => self.path(),
            5 => format!("size({})", self.path()),
            _ => self.any_value(),
        }
    }

    /// A text, number or binary value.
    pub(super) fn ordered(&mut self) -> String {
        let kind = self.pick(&["S", "N", "N", "B"]);
        let value = self.value_of(kind, 0);
        self.bind(value)
    }
}
