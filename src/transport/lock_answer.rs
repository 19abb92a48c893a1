//! The wire form of the answer to a request for the deploy lock. Pure.

use super::answer::{AnswerError, decode, single};
use super::living::told;
use crate::record::living::Told;
use crate::record::{LockAnswer, LockDetails};

/// Reads the answer to a request for the lock.
///
/// # Errors
///
/// Fails if it is torn, or the script gave up; and if it is an answer to something else.
pub fn lock(text: &str) -> Result<LockAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["acquired", generation, taken, ref open @ ..] => Some(LockAnswer::Acquired {
            generation: generation.parse().ok()?,
            taken_from: match decode(taken)? {
                text if text.is_empty() => None,
                text => Some(LockDetails::parse(&text)),
            },
            open: self::open(open)?,
        }),
        ["open", age, details, ref open @ ..] => Some(LockAnswer::Open {
            details: LockDetails::parse(&decode(details)?),
            beat_age: age.parse().ok()?,
            open: self::open(open)?,
        }),
        ["held", age, details] => Some(LockAnswer::Held {
            details: LockDetails::parse(&decode(details)?),
            beat_age: age.parse().ok()?,
        }),
        ["queued", ahead] => Some(LockAnswer::Queued {
            ahead: ahead.parse().ok()?,
        }),
        ["foreign", text] => Some(LockAnswer::Foreign {
            text: decode(text)?,
        }),
        _ => None,
    })
}

/// Reads what steps that have not ended say about themselves. What is torn is left out.
fn open(words: &[&str]) -> Option<Vec<Told>> {
    let texts = words.iter().map(|word| decode(word));
    let texts: Option<Vec<String>> = texts.collect();
    Some(texts?.iter().filter_map(|text| told(text)).collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::record::living::About;
    use crate::transport::living::render_about;

    #[test]
    fn a_free_lock_is_taken() {
        assert_eq!(
            lock("@mrsk acquired 1 -\n@mrsk end\n"),
            Ok(LockAnswer::Acquired {
                generation: 1,
                taken_from: None,
                open: Vec::new(),
            })
        );
        assert!(lock("@mrsk acquired 1 - *\n@mrsk end\n").is_err());
    }

    #[test]
    fn what_a_dead_run_left_open_is_read() {
        let about = About {
            kind: "release".into(),
            step: "app1/release/2/run".into(),
            summary: "Run bin/migrate".into(),
            user: "Ada".into(),
        };
        let text = format!("{} sha256:a1 5 -\n", render_about(&about));
        let [whole, torn] = [text.as_str(), &text[..9]].map(|text| STANDARD.encode(text));
        let details = STANDARD.encode("Run: r1");
        let answer = format!("@mrsk open 70 {details} {whole} {torn}\n@mrsk end\n");
        let told = Told {
            about,
            started: 5,
            deadline: None,
        };
        assert_eq!(
            lock(&answer),
            Ok(LockAnswer::Open {
                details: LockDetails::parse("Run: r1"),
                beat_age: 70,
                open: vec![told],
            })
        );
    }
}
