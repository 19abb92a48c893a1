//! How far a plan is that was not applied to its end: what the probe says, and what the fence of another plan compares it with.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use mrsk::facts::{self, Query};
use mrsk::name::RunId;
use mrsk::record::{Seen, Unfinished};
use mrsk::transport::answer::FenceAnswer;
use mrsk::transport::request::{Inputs, Place, StepRequest};
use mrsk::transport::script;

use crate::fixture::{Fixture, Sh, attempt, block, eventually, start, step};
use crate::orders::{each_line, stopped};

fn place(fixture: &Fixture, digits: &str) -> Place {
    fixture.place_of(&digits.repeat(32))
}

/// Runs a step of the plan that is half applied, if it may still run.
fn go_on(fixture: &Fixture, step: StepRequest) {
    let place = place(fixture, "a1");
    block(start(
        &fixture.host,
        &place,
        "r1",
        &[step],
        &Inputs::default(),
    ))
    .unwrap();
}

fn one() -> StepRequest {
    step("one", &["echo x >>$ROOT/ran"])
}

/// A host on which a plan has run a step, and whose probe finds what the scripts write.
fn half_applied(sh: Sh) -> Fixture {
    let fixture = Fixture::new(sh);
    symlink(fixture.path("state"), fixture.path("home/.mrsk")).unwrap();
    fixture.fake("id", "echo 'uid=1000(app) gid=1000(app)'");
    fs::remove_file(fixture.path("bin/id")).ok();
    let place = place(&fixture, "a1");
    let (run, seen) = (RunId::from("r1"), Seen::default());
    let fenced = block(fixture.host.fence(&place, &run, &seen)).unwrap();
    assert!(matches!(fenced, FenceAnswer::Fenced(..)));
    go_on(&fixture, one());
    fixture
}

/// Returns what a plan that is made now has seen.
fn look(fixture: &Fixture) -> Seen {
    let query = Query {
        service: "app".into(),
        extent: facts::Extent::State,
        ..Query::default()
    };
    let script = facts::probe_script(&query).unwrap();
    let answer = block(fixture.host.probe(&script)).unwrap();
    let serial = facts::parse(&answer, &query.secrets).unwrap().serial;
    Seen {
        serial: serial.number,
        unfinished: serial.unfinished,
    }
}

/// Writes the fence of another plan that saw this.
fn fence(fixture: &Fixture, seen: &Seen) -> FenceAnswer {
    let place = place(fixture, "b2");
    block(fixture.host.fence(&place, &RunId::from("r9"), seen)).unwrap()
}

#[test]
fn a_plan_follows_one_that_is_as_far_as_it_was() {
    for sh in Sh::all() {
        let fixture = half_applied(sh);
        let seen = look(&fixture);
        let attempts = seen.unfinished.as_ref().map(|last| last.attempts);
        assert_eq!((seen.serial, attempts), (1, Some(1)), "{sh:?}");
        assert!(matches!(fence(&fixture, &seen), FenceAnswer::Fenced(..)));
        // What it sends late is refused, and does not count.
        go_on(&fixture, one());
        assert!(matches!(fence(&fixture, &seen), FenceAnswer::Fenced(..)));
        assert_eq!(
            (look(&fixture), fixture.read("ran").as_str()),
            (seen, "x\n")
        );
    }
}

/// Changes what the plan that is half applied has left, and returns what another one saw before.
type Change = fn(&Fixture) -> Seen;

fn another_step(fixture: &Fixture) -> Seen {
    let seen = look(fixture);
    go_on(fixture, one());
    seen
}

/// The directory of the first attempt at a step.
fn attempt_directory(fixture: &Fixture, step: &StepRequest) -> PathBuf {
    let digits = "a1".repeat(32);
    fixture.path(&format!(
        "state/app@/runs/{digits}/{}/1",
        attempt(step).step
    ))
}

/// A step is alive at the look, and ends.
fn an_end(fixture: &Fixture) -> Seen {
    end(fixture).0
}

/// As [`an_end`], but no receipt tells of it.
fn a_lost_end(fixture: &Fixture) -> Seen {
    let (seen, step) = end(fixture);
    fs::remove_file(attempt_directory(fixture, &step).join("receipt")).unwrap();
    seen
}

fn end(fixture: &Fixture) -> (Seen, StepRequest) {
    let script = "echo x >$ROOT/begun; until [ -e $ROOT/go ]; do sleep 0.1; done";
    let slow = step("slow", &[script]);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| go_on(fixture, slow.clone()));
        eventually("it begins", || !fixture.read("begun").is_empty());
        let seen = look(fixture);
        assert_eq!(look(fixture), seen);
        fs::write(fixture.path("go"), "").unwrap();
        running.join().unwrap();
        (seen, slow.clone())
    })
}

fn a_lost_claim(fixture: &Fixture) -> Seen {
    let one = one();
    go_on(fixture, one.clone());
    let seen = look(fixture);
    fs::remove_dir_all(attempt_directory(fixture, &one)).unwrap();
    seen
}

#[test]
fn a_plan_that_saw_less_or_more_of_the_last_one_does_not_begin() {
    let changes: [(&str, Change); 4] = [
        ("another step", another_step),
        ("an end", an_end),
        ("a lost end", a_lost_end),
        ("a lost claim", a_lost_claim),
    ];
    for sh in Sh::all() {
        for (name, change) in changes {
            let fixture = half_applied(sh);
            let seen = change(&fixture);
            let now = look(&fixture);
            assert_ne!(seen, now, "{sh:?}: {name}");
            let before = fixture.read("state/app@/serial");
            let Some(last) = &now.unfinished else {
                panic!("{sh:?}: {name}: {now:?}");
            };
            let went_on = FenceAnswer::WentOn(Unfinished::clone(last));
            assert_eq!(fence(&fixture, &seen), went_on, "{sh:?}: {name}");
            assert_eq!(fixture.read("state/app@/serial"), before);
            // The plan itself goes on, and another one that has seen that follows it.
            let place = place(&fixture, "a1");
            let fenced = block(fixture.host.fence(&place, &RunId::from("r2"), &seen));
            assert!(matches!(fenced, Ok(FenceAnswer::Fenced(..))), "{name}");
            assert!(matches!(fence(&fixture, &now), FenceAnswer::Fenced(..)));
        }
    }
}

/// A plan that is half applied goes on while another one takes its place: one of them is held back.
#[test]
fn a_plan_that_goes_on_beside_a_fence_is_noticed_or_refused() {
    let text = |fixture: &Fixture| {
        let seen = look(fixture);
        let script = script::fence(&place(fixture, "b2"), &RunId::from("r9"), &seen);
        script.unwrap().text().to_owned()
    };
    let any = text(&half_applied(Sh::Dash));
    each_line(
        &any,
        &[
            "fence",
            "read_serial",
            "is_overtaken",
            "has_gone_on",
            "how_far",
        ],
        |line| {
            let fixture = half_applied(Sh::Dash);
            let text = text(&fixture);
            let about = text.lines().nth(line).unwrap();
            let Some((said, ())) = stopped(&fixture, &text, line, || go_on(&fixture, one())) else {
                return false;
            };
            let has_run = fixture.read("ran") == "x\nx\n";
            assert_eq!(has_run, said.contains("@mrsk went_on "), "{about}: {said}");
            true
        },
    );
}
