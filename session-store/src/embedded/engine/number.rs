//! Decimal numbers of up to 38 digits, exactly as DynamoDB compares, adds and returns them.

use std::cmp::Ordering;
use std::fmt;

/// The number `±digits × 10^exponent`.
///
/// There is one form of each number: the digits do not end with a zero, and zero has no sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    negative: bool,
    digits: u128,
    exponent: i32,
}

const MAX_DIGITS: usize = 38;
/// The power of ten of the first digit.
const LARGEST: i64 = 125;
const SMALLEST: i64 = -130;
/// DynamoDB counts at most this many bytes for a number.
const MAX_SIZE: usize = 21;

const OVERFLOW: &str =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
const UNDERFLOW: &str =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";
const TOO_PRECISE: &str = "Attempting to store more than 38 significant digits in a Number";
const MALFORMED: &str = "The parameter cannot be converted to a numeric value";

impl Number {
    const ZERO: Self = Self {
        negative: false,
        digits: 0,
        exponent: 0,
    };

    pub(crate) fn of(whole: u64) -> Self {
        let mut digits = u128::from(whole);
        let mut exponent = 0;
        while digits > 0 && digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        Self {
            negative: false,
            digits,
            exponent,
        }
    }

    /// Reads a number in any spelling, or says why DynamoDB refuses it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| MALFORMED)?)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Option<Vec<u8>> = whole
            .chars()
            .chain(fraction.chars())
            .map(|digit| digit.to_digit(10).and_then(|digit| digit.try_into().ok()))
            .collect();
        let digits = digits
            .filter(|digits| !digits.is_empty())
            .ok_or(MALFORMED)?;
        // The length of a text in memory fits an i64 with room to spare.
        let exponent = i64::from(exponent) - fraction.len() as i64;
        Self::of_digits(negative, &digits, exponent)
    }

    /// The number of these digits, the first one first.
    fn of_digits(negative: bool, digits: &[u8], exponent: i64) -> Result<Self, &'static str> {
        let is_digit = |digit: &u8| *digit != 0;
        let Some(first) = digits.iter().position(is_digit) else {
            return Ok(Self::ZERO);
        };
        let end = digits.iter().rposition(is_digit).map_or(0, |last| last + 1);
        let significant = digits.get(first..end).unwrap_or_default();
        let exponent = exponent + (digits.len() - end) as i64;
        let power_of_first = exponent + significant.len() as i64 - 1;
        if significant.len() > MAX_DIGITS {
            return Err(TOO_PRECISE);
        }
        if power_of_first > LARGEST {
            return Err(OVERFLOW);
        }
        if power_of_first < SMALLEST {
            return Err(UNDERFLOW);
        }
        let append = |number: u128, digit: &u8| number * 10 + u128::from(*digit);
        Ok(Self {
            negative,
            // 38 digits fit.
            digits: significant.iter().fold(0, append),
            exponent: exponent.try_into().map_err(|_| OVERFLOW)?,
        })
    }

    /// The sum, or why DynamoDB cannot store it.
    pub(crate) fn plus(self, other: Self) -> Result<Self, &'static str> {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.digits_from(exponent), other.digits_from(exponent));
        let (negative, digits) = if self.negative == other.negative {
            (self.negative, sum(&a, &b))
        } else if self.cmp_magnitude(&other) == Ordering::Less {
            (other.negative, difference(&b, &a))
        } else {
            (self.negative, difference(&a, &b))
        };
        let digits: Vec<u8> = digits.into_iter().rev().collect();
        Self::of_digits(negative, &digits, exponent.into())
    }

    /// The same number with the other sign.
    pub(crate) fn negated(self) -> Self {
        Self {
            negative: !self.negative && self.digits != 0,
            ..self
        }
    }

    /// The number of bytes that DynamoDB counts: one for two digits, paired from the decimal point in both
    /// directions, one more, and one for a minus sign. AWS's own emulator counts so.
    pub(crate) fn size(&self) -> usize {
        let last = i64::from(self.exponent);
        let end = last + self.len() as i64;
        let pairs = (end + 1).div_euclid(2) - last.div_euclid(2);
        let pairs = usize::try_from(pairs).unwrap_or(0);
        match self.digits {
            0 => 1,
            _ => (pairs + 1 + usize::from(self.negative)).min(MAX_SIZE),
        }
    }

    /// How many digits there are.
    fn len(&self) -> u32 {
        self.digits.checked_ilog10().map_or(0, |power| power + 1)
    }

    /// The digits as a multiple of this power of ten, which is not above the number's own; the last one first.
    fn digits_from(&self, exponent: i32) -> Vec<u8> {
        let zeros = self.exponent.abs_diff(exponent) as usize;
        let mut digits = vec![0; zeros];
        let mut rest = self.digits;
        while rest > 0 {
            digits.push((rest % 10) as u8);
            rest /= 10;
        }
        digits
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        let order = |number: &Self| {
            let len = number.len();
            // Zero is below all others, whatever their exponent is.
            let power = (len > 0).then(|| i64::from(number.exponent) + i64::from(len));
            let missing = (MAX_DIGITS as u32).saturating_sub(len);
            // 38 digits fit.
            (power, number.digits * 10_u128.pow(missing))
        };
        order(self).cmp(&order(other))
    }
}

