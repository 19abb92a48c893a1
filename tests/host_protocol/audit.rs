//! The audit log: made of what attempts have left, each once, whatever is killed meanwhile.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use mrsk::name::RunId;
use mrsk::record::living::About;
use mrsk::record::{Ending, Receipt};
use mrsk::transport::answer::WriteAnswer;
use mrsk::transport::request::{AttemptRef, Record, StepRequest};
use mrsk::transport::{LinkError, script};

use crate::fixture::{Fixture, Sh, attempt, block, eventually, feed, step};
use crate::sample;

const LOG: &str = "home/mrsk-app-audit.log";

fn receipt(ending: Ending, value: Option<&str>) -> Receipt {
    Receipt {
        ending,
        run: RunId::from("r1"),
        started: 5,
        ended: 9,
        value: value.map(str::to_owned),
    }
}

/// Records the end of a step of the machine that applies the plan; without one, that it begins.
fn record(fixture: &Fixture, subject: &str, receipt: Option<Receipt>) -> AttemptRef {
    let record = Record {
        attempt: attempt(&step(subject.split(' ').next().unwrap(), &[])),
        run: RunId::from("r1"),
        receipt,
        subject: subject.to_owned(),
        about: About::default(),
    };
    let answer = block(fixture.host.record(&fixture.place(), &record)).unwrap();
    assert_eq!(answer, WriteAnswer::Written);
    record.attempt
}

/// What lines say behind their time, sorted.
fn lines(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let (time, rest) = line.split_once("] ").unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!(time.len(), "[2026-01-01T00:00:00Z".len(), "{line}");
        rest.to_owned()
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines
}

/// Leaves three attempts that have ended, and one without a receipt.
fn leave_attempts(fixture: &Fixture) -> Vec<String> {
    fixture.fence("r1");
    let again = StepRequest {
        attempt: 2,
        ..step("again", &["exit 3"])
    };
    fixture
        .start("r1", &[step("good", &["true"]), again])
        .unwrap();
    record(fixture, "built", Some(receipt(Ending::Succeeded, None)));
    record(
        fixture,
        "cleaned",
        Some(receipt(Ending::Uncleaned { code: 4 }, None)),
    );
    record(
        fixture,
        "held",
        Some(receipt(Ending::Superseded, Some("b2"))),
    );
    record(fixture, "told", None);
    let lines = [
        "[jo] deploy 1 plan a1 again failed with status 3 (attempt 2)",
        "[jo] deploy 1 plan a1 good succeeded",
        "built succeeded",
        "cleaned failed with status 4, cleanup skipped: another plan had begun",
        "held ended by another plan",
        "told left no receipt",
    ];
    lines.map(str::to_owned).to_vec()
}

#[test]
fn times_are_told_as_date_tells_them() {
    #[rustfmt::skip]
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (1_709_164_800, "2024-02-29T00:00:00Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (1_741_046_889, "2025-03-04T00:08:09Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ];
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        for (ended, _) in cases {
            let receipt = Receipt {
                ended,
                ..receipt(Ending::Succeeded, None)
            };
            record(&fixture, &format!("at{ended}"), Some(receipt));
        }
        let said = fixture.audit();
        for (ended, time) in cases {
            let line = format!("[{time}] at{ended} succeeded\n");
            assert!(said.contains(&line), "{sh:?} {line} {said}");
        }
    }
}

#[test]
fn each_attempt_that_has_ended_stands_once() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let expected = leave_attempts(&fixture);
        let shown = lines(&fixture.audit());
        assert_eq!(shown, expected[..5], "{sh:?}: before anything is written");
        assert_eq!(fixture.read(LOG), "");
        let (place, run) = (fixture.place(), RunId::from("r1"));
        for _ in 0..2 {
            block(fixture.host.audit(&place, &run)).unwrap();
            assert_eq!(lines(&fixture.read(LOG)), expected, "{sh:?}");
        }
        fixture.fence("r2");
        let other = block(fixture.host.audit(&place, &run)).unwrap();
        assert_eq!(other, WriteAnswer::Refused, "{sh:?}");
        block(fixture.host.finish(&place, &RunId::from("r2"))).unwrap();
        assert_eq!(lines(&fixture.read(LOG)), expected, "{sh:?}");
        assert_eq!(lines(&fixture.audit()), expected);
    }
}

#[test]
fn lines_stand_in_the_order_in_which_steps_ended() {
    let fixture = Fixture::new(Sh::Dash);
    fixture.fence("r1");
    let names = ["e", "a", "d", "b", "c"];
    let batch = names.map(|name| step(name, &["true"]));
    fixture.start("r1", &batch).unwrap();
    fixture.fence("r2");
    let text = fixture.read(LOG);
    let order: Vec<&str> = text
        .lines()
        .map(|line| line.split(' ').nth(6).unwrap())
        .collect();
    assert_eq!(order, names);
}

