//! An error in one line, for a log and for frameworks that keep only text.

use std::error::Error;
use std::fmt;

/// An error and its sources, joined by `: `. A source that the text before it already has is left out.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let why = error.to_string();
            if !text.contains(&why) {
                text.push_str(": ");
                text.push_str(&why);
            }
            source = error.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Step(&'static str, Option<Box<Step>>);

    impl fmt::Display for Step {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Step {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|step| step as _)
        }
    }

    fn chain(steps: &[&'static str]) -> String {
        let steps = steps.iter().rev();
        let error = steps.fold(None, |inner, text| Some(Box::new(Step(text, inner))));
        Chain(&*error.unwrap()).to_string()
    }

    #[test]
    fn each_source_is_told_once() {
        assert_eq!(chain(&["it failed"]), "it failed");
        assert_eq!(chain(&["a failed", "b broke", "c"]), "a failed: b broke: c");
        assert_eq!(
            chain(&["a failed: b broke", "b broke", "no route"]),
            "a failed: b broke: no route"
        );
    }
}