/// Adds two numbers whose last digits come first.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let len = a.len().max(b.len()) + 1;
    let digit = |of: &[u8], i| of.get(i).copied().unwrap_or(0);
    (0..len)
        .map(|i| {
            let sum = digit(a, i) + digit(b, i) + carry;
            carry = sum / 10;
            sum % 10
        })
        .collect()
}

/// Subtracts the smaller number from the larger one.
fn difference(larger: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut borrowed = 0;
    let digits = larger.iter().enumerate().map(|(i, digit)| {
        let less = smaller.get(i).copied().unwrap_or(0) + borrowed;
        borrowed = u8::from(*digit < less);
        digit + 10 * borrowed - less
    });
    digits.collect()
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Plain digits, without an exponent and without outer zeros, as DynamoDB returns a number.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.to_string();
        let sign = if self.negative { "-" } else { "" };
        let point = i64::from(self.exponent) + digits.len() as i64;
        match usize::try_from(point) {
            _ if self.digits == 0 => f.write_str("0"),
            // All digits are behind the point.
            Err(_) | Ok(0) => {
                let zeros = point.unsigned_abs() as usize;
                write!(f, "{sign}0.{:0<zeros$}{digits}", "")
            }
            Ok(point) => match digits.split_at_checked(point) {
                Some((whole, fraction)) if !fraction.is_empty() => {
                    write!(f, "{sign}{whole}.{fraction}")
                }
                _ => write!(f, "{sign}{digits:0<point$}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn a_number_has_one_text_in_any_spelling() {
        for (spelled, text) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("0e999", "0"),
            ("+17", "17"),
            ("-017.50", "-17.5"),
            ("1.e2", "100"),
            (".5", "0.5"),
            ("1E-3", "0.001"),
            ("123456e-3", "123.456"),
            ("1.50E1", "15"),
        ] {
            assert_eq!(n(spelled).to_string(), text, "{spelled}");
        }
        let many = "9".repeat(38);
        assert_eq!(n(&many).to_string(), many);
        assert_eq!(n("9.99e125").to_string(), format!("999{}", "0".repeat(123)));
        for whole in [0, 7, 100, u64::MAX] {
            assert_eq!(Number::of(whole), n(&whole.to_string()));
        }
        assert_eq!(n("1e-130").to_string(), format!("0.{}1", "0".repeat(129)));
    }

    #[test]
    fn malformed_and_extreme_numbers_are_refused() {
        let long = "1".repeat(39);
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+-2",
            "1.2.3",
            "0x1",
            "NaN",
            "inf",
            " 1",
            "1 ",
            "--1",
            "1e126",
            "1e-131",
            "1e99999999999",
            &long,
        ] {
            assert!(Number::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_order_is_that_of_the_values() {
        let ascending = [
            "-1e125", "-10", "-9.5", "-1e-130", "0", "1e-130", "0.09", "0.1", "9", "9.01", "10",
            "1e125",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(n(a).cmp(&n(b)), i.cmp(&j), "{a} and {b}");
            }
        }
        let (less, more) = (
            "12345678901234567890123456789012345677",
            "12345678901234567890123456789012345678",
        );
        assert!(n(less) < n(more));
    }

    #[test]
    fn sums_are_exact() {
        for (a, b, sum) in [
            ("1", "1", "2"),
            ("0.1", "0.2", "0.3"),
            ("1", "-1", "0"),
            ("-5", "3", "-2"),
            ("3", "-5", "-2"),
            ("999", "1", "1000"),
            ("1e20", "-1", "99999999999999999999"),
            ("-0.5", "0", "-0.5"),
            (
                "99999999999999999999999999999999999999",
                "1",
                "100000000000000000000000000000000000000",
            ),
        ] {
            assert_eq!(n(a).plus(n(b)), Ok(n(sum)), "{a} + {b}");
        }
        assert_eq!(n("1e100").plus(n("1")), Err(TOO_PRECISE));
        assert_eq!(n("9e125").plus(n("9e125")), Err(OVERFLOW));
        assert_eq!(n("7").negated(), n("-7"));
        assert_eq!(n("0").negated(), n("0"));
    }

    #[test]
    fn two_digits_take_a_byte() {
        for (text, size) in [
            ("0", 1),
            ("1", 2),
            ("-1", 3),
            ("100", 2),
            ("120", 3),
            ("1200", 2),
            ("12.3", 3),
            ("1.2", 3),
            ("0.05", 2),
            ("0.012", 3),
            ("1e100", 2),
            ("99999999999999999999999999999999999999", 20),
            ("-99999999999999999999999999999999999999e1", 21),
        ] {
            assert_eq!(n(text).size(), size, "{text}");
        }
    }
}