/// Kills the script that brings the log up to date before the line that `find` returns, and plays the run that comes next. Returns whether
/// there is that line.
fn kill_before(sh: Sh, find: impl Fn(&[&str]) -> Option<usize>) -> bool {
    let fixture = Fixture::new(sh);
    let expected = leave_attempts(&fixture);
    let script = script::audit(&fixture.place(), &RunId::from("r1")).unwrap();
    let lines_of_script: Vec<&str> = script.text().lines().collect();
    let Some(index) = find(&lines_of_script) else {
        return false;
    };
    let (before, behind) = lines_of_script.split_at(index);
    let killed = [before, &["kill -9 $$"], behind].concat().join("\n") + "\n";
    feed(&fixture, killed.as_bytes());
    let about = format!("{sh:?}, line {index}: {}", behind[0]);
    let whole = expected.iter().filter(|line| !line.starts_with("told"));
    let mut shown = lines(&fixture.audit());
    shown.retain(|line| !line.starts_with("told"));
    assert_eq!(shown, whole.cloned().collect::<Vec<_>>(), "{about}");
    fixture.fence("r2");
    assert_eq!(lines(&fixture.read(LOG)), expected, "{about}");
    true
}

/// Kills the script before a line of those that it does not share with others.
fn kill_at(sh: Sh, index: usize) -> bool {
    kill_before(sh, |lines| {
        let is_first = |line: &&str| line.starts_with("append() {");
        let at = lines.iter().position(is_first)? + index;
        (at < lines.len()).then_some(at)
    })
}

#[test]
fn a_line_whose_mark_is_missing_is_not_written_again() {
    for sh in Sh::all() {
        let is_mark = |line: &&str| line.starts_with("  for mrsk_mark in");
        let find = |lines: &[&str]| lines.iter().position(is_mark);
        assert!(kill_before(sh, find), "{sh:?}");
    }
}

/// Kills the shell at each line, or at every 27th: each shell at lines of its own.
fn kill_everywhere(sh: Sh, offset: usize) {
    let (first, stride) = sample::lines(offset, 27);
    let next = AtomicUsize::new(first);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| while kill_at(sh, next.fetch_add(stride, Ordering::Relaxed)) {});
        }
    });
}

#[test]
fn dash_killed_at_each_line_writes_each_line_once() {
    kill_everywhere(Sh::Dash, 0);
}

#[test]
fn bash_killed_at_each_line_writes_each_line_once() {
    kill_everywhere(Sh::Bash, 9);
}

#[test]
fn busybox_killed_at_each_line_writes_each_line_once() {
    if Sh::all().contains(&Sh::Busybox) {
        kill_everywhere(Sh::Busybox, 18);
    }
}

#[test]
fn a_step_is_told_of_when_it_has_ended_and_a_lost_one_too() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let sleeper = step("sleeper", &["exec sleep 30"]);
        let claim = fixture.attempt_directory(&attempt(&sleeper)).join("claim");
        let claimed = || fs::read_to_string(&claim).unwrap_or_default();
        fixture.fence("r1");
        std::thread::scope(|scope| {
            let run = scope.spawn(|| fixture.start("r1", std::slice::from_ref(&sleeper)));
            let sessions = fixture
                .attempt_directory(&attempt(&sleeper))
                .join("sessions");
            eventually("a session", || {
                fs::metadata(&sessions).is_ok_and(|file| file.len() > 0)
            });
            fixture.fence("r2");
            assert_eq!(fixture.audit(), "", "{sh:?}: alive");
            let session = fs::read_to_string(&sessions).unwrap();
            for text in [claimed(), session] {
                let id = text.split(' ').next().unwrap().to_owned();
                let kill = std::process::Command::new("kill")
                    .args(["-9", &id])
                    .status();
                assert!(kill.unwrap().success());
            }
            run.join().unwrap().unwrap_err();
        });
        fixture.settled(&attempt(&sleeper));
        let line = "[jo] deploy 1 plan a1 sleeper left no receipt";
        assert_eq!(lines(&fixture.audit()), [line], "{sh:?}");
        fixture.fence("r3");
        fixture.fence("r4");
        assert_eq!(lines(&fixture.read(LOG)), [line], "{sh:?}");
    }
}

/// Makes runs that are younger than those of `fixture`, so that these are removed.
fn make_old(fixture: &Fixture) {
    let runs = fixture.path("state/app@/runs");
    for index in 0..25_u8 {
        fs::create_dir_all(runs.join(format!("{index:02x}ff"))).unwrap();
    }
    let old = SystemTime::now() - Duration::from_secs(5000);
    fs::File::open(runs.join("a1"))
        .unwrap()
        .set_modified(old)
        .unwrap();
}

