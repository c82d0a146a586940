//! "Did you mean".

/// The known word that is nearest to `word`, if it is near enough for a slip of the fingers.
pub(crate) fn similar<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|&known| (distance(word, known), known));
    let (distance, nearest) = near.min_by_key(|&(distance, _)| distance)?;
    (distance <= word.len().max(3) / 3).then_some(nearest)
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    // The distances from the letters of `from` read so far to every beginning of `to`.
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, pair), left) in to.chars().zip(row.windows(2)).zip(0..) {
            let changed = pair.first().map_or(0, |&d| d + usize::from(a != b));
            let taken_out = pair.last().map_or(0, |&d| d + 1);
            let put_in = next.get(left).map_or(0, |&d: &usize| d + 1);
            next.push(changed.min(taken_out).min(put_in));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, similar};

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("table", "table"), 0);
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
