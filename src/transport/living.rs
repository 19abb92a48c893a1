//! The wire forms of attempts of other plans that live: the file `about`, and the lines of the answer. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::{AnswerError, FenceAnswer, Line, decode, lines, listed};
use crate::name::PlanDigest;
use crate::record::living::{About, AttemptName, LivingAttempt, Stage, Told};
use crate::record::{Serial, Unfinished};

/// Renders what the file `about` begins with: it goes on with the plan, the start and the deadline.
pub fn render_about(about: &About) -> String {
    let field = |text: &str| match text {
        "" => "-".to_owned(),
        text => STANDARD.encode(text),
    };
    let (step, summary, user) = (&about.step, &about.summary, &about.user);
    let texts = [field(step), field(summary), field(user)].join(" ");
    format!("{} {texts}", about.kind)
}

/// Reads a list of living attempts of other plans.
///
/// # Errors
///
/// As [`lines`]; and if it is an answer to something else.
pub fn others(text: &str) -> Result<Vec<LivingAttempt>, AnswerError> {
    lines(text)?.iter().map(living).collect()
}

/// Reads the answer to a fence.
///
/// # Errors
///
/// As [`others`].
pub fn fence(text: &str) -> Result<FenceAnswer, AnswerError> {
    let lines = lines(text)?;
    let Some((first, rest)) = lines.split_first() else {
        return Err(AnswerError::Malformed("nothing".to_owned()));
    };
    match first.words()[..] {
        ["fenced"] => {
            let is_other = |line: &&Line| line.words().first() == Some(&"living");
            let (others, own): (Vec<&Line>, Vec<&Line>) = rest.iter().partition(is_other);
            let own = listed(own.into_iter());
            let others: Result<_, _> = others.into_iter().map(living).collect();
            Ok(FenceAnswer::Fenced(own?, others?))
        }
        ["superseded", number, plan] => Ok(FenceAnswer::Superseded(Serial {
            number: first.number(number)?,
            plan: (plan != "-").then(|| PlanDigest::from(plan)),
        })),
        ["went_on", plan, attempts, checksum] => Ok(FenceAnswer::WentOn(Unfinished {
            plan: PlanDigest::from(plan),
            attempts: first.number(attempts)?,
            checksum: first.number(checksum)?,
        })),
        _ => Err(first.malformed()),
    }
}

/// Reads a line about a living attempt.
fn living(line: &Line) -> Result<LivingAttempt, AnswerError> {
    let read = || {
        let words = line.words();
        let &["living", digits, step, number, stage, about] = &words[..] else {
            return None;
        };
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_name(digits) || !is_name(step) {
            return None;
        }
        Some(LivingAttempt {
            name: AttemptName {
                digits: digits.to_owned(),
                step: step.to_owned(),
                number: number.parse().ok()?,
            },
            stage: match stage {
                "acts" => Stage::Acts,
                "undoes" => Stage::Undoes,
                _ => return None,
            },
            told: told(&decode(about)?),
        })
    };
    read().ok_or_else(|| line.malformed())
}

/// Reads the file `about`; `None` if it is missing, torn or of another version.
pub(super) fn told(text: &str) -> Option<Told> {
    let words: Vec<&str> = text.strip_suffix('\n')?.split(' ').collect();
    let &[kind, step, summary, user, _, started, deadline] = &words[..] else {
        return None;
    };
    let about = About {
        kind: kind.to_owned(),
        step: decode(step)?,
        summary: decode(summary)?,
        user: decode(user)?,
    };
    Some(Told {
        about,
        started: started.parse().ok()?,
        deadline: match deadline {
            "-" => None,
            deadline => Some(deadline.parse().ok()?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            kind: "drain".into(),
            step: "app1/web/app-web-1/drain".into(),
            summary: "Drain app-web-1 (up to 30 s)".into(),
            user: String::new(),
        }
    }

    fn answer(about: &str) -> String {
        let about = STANDARD.encode(about);
        format!("@mrsk living a1 0123 2 acts {about}\n@mrsk end\n")
    }

    #[test]
    fn what_an_attempt_says_about_itself_is_read_back() {
        for (deadline, expected) in [("-", None), ("95", Some(95))] {
            let text = format!("{} sha256:a1 5 {deadline}\n", render_about(&about()));
            let [living] = &others(&answer(&text)).unwrap()[..] else {
                panic!("one attempt");
            };
            assert_eq!((living.name.number, living.stage), (2, Stage::Acts));
            let told = living.told.as_ref().unwrap();
            assert_eq!(told.about, about());
            assert_eq!((told.started, told.deadline), (5, expected));
        }
    }

    #[test]
    fn an_attempt_whose_file_is_torn_is_unknown() {
        let whole = format!("{} sha256:a1 5 95\n", render_about(&about()));
        for length in 1..whole.len() {
            let read = others(&answer(&whole[..length])).unwrap();
            assert_eq!(read[0].told, None, "{length}");
        }
        let missing = "@mrsk living a1 0123 2 undoes -\n@mrsk end\n";
        assert_eq!(others(missing).unwrap()[0].told, None);
    }

    #[test]
    fn a_fence_is_answered_with_both_lists() {
        let text = "@mrsk fenced\n@mrsk attempt 0123 1 running\n@mrsk living a1 0123 2 undoes -\n@mrsk end\n";
        let Ok(FenceAnswer::Fenced(own, others)) = fence(text) else {
            panic!("{:?}", fence(text));
        };
        assert_eq!((own.attempts.len(), others.len()), (1, 1));
        assert_eq!(others[0].stage, Stage::Undoes);
        let superseded = FenceAnswer::Superseded(Serial {
            number: 4,
            plan: Some(PlanDigest::from("sha256:aa")),
        });
        assert_eq!(
            fence("@mrsk superseded 4 sha256:aa\n@mrsk end\n"),
            Ok(superseded)
        );
        let odd = "@mrsk fenced\n@mrsk alive\n@mrsk end\n";
        assert!(fence(odd).is_err());
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "living a1 0123 2 sleeps -",
            "living a1 0123 x acts -",
            "living ../a1 0123 2 acts -",
            "living a1 01/23 2 acts -",
            "living a1 0123 2 acts",
            "living a1 0123 2 acts *",
            "attempt 0123 1 running",
        ] {
            let read = others(&format!("@mrsk {line}\n@mrsk end\n"));
            assert!(matches!(read, Err(AnswerError::Malformed(_))), "{line}");
        }
    }
}