#[test]
fn no_receipt_is_removed_before_its_line_is_written() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let expected = leave_attempts(&fixture);
        make_old(&fixture);
        let (place, run) = (fixture.place_of("c3"), RunId::from("r3"));
        fs::create_dir(fixture.path(LOG)).unwrap();
        block(fixture.host.fence(&place, &run, &1.into())).unwrap();
        let error = block(fixture.host.finish(&place, &run)).unwrap_err();
        assert!(
            matches!(&error, LinkError::Script { message } if message.contains("audit.log")),
            "{sh:?}: {error:?}"
        );
        assert!(fixture.path("state/app@/runs/a1").exists(), "{sh:?}");
        fs::remove_dir(fixture.path(LOG)).unwrap();
        block(fixture.host.finish(&place, &run)).unwrap();
        assert!(!fixture.path("state/app@/runs/a1").exists(), "{sh:?}");
        assert_eq!(lines(&fixture.read(LOG)), expected, "{sh:?}");
    }
}

#[test]
fn the_log_is_rotated_and_a_torn_line_ends() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        fs::write(fixture.path(LOG), "first\n[2026-").unwrap();
        record(&fixture, "one", Some(receipt(Ending::TimedOut, None)));
        let (place, run) = (fixture.place(), RunId::from("r1"));
        block(fixture.host.audit(&place, &run)).unwrap();
        let text = "first\n[2026-\n[1970-01-01T00:00:09Z] one timed out\n";
        assert_eq!(fixture.read(LOG), text, "{sh:?}");
        let long = text.to_owned() + &"x".repeat(1_048_576) + "\n";
        fs::write(fixture.path(LOG), &long).unwrap();
        record(&fixture, "two", Some(receipt(Ending::Refused, None)));
        block(fixture.host.audit(&place, &run)).unwrap();
        let two = "[1970-01-01T00:00:09Z] two refused\n";
        assert_eq!(fixture.read(LOG), two, "{sh:?}");
        assert_eq!(fixture.audit(), long + two, "{sh:?}");
    }
}

#[test]
fn nothing_that_an_attempt_holds_forges_a_line() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let forged =
            "a\n[2026-01-01T00:00:00Z] [root] deploy 9 plan b b/step \u{1b}[31m\u{9b}succeeded";
        let value = "b/up answered 200\n[2026-01-01T00:00:00Z] forged\u{1b}";
        record(
            &fixture,
            forged,
            Some(receipt(Ending::Succeeded, Some(value))),
        );
        record(
            &fixture,
            "c",
            Some(receipt(Ending::Succeeded, Some("sha256:aa"))),
        );
        fixture.fence("r2");
        let text = fixture.read(LOG);
        let expected = "a [2026-01-01T00:00:00Z] [root] deploy 9 plan b b/step  [31m succeeded succeeded: b/up answered 200 [2026-01-01T00:00:00Z] forged ";
        assert_eq!(lines(&text), [expected, "c succeeded"], "{sh:?}");
        assert_eq!(lines(&fixture.audit()), lines(&text), "{sh:?}");
    }
}

#[test]
fn the_host_knows_where_its_records_are() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        // The login of another user than root.
        fs::remove_file(fixture.path("bin/id")).unwrap_or_default();
        fixture.fake("id", "echo 1000");
        let scope = fixture.place().scope;
        let audit = || block(fixture.host.read_audit(&scope, None)).unwrap();
        assert_eq!(audit(), "", "{sh:?}: nothing ran here");
        let mut place = fixture.place();
        place.state_dir = fixture.path("home/.mrsk").display().to_string();
        let run = RunId::from("r1");
        block(fixture.host.fence(&place, &run, &0.into())).unwrap();
        let record = Record {
            attempt: attempt(&step("one", &[])),
            run,
            receipt: Some(receipt(Ending::Succeeded, None)),
            subject: "one".to_owned(),
            about: About::default(),
        };
        block(fixture.host.record(&place, &record)).unwrap();
        assert_eq!(lines(&audit()), ["one succeeded"], "{sh:?}");
    }
}

#[test]
fn a_log_that_cannot_be_read_is_told() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fs::create_dir_all(fixture.path(LOG)).unwrap();
        let place = fixture.place();
        let asked = fixture
            .host
            .read_audit(&place.scope, Some(&place.state_dir));
        let error = block(asked).unwrap_err();
        assert!(error.to_string().contains("cannot read"), "{sh:?} {error}");
    }
}
