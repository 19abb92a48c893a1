//! Scripts that are cut off, and scripts that are killed at each of their lines.

use std::sync::atomic::{AtomicUsize, Ordering};

use mrsk::action::{Action, VerifyImage};
use mrsk::name::RunId;
use mrsk::record::{AttemptState, Ending};
use mrsk::transport::answer::Event;
use mrsk::transport::request::{Inputs, StepRequest};
use mrsk::transport::script;

use crate::fixture::{Fixture, Sh, attempt, feed, sh_c, step};
use crate::sample;

/// Bytes between two cuts that are tried, beside those at each line.
const STRIDE: usize = 211;

fn script(fixture: &Fixture, batch: &[StepRequest]) -> String {
    let script = script::start(
        &fixture.place(),
        &RunId::from("r1"),
        batch,
        &Inputs::default(),
    );
    script.unwrap().text().to_owned()
}

#[test]
fn a_script_that_is_cut_off_runs_nothing() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let before = fixture.read("state/app@/serial");
        let script = script(&fixture, &[step("one", &["echo x >$ROOT/ran"])]);
        let length = script.trim_end().len();
        let lines = script
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(index, _)| index);
        let cuts = lines.chain((0..length).step_by(STRIDE));
        let (first, stride) = sample::lines(0, 3);
        let mut cuts: Vec<usize> = cuts.skip(first - 1).step_by(stride).collect();
        cuts.extend(length - 40..length);
        for cut in cuts.into_iter().filter(|cut| *cut < length) {
            let output = feed(&fixture, &script.as_bytes()[..cut]);
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert_eq!(stdout, "", "{sh:?} cut at {cut}");
        }
        assert_eq!(fixture.read("ran"), "", "{sh:?}");
        assert_eq!(fixture.list(), [], "{sh:?}");
        assert_eq!(fixture.read("state/app@/serial"), before);
        feed(&fixture, &script.as_bytes()[..length]);
        assert_eq!(fixture.read("ran"), "x\n", "{sh:?}: whole");
    }
}

/// Runs two steps, the second of which fails, with `kill -9` of the script before line `index`; then plays the runner that
/// comes next.
fn kill_at(sh: Sh, index: usize) -> bool {
    let fixture = Fixture::new(sh);
    fixture.fence("r1");
    let first = StepRequest {
        timeout_seconds: 20,
        shared_lock: true,
        ..step("first", &["echo x >>$ROOT/first"])
    };
    let second = StepRequest {
        timeout_seconds: 20,
        diagnose: vec![sh_c("echo why")],
        cleanup: vec![Action::Run(sh_c("true"))],
        ..step("second", &["echo x >>$ROOT/second; exit 3"])
    };
    let script = script(&fixture, &[first.clone(), second.clone()]);
    let lines: Vec<&str> = script.lines().collect();
    if index >= lines.len() {
        return false;
    }
    let killed = [&lines[..index], &["kill -9 $$"], &lines[index..]]
        .concat()
        .join("\n")
        + "\n";
    feed(&fixture, killed.as_bytes());
    let about = format!("{sh:?}, line {index}: {}", lines[index]);

    let listed = fixture.fence("r2");
    for attempt in &listed {
        assert!(attempt.number == 1, "{about}");
    }
    for (step, name) in [(&first, "first"), (&second, "second")] {
        let runs = fixture.read(name).len() / 2;
        match fixture.settled(&attempt(step)) {
            None => assert_eq!(runs, 0, "{about}: ran without a claim"),
            Some(AttemptState::Lost) => {}
            Some(AttemptState::Ended(receipt)) => {
                let is_as_it_went = match receipt.ending {
                    Ending::Succeeded => name == "first" && runs == 1,
                    Ending::Failed { code: 3 } => name == "second" && runs == 1,
                    // A subshell of the step was killed, or wrote the claim down for another.
                    Ending::Failed { .. } => true,
                    _ => false,
                };
                assert!(is_as_it_went, "{about}: {receipt:?} after {runs}");
            }
            Some(AttemptState::Running) => panic!("{about}"),
        }
        assert!(runs <= 1, "{about}: ran {runs} times");
        let again = StepRequest {
            attempt: 2,
            actions: crate::fixture::step("again", &["true"]).actions,
            ..step.clone()
        };
        let events = fixture.start("r2", std::slice::from_ref(&again)).unwrap();
        assert_eq!(events.len(), 2, "{about}: {events:?}");
        let Some(AttemptState::Ended(receipt)) = fixture.settled(&attempt(&again)) else {
            panic!("{about}: the second attempt has no receipt")
        };
        assert_eq!(receipt.ending, Ending::Succeeded, "{about}");
    }
    true
}

/// Kills the shell at each line, or at every 39th: each shell at lines of its own.
fn kill_everywhere(sh: Sh, offset: usize) {
    let (first, stride) = sample::lines(offset, 39);
    let next = AtomicUsize::new(first);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| while kill_at(sh, next.fetch_add(stride, Ordering::Relaxed)) {});
        }
    });
}

/// What cannot be encoded is missing; it is never taken for something else. What is short and plain needs no program.
#[test]
fn a_base64_that_fails_loses_the_output_and_not_the_end() {
    // Busybox has one of its own.
    for sh in Sh::all().into_iter().filter(|sh| *sh != Sh::Busybox) {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        fixture.fake("base64", "exit 1");
        let failing = step("failing", &["echo why; exit 3"]);
        let events = fixture.start("r1", std::slice::from_ref(&failing)).unwrap();
        let Some(Event::Ended {
            receipt, output, ..
        }) = events.last()
        else {
            panic!("{sh:?}: {events:?}")
        };
        assert_eq!(receipt.ending, Ending::Failed { code: 3 }, "{sh:?}");
        assert_eq!(output, "", "{sh:?}");
        let pull = StepRequest {
            actions: vec![Action::VerifyImage(VerifyImage {
                reference: "reg/app:1".into(),
                digest: Some("sha256:aä".into()),
                pushed_by: None,
            })],
            ..step("pull", &[])
        };
        fixture.fake("docker", "echo 'reg/app@sha256:aä '");
        let (receipt, ..) = fixture.run_one(&pull, &Inputs::default());
        assert_eq!(receipt.ending, Ending::Failed { code: 1 }, "{sh:?}");
    }
}

/// A greeting may not end its line; a line of the answer that follows it would be none.
#[test]
fn an_answer_begins_on_a_line_of_its_own() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let said = feed(&fixture, script(&fixture, &[step("one", &[])]).as_bytes());
        assert!(said.stdout.starts_with(b"\n@mrsk "), "{sh:?} {said:?}");
    }
}

#[test]
fn dash_killed_at_each_line_leaves_a_state_that_can_be_read() {
    kill_everywhere(Sh::Dash, 0);
}

#[test]
fn bash_killed_at_each_line_leaves_a_state_that_can_be_read() {
    kill_everywhere(Sh::Bash, 13);
}

#[test]
fn busybox_killed_at_each_line_leaves_a_state_that_can_be_read() {
    if Sh::all().contains(&Sh::Busybox) {
        kill_everywhere(Sh::Busybox, 26);
    }
}
