//! "Did you mean".

use syn::{Error, Ident};

pub(crate) fn unknown(key: &Ident, known: &[&str]) -> Error {
    let mend = match similar(&key.to_string(), known) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => format!("there are `{}`", known.join("`, `")),
    };
    Error::new_spanned(key, format!("unknown option `{key}`; {mend}"))
}

/// The known word that is nearest to `word`, if it is near enough for a slip of the fingers.
pub(crate) fn similar<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|&known| (distance(word, known), known));
    let (distance, nearest) = near.min_by_key(|&(distance, _)| distance)?;
    (distance <= word.len().max(3) / 3).then_some(nearest)
}

/// How many letters must be put in, taken out, changed or swapped with the next to make one word
/// of the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    // The distances from the first `i` letters of the one to the first `j` of the other.
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
            let changed = at(&rows, i - 1, j - 1) + usize::from(from.get(i - 1) != to.get(j - 1));
            let taken_out = at(&rows, i - 1, j) + 1;
            let put_in = row.last().map_or(usize::MAX, |left| left + 1);
            let is_swap = i > 1
                && j > 1
                && from.get(i - 1) == to.get(j - 2)
                && from.get(i - 2) == to.get(j - 1);
            let swapped = if is_swap {
                at(&rows, i - 2, j - 2) + 1
            } else {
                usize::MAX
            };
            row.push(changed.min(taken_out).min(put_in).min(swapped));
        }
        rows.push(row);
    }
    at(&rows, from.len(), to.len())
}

#[cfg(test)]
mod tests {
    use super::{distance, similar};

    #[test]
    fn distance_counts_letters() {
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
