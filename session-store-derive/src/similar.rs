//! The error for an unknown option, with "did you mean" where a known one is near.

use syn::{Error, Ident};

pub(crate) fn unknown_option(word: &Ident, known: &[&str]) -> Error {
    let hint = match similar(&word.to_string(), known) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => format!("there are `{}`", known.join("`, `")),
    };
    Error::new_spanned(word, format!("unknown option `{word}`; {hint}"))
}

/// The nearest known word, if it is near enough for a typing error.
pub(crate) fn similar<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let candidates = known.iter().map(|&known| (distance(word, known), known));
    let (distance, nearest) = candidates.min_by_key(|&(distance, _)| distance)?;
    (distance <= word.len().max(3) / 3).then_some(nearest)
}

/// The edit distance: how many letters must be inserted, removed, replaced, or swapped with the
/// next one, to turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    // Row `i`, column `j`: the distance from the first `i` letters of `from` to the first `j` of
    // `to`.
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    let at = |rows: &[Vec<usize>], i: usize, j: usize| {
        rows.get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or(usize::MAX - 1)
    };
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = at(&rows, i - 1, j - 1) + usize::from(from.get(i - 1) != to.get(j - 1));
            let removed = at(&rows, i - 1, j) + 1;
            let inserted = row.last().map_or(usize::MAX, |left| left + 1);
            let is_swap = i > 1
                && j > 1
                && from.get(i - 1) == to.get(j - 2)
                && from.get(i - 2) == to.get(j - 1);
            let swapped = if is_swap {
                at(&rows, i - 2, j - 2) + 1
            } else {
                usize::MAX
            };
            row.push(replaced.min(removed).min(inserted).min(swapped));
        }
        rows.push(row);
    }
    at(&rows, from.len(), to.len())
}

#[cfg(test)]
mod tests {
    use super::{distance, similar};

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("table", "table"), 0);
        assert_eq!(distance("tabel", "table"), 1);
        assert_eq!(distance("idle_timout", "idle_timeout"), 1);
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["attr", "index", "with", "key"];
        assert_eq!(similar("atr", &known), Some("attr"));
        assert_eq!(similar("indexed", &known), Some("index"));
        assert_eq!(similar("partition", &known), None);
        assert_eq!(similar("x", &[]), None);
    }
}
