//! A moment from which on something is shown, as it is typed: a time, or how long ago.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A moment, as the audit log writes it: texts of it sort as the moments do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment(String);

impl Moment {
    /// Returns the moment of `2013-01-02T13:23:37Z`, `2013-01-02` (midnight UTC), `42m` or `1h30m` ago.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let now = Timestamp::now();
        at(text, now).map(Self::of).ok_or_else(|| {
            "expected a time such as 2013-01-02T13:23:37Z, a date, or how long ago, such as 42m, 3h or 2d"
                .to_owned()
        })
    }

    fn of(at: Timestamp) -> Self {
        Self(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Returns the text, as the audit log would have it.
    pub fn text(&self) -> &str {
        &self.0
    }
}

fn at(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(seconds) = seconds(text) {
        return Timestamp::from_second(now.as_second().checked_sub(seconds)?).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let date = text.parse::<Date>().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Returns the seconds of numbers with units, such as `1h30m`.
fn seconds(text: &str) -> Option<i64> {
    let mut sum = 0_i64;
    let mut digits = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return None,
        };
        let number: i64 = digits.parse().ok()?;
        digits.clear();
        sum = sum.checked_add(number.checked_mul(unit)?)?;
    }
    (digits.is_empty() && !text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_dates_and_durations_are_moments() {
        let now: Timestamp = "2026-01-02T10:00:00Z".parse().unwrap();
        let moment = |text| at(text, now).map(|at| Moment::of(at).text().to_owned());
        for (text, expected) in [
            ("42m", "2026-01-02T09:18:00Z"),
            ("1h30m", "2026-01-02T08:30:00Z"),
            ("2d", "2025-12-31T10:00:00Z"),
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(moment(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "m", "5", "5x", "yesterday", "99999999999999999999w"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
