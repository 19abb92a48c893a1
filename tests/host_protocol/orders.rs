//! The orders that keep two runs apart: scripts that are stopped at each line of a function while another run goes by.

use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use mrsk::name::RunId;
use mrsk::record::{Attempt, AttemptState, Ending, LockAnswer};
use mrsk::transport::answer::{BeatAnswer, Event};
use mrsk::transport::request::{Inputs, LockTerms};
use mrsk::transport::script;

use crate::fixture::{Fixture, Sh, attempt, block, eventually, feed, own_start, scope, step};
use crate::lock::{age_beat, beat, details, take};

/// Waits, the first time that it is reached, until the test lets it go on. A condition keeps its answer.
const STOP: &str = r#"{ mrsk_answer=$?; [ -e "$ROOT/go" ] || { : >"$ROOT/at"; until [ -e "$ROOT/go" ]; do sleep 0.02; done; }; [ "$mrsk_answer" = 0 ]; }"#;

/// Returns the lines of a function's body.
fn body(text: &str, function: &str) -> Range<usize> {
    let head = format!("{function}() {{");
    let mut lines = text.lines();
    let from = lines.position(|line| line == head).expect("the function") + 1;
    let length = lines.position(|line| line == "}").expect("its end");
    from..from + length
}

/// Runs a script that stops before line `at` until `meanwhile` is over. Returns what the script said, and what came of `meanwhile`:
/// nothing where that line is not reached.
pub fn stopped<T>(
    fixture: &Fixture,
    text: &str,
    at: usize,
    meanwhile: impl FnOnce() -> T,
) -> Option<(String, T)> {
    let lines: Vec<&str> = text.lines().collect();
    let text = [&lines[..at], &[STOP], &lines[at..]].concat().join("\n") + "\n";
    std::thread::scope(|scope| {
        let running = scope.spawn(|| feed(fixture, text.as_bytes()));
        eventually("a stop, or the end", || {
            fixture.path("at").exists() || running.is_finished()
        });
        let came = fixture.path("at").exists().then(meanwhile);
        fs::write(fixture.path("go"), "").unwrap();
        let said = running.join().unwrap();
        Some((String::from_utf8(said.stdout).unwrap(), came?))
    })
}

/// Calls `check` with each line of these functions, several at a time, and fails if none was reached.
pub fn each_line(text: &str, functions: &[&str], check: impl Fn(usize) -> bool + Sync) {
    let lines: Vec<usize> = functions
        .iter()
        .flat_map(|function| body(text, function))
        .collect();
    let (next, reached) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if check(*line) {
                        reached.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let reached = reached.into_inner();
    assert!(
        reached > lines.len() / 2,
        "{reached} of {} lines",
        lines.len()
    );
}

/// The claim, then the fence: a step that read the fence first could sleep, and run after all.
#[test]
fn a_step_that_runs_was_seen_by_the_run_that_fenced_it_off() {
    let text = |fixture: &Fixture| {
        let batch = [step("one", &["echo x >>$ROOT/ran"])];
        let run = RunId::from("r1");
        let script = script::start(&fixture.place(), &run, &batch, &Inputs::default());
        script.unwrap().text().to_owned()
    };
    let any = text(&Fixture::new(Sh::Dash));
    each_line(&any, &["attempt", "put_claim", "fenced"], |line| {
        let fixture = Fixture::new(Sh::Dash);
        fixture.fence("r1");
        let text = text(&fixture);
        let about = text.lines().nth(line).unwrap();
        let Some((_, listed)) = stopped(&fixture, &text, line, || fixture.fence("r2")) else {
            return false;
        };
        let lost = |attempt: &Attempt| attempt.state == AttemptState::Lost;
        let seen = !listed.is_empty() && !listed.iter().any(lost);
        assert!(
            seen || fixture.read("ran").is_empty(),
            "{about}: {listed:?}"
        );
        true
    });
}

/// A plan that had begun nothing begins its first step while another one takes its place: one of them is held back.
#[test]
fn a_plan_that_begins_beside_a_fence_supersedes_it_or_is_refused() {
    let text = |fixture: &Fixture| {
        let place = fixture.place_of("b2");
        let script = script::fence(&place, &RunId::from("r2"), &0.into());
        script.unwrap().text().to_owned()
    };
    let any = text(&Fixture::new(Sh::Dash));
    each_line(&any, &["fence", "read_serial", "has_begun"], |line| {
        let fixture = Fixture::new(Sh::Dash);
        fixture.fence("r1");
        let text = text(&fixture);
        let about = text.lines().nth(line).unwrap();
        let step = step("one", &["echo x >>$ROOT/ran"]);
        let run = || fixture.start("r1", std::slice::from_ref(&step)).unwrap();
        let Some((said, _)) = stopped(&fixture, &text, line, run) else {
            return false;
        };
        let has_run = !fixture.read("ran").is_empty();
        let is_superseded = said.contains("@mrsk superseded 1 sha256:a1");
        assert_eq!(has_run, is_superseded, "{about}: {said}");
        let serial = if has_run {
            "1 sha256:a1 0 -"
        } else {
            "1 sha256:b2 0 -"
        };
        assert_eq!(fixture.read("state/app@/serial").trim_end(), serial);
        true
    });
}

/// The fence, then the list: a list before it would miss what begins in between.
#[test]
fn what_ran_before_a_fence_is_in_the_list_after_it() {
    let text = |fixture: &Fixture| {
        let script = script::fence(&fixture.place(), &RunId::from("r2"), &0.into());
        script.unwrap().text().to_owned()
    };
    let any = text(&Fixture::new(Sh::Dash));
    each_line(&any, &["fence", "list"], |line| {
        let fixture = Fixture::new(Sh::Dash);
        fixture.fence("r1");
        let text = text(&fixture);
        let about = text.lines().nth(line).unwrap();
        let step = step("one", &["echo x >>$ROOT/ran"]);
        let run = || fixture.start("r1", std::slice::from_ref(&step)).unwrap();
        let Some((said, events)) = stopped(&fixture, &text, line, run) else {
            return false;
        };
        let Some(Event::Ended { receipt, .. }) = events.last() else {
            panic!("{about}: {events:?}")
        };
        let line = format!("@mrsk attempt {} 1 ended succeeded", step.step);
        let listed = said.contains(&line);
        match receipt.ending {
            Ending::Succeeded => assert!(listed, "{about}: {said}"),
            Ending::Refused => assert_eq!(fixture.read("ran"), "", "{about}"),
            other => panic!("{about}: {other:?}"),
        }
        true
    });
}

/// As far as `sh` can: after its last look a release that is stopped for a minute moves away what another has taken.
#[test]
fn a_release_that_is_overtaken_leaves_the_lock_to_who_took_it() {
    let text = script::release(&scope(), &RunId::from("r1"))
        .unwrap()
        .text()
        .to_owned();
    let lines: Vec<&str> = text.lines().collect();
    let body = body(&text, "release");
    let last_look = body
        .clone()
        .rfind(|line| lines[*line].trim() == "highest")
        .unwrap();
    each_line(&text, &["release"], |line| {
        let fixture = Fixture::new(Sh::Dash);
        take(&fixture, "r1");
        if line > last_look {
            return true;
        }
        let overtake = || {
            age_beat(&fixture, 61);
            take(&fixture, "r2")
        };
        let Some((said, taken)) = stopped(&fixture, &text, line, overtake) else {
            return false;
        };
        if matches!(taken, LockAnswer::Acquired { .. }) {
            assert_eq!(
                beat(&fixture, "r2"),
                BeatAnswer::Held,
                "{}: {said}",
                lines[line]
            );
        }
        true
    });
}

#[test]
fn a_claim_of_an_earlier_boot_is_lost_whoever_has_its_process_id_now() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let own = attempt(&step("one", &[]));
        let directory = fixture.attempt_directory(&own);
        fs::create_dir_all(&directory).unwrap();
        let start = own_start();
        let start = start.as_str();
        let pid = std::process::id();
        for (start, boot, expected) in [
            (start, crate::lock::boot(), AttemptState::Running),
            (start, "an-earlier-one".to_owned(), AttemptState::Lost),
            ("1", crate::lock::boot(), AttemptState::Lost),
        ] {
            fs::write(
                directory.join("claim"),
                format!("{pid} {start} {boot} r0\n"),
            )
            .unwrap();
            assert_eq!(fixture.list()[0].state, expected, "{sh:?}");
        }
    }
}

