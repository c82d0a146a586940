//! The median of ratios, and how far it can be trusted.

use serde::{Deserialize, Serialize};

/// A median, with its confidence interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Median {
    /// The lower end of the interval.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Median {
    /// The median of some values, of any distribution.
    ///
    /// How many values are below the true median is binomial, with a probability of one half each. So the interval
    /// is between two of the sorted values: 1.96 standard deviations of that number below the middle, and above.
    pub fn of(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "there is no median of nothing");
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let deviation = 1.96 * count.sqrt() / 2.0;
        let last = values.len() - 1;
        // The ranks of statistics begin at one.
        let rank = |rank: f64| (rank.max(1.0) as usize - 1).min(last);
        Self {
            low: values[rank((count / 2.0 - deviation).floor())],
            middle: f64::midpoint(values[last / 2], values[values.len() / 2]),
            high: values[rank((count / 2.0 + deviation).ceil() + 1.0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_tell_little() {
        let of = |values: &[f64]| Median::of(values.to_vec());
        let median = |low, middle, high| Median { low, middle, high };
        assert_eq!(of(&[3.0]), median(3.0, 3.0, 3.0));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), median(1.0, 2.5, 4.0));
        // The table of the binomial distribution has the ranks 40 and 61 for a hundred.
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(of(&hundred), median(40.0, 50.5, 61.0));
    }

    /// 95 of 100 intervals hold the true median, also of values with a long tail.
    #[test]
    fn the_interval_holds_the_median() {
        let mut random = fastrand::Rng::with_seed(17);
        let mut holds = 0;
        for _ in 0..2_000 {
            // Its median is 2.
            let values = (0..200).map(|_| 1.0 / random.f64().max(1e-9)).collect();
            let median = Median::of(values);
            holds += u32::from((median.low..=median.high).contains(&2.0));
        }
        assert!((1_880..=1_960).contains(&holds), "{holds} of 2,000");
    }
}
