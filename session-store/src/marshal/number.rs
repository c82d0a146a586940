//! Decimal numbers as DynamoDB keeps them, in any spelling.

/// A number as DynamoDB keeps it: `0.digits × 10^exponent`, the digits without outer zeros.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

const MAX_DIGITS: usize = 38;
/// The bytes of a number at most.
const MAX_SIZE: usize = 21;

type Parsed = Result<Number, &'static str>;

impl Number {
    /// Reads a number in any spelling, or says why DynamoDB would refuse it.
    pub(crate) fn parse(text: &str) -> Parsed {
        const MALFORMED: &str = "not a finite decimal number";
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().map_err(|_| MALFORMED)?),
            None => (unsigned, 0_i32),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let joined;
        let digits = if fraction.is_empty() {
            whole
        } else {
            joined = [whole, fraction].concat();
            &joined
        };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(MALFORMED);
        }
        // The length of a string in memory fits an i64 with room to spare.
        Self::scaled(
            negative,
            digits,
            i64::from(exponent) - fraction.len() as i64,
        )
    }

    /// The number `digits × 10^exponent`.
    pub(crate) fn scaled(negative: bool, digits: &str, exponent: i64) -> Parsed {
        let significant = digits.trim_start_matches('0');
        let trimmed = significant.trim_end_matches('0');
        if trimmed.is_empty() {
            return Ok(Self {
                negative: false,
                digits: Vec::new(),
                exponent: 0,
            });
        }
        if trimmed.len() > MAX_DIGITS {
            return Err("a number of more than 38 digits");
        }
        let exponent = exponent.saturating_add(significant.len() as i64);
        if exponent > 126 {
            return Err("a number beyond 9.99e125");
        }
        if exponent < -129 {
            return Err("a number closer to zero than 1e-130");
        }
        Ok(Self {
            negative,
            digits: trimmed.as_bytes().to_vec(),
            exponent,
        })
    }

    /// One byte for two digits, paired from the decimal point in both directions, one byte more, and one for
    /// a minus sign; at most 21.
    pub(crate) fn size(&self) -> usize {
        let last = self.exponent - self.digits.len() as i64;
        let pairs = (self.exponent + 1).div_euclid(2) - last.div_euclid(2);
        let size = usize::try_from(pairs).unwrap_or(0) + 1 + usize::from(self.negative);
        size.min(MAX_SIZE)
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    /// The number without its sign, as an integer and the power of ten that it is to be multiplied by.
    pub(crate) fn mantissa(&self) -> (u128, i64) {
        // At most 38 digits fit.
        let digits = self.digits.iter();
        let mantissa = digits.fold(0, |n, digit| n * 10 + u128::from(digit - b'0'));
        (mantissa, self.exponent - self.digits.len() as i64)
    }

    /// The one spelling that DynamoDB returns: plain digits, without an exponent and without outer zeros.
    pub(crate) fn text(&self) -> String {
        let digits = String::from_utf8_lossy(&self.digits);
        let sign = if self.negative { "-" } else { "" };
        if digits.is_empty() {
            return "0".to_owned();
        }
        match usize::try_from(self.exponent) {
            // All digits are behind the decimal point.
            Err(_) | Ok(0) => {
                let zeros = usize::try_from(-self.exponent).unwrap_or(0);
                format!("{sign}0.{:0<zeros$}{digits}", "")
            }
            Ok(point) if point < digits.len() => {
                let (whole, fraction) = digits.split_at(point);
                format!("{sign}{whole}.{fraction}")
            }
            Ok(point) => format!("{sign}{digits:0<point$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_the_text_that_dynamodb_returns() {
        for (spelled, text) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e99", "0"),
            ("17", "17"),
            ("+17", "17"),
            ("-017.50", "-17.5"),
            ("1e2", "100"),
            ("1.5E1", "15"),
            ("0.1", "0.1"),
            (".5", "0.5"),
            ("1e-3", "0.001"),
            ("123456e-3", "123.456"),
            (
                "10000000000000000000000000000000000000000",
                "10000000000000000000000000000000000000000",
            ),
            (
                "99999999999999999999999999999999999999",
                "99999999999999999999999999999999999999",
            ),
        ] {
            assert_eq!(Number::parse(spelled).unwrap().text(), text, "{spelled}");
        }
        let largest = Number::parse("9.99e125").unwrap().text();
        assert_eq!(largest, format!("999{}", "0".repeat(123)));
        let smallest = Number::parse("1e-130").unwrap().text();
        assert_eq!(smallest, format!("0.{}1", "0".repeat(129)));
    }

    #[test]
    fn a_text_is_the_same_number_as_its_spelling() {
        for spelled in [
            "1e100",
            "-1.5e-99",
            "123456789.123456789",
            "1e-130",
            "-9.99e125",
        ] {
            let number = Number::parse(spelled).unwrap();
            assert_eq!(Number::parse(&number.text()), Ok(number), "{spelled}");
        }
    }

    #[test]
    fn a_number_that_dynamodb_refuses_is_an_error() {
        let many = "1".repeat(39);
        for spelled in [
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
            "1e127",
            "1e-131",
            "1e99999999999",
            &many,
        ] {
            assert!(Number::parse(spelled).is_err(), "{spelled}");
        }
        assert!(Number::scaled(false, "1", i64::MAX).is_err());
        assert!(Number::scaled(true, "1", i64::MIN).is_err());
    }
}