/// The heart of a run that goes on may beat again only once its host is up.
#[test]
fn after_a_reboot_a_lock_is_as_old_as_the_boot() {
    for sh in Sh::all() {
        for (uptime, said) in [
            ("7.50 1.00", "@mrsk held 7 "),
            ("61.00 9.00", "@mrsk acquired 2 "),
        ] {
            let fixture = Fixture::new(sh);
            take(&fixture, "r1");
            fs::write(
                fixture.path("home/mrsk_lock/app@/beat"),
                "an-earlier-boot 90000\n",
            )
            .unwrap();
            fs::write(fixture.path("uptime"), format!("{uptime}\n")).unwrap();
            let script = script::lock(&scope(), &details("r2"), &LockTerms::default()).unwrap();
            let text = script.text().replace("</proc/uptime", "<\"$ROOT/uptime\"");
            let answer = String::from_utf8(feed(&fixture, text.as_bytes()).stdout).unwrap();
            assert!(answer.contains(said), "{sh:?} {uptime}: {answer}");
        }
    }
}

#[test]
fn what_services_share_is_free_after_a_failure() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let step = mrsk::transport::request::StepRequest {
            shared_lock: true,
            timeout_seconds: 5,
            ..step("shared", &["exit 3"])
        };
        fixture.start("r1", std::slice::from_ref(&step)).unwrap();
        // Were it the lock of a dead process, others would get it as well, but not before its cleanup is over.
        let turns = fs::read_dir(fixture.path("state/shared.lock")).unwrap();
        let turn = turns.map(|entry| entry.unwrap().path()).next().unwrap();
        assert_eq!(fs::read_to_string(turn).unwrap(), "free\n", "{sh:?}");
    }
}

#[test]
fn a_cleanup_has_a_time_limit() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let step = mrsk::transport::request::StepRequest {
            cleanup: vec![mrsk::action::Action::Run(crate::fixture::sh_c("sleep 20"))],
            ..step("one", &["exit 3"])
        };
        let batch = std::slice::from_ref(&step);
        let run = RunId::from("r1");
        let script = script::start(&fixture.place(), &run, batch, &Inputs::default()).unwrap();
        let limit = "mrsk_cleanup_seconds=";
        let text = script
            .text()
            .replacen(limit, &format!("{limit}1; mrsk_unused="), 1);
        assert!(text.contains("mrsk_unused="), "the limit is set");
        let begun = std::time::Instant::now();
        feed(&fixture, text.as_bytes());
        assert!(
            begun.elapsed().as_secs() < 15,
            "{sh:?} {:?}",
            begun.elapsed()
        );
        let state = block(fixture.host.attach(&fixture.place(), &attempt(&step))).unwrap();
        assert!(
            matches!(state, Some(AttemptState::Ended(_))),
            "{sh:?} {state:?}"
        );
    }
}
