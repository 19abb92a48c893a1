use super::*;

fn receipt(ending: Ending) -> Receipt {
    Receipt {
        ending,
        run: RunId::from("ab"),
        started: 5,
        ended: 7,
        value: None,
    }
}

#[test]
fn receipts_survive_a_round_trip() {
    for ending in [
        Ending::Succeeded,
        Ending::Failed { code: 125 },
        Ending::TimedOut,
        Ending::Refused,
        Ending::Stopped,
    ] {
        for value in [None, Some("sha256:12 34".to_owned())] {
            let receipt = Receipt {
                value,
                ..receipt(ending)
            };
            let line = render_receipt(&receipt);
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(read_receipt(&words), Some(receipt));
        }
    }
}

#[test]
fn a_torn_answer_says_nothing() {
    let whole = "hello\n@mrsk attempt ab 1 lost\n@mrsk end\n";
    assert_eq!(listing(whole).unwrap().attempts.len(), 1);
    for cut in 0..whole.len() {
        assert_eq!(listing(&whole[..cut]), Err(AnswerError::Torn), "{cut}");
    }
}

#[test]
fn an_error_is_told() {
    let text = format!("@mrsk error {}\n@mrsk end\n", STANDARD.encode("disk full"));
    assert_eq!(beat(&text), Err(AnswerError::Refused("disk full".into())));
}

#[test]
fn events() {
    let line = |text: &str| Line::read(text).unwrap().event();
    assert_eq!(
        line("@mrsk claimed ab 2"),
        Ok(Event::Claimed("ab".into(), 2))
    );
    assert_eq!(
        line("@mrsk ended ab 2 failed 3 ab 5 7 - end YWI= -"),
        Ok(Event::Ended {
            step: "ab".into(),
            attempt: 2,
            receipt: receipt(Ending::Failed { code: 3 }),
            output: "ab".into(),
            diagnosis: String::new(),
        })
    );
    assert!(line("@mrsk ended ab 2 failed 3 ab 5 7 -").is_err());
    let polled = |status: &str| {
        let (attempt, of, status) = (3, 7, status.into());
        let poll = PollAttempt {
            attempt,
            of,
            status,
        };
        Ok(Event::PollAttempt("ab".into(), poll))
    };
    assert_eq!(line("@mrsk poll ab 3 7 NTAz"), polled("503"));
    assert_eq!(line("@mrsk poll ab 3 7 -"), polled(""));
    assert!(line("@mrsk poll ab 3 7").is_err());
    assert_eq!(Line::read("claimed ab 2"), None);
}

#[test]
fn other_answers() {
    assert_eq!(lock_status("@mrsk free\n@mrsk end\n"), Ok(None));
    assert_eq!(attempt("@mrsk none\n@mrsk end\n", "s", 1), Ok(None));
    let other = "@mrsk attempt s 2 lost\n@mrsk end\n";
    assert_eq!(attempt(other, "s", 2), Ok(Some(AttemptState::Lost)));
    assert!(attempt(other, "s", 1).is_err() && attempt(other, "t", 2).is_err());
    assert!(matches!(
        beat("@mrsk free\n@mrsk end\n"),
        Err(AnswerError::Malformed(_))
    ));
}
