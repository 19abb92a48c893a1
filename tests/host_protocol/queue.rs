//! Runs that wait for the deploy lock get it in turn.

use std::fs;
use std::path::PathBuf;

use mrsk::record::LockAnswer;
use mrsk::transport::answer::ReleaseAnswer;
use mrsk::transport::request::{LockTerms, Turn};

use crate::fixture::{Fixture, Sh, block, scope};
use crate::lock::{ACQUIRED, age_beat, boot, details, release, take, uptime};

const QUEUE: &str = ".mrsk_lock.queue.app@";

/// The terms of a run that waits.
fn terms() -> LockTerms {
    LockTerms {
        turn: Turn::of_wait(60),
        ..LockTerms::default()
    }
}

/// A try of `run`, which waits.
fn wait(fixture: &Fixture, run: &str) -> LockAnswer {
    block(fixture.host.lock(&scope(), &details(run), &terms())).unwrap()
}

fn turn(fixture: &Fixture, number: u32) -> PathBuf {
    fixture.path("home").join(QUEUE).join(number.to_string())
}

/// Writes that `run` has tried `age` seconds ago.
fn age_turn(fixture: &Fixture, number: u32, run: &str, age: u64) {
    let beat = format!("{run} {} {}\n", boot(), uptime() - age);
    fs::write(turn(fixture, number), beat).unwrap();
}

#[track_caller]
fn is_held_by(answer: &LockAnswer, run: &str) {
    let LockAnswer::Held { details, .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(details.run.as_ref().unwrap().as_str(), run);
}

#[test]
fn the_run_that_has_waited_for_longest_gets_the_lock() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        assert_eq!(wait(&fixture, "r1"), ACQUIRED, "{sh:?}: nobody waits");
        assert!(!fixture.path("home").join(QUEUE).exists(), "{sh:?}");
        for run in ["r3", "r2", "r4"] {
            is_held_by(&wait(&fixture, run), "r1");
        }
        assert_eq!(release(&fixture, "r1"), ReleaseAnswer::Released);
        assert_eq!(wait(&fixture, "r4"), LockAnswer::Queued { ahead: 2 });
        assert_eq!(wait(&fixture, "r2"), LockAnswer::Queued { ahead: 1 });
        assert_eq!(wait(&fixture, "r3"), ACQUIRED, "{sh:?}");
        is_held_by(&wait(&fixture, "r4"), "r3");
        // Who comes again comes last.
        assert_eq!(release(&fixture, "r3"), ReleaseAnswer::Released);
        assert_eq!(wait(&fixture, "r3"), LockAnswer::Queued { ahead: 2 });
        assert_eq!(wait(&fixture, "r2"), ACQUIRED, "{sh:?}");
        // Who waits no more holds up nobody.
        assert_eq!(release(&fixture, "r4"), ReleaseAnswer::NotOurs);
        assert_eq!(release(&fixture, "r2"), ReleaseAnswer::Released);
        assert_eq!(wait(&fixture, "r3"), ACQUIRED, "{sh:?}");
        assert!(!fixture.path("home").join(QUEUE).exists(), "{sh:?}");
    }
}

#[test]
fn the_lock_of_a_dead_run_is_taken_over_in_turn() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "dead");
        for run in ["r1", "r2"] {
            is_held_by(&wait(&fixture, run), "dead");
        }
        age_beat(&fixture, 100);
        assert_eq!(wait(&fixture, "r2"), LockAnswer::Queued { ahead: 1 });
        let taken = wait(&fixture, "r1");
        assert!(
            matches!(taken, LockAnswer::Acquired { generation: 2, .. }),
            "{sh:?}: {taken:?}"
        );
    }
}

#[test]
fn who_does_not_wait_has_no_turn_and_takes_what_is_free() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r1");
        wait(&fixture, "r2");
        is_held_by(&take(&fixture, "r3"), "r1");
        release(&fixture, "r1");
        assert_eq!(take(&fixture, "r3"), ACQUIRED, "{sh:?}");
        release(&fixture, "r3");
        assert_eq!(wait(&fixture, "r2"), ACQUIRED, "{sh:?}");
    }
}

#[test]
fn a_run_that_has_not_tried_for_15_s_waits_no_more() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r1");
        wait(&fixture, "r2");
        wait(&fixture, "r3");
        release(&fixture, "r1");
        age_turn(&fixture, 1, "r2", 10);
        assert_eq!(wait(&fixture, "r3"), LockAnswer::Queued { ahead: 1 });
        age_turn(&fixture, 1, "r2", 20);
        assert_eq!(wait(&fixture, "r3"), ACQUIRED, "{sh:?}");
        // It comes anew.
        is_held_by(&wait(&fixture, "r2"), "r3");
        assert!(turn(&fixture, 1).exists());
    }
}

#[test]
fn a_turn_that_a_power_cut_left_empty_counts_as_one_of_now() {
    for sh in Sh::all() {
        for torn in ["", "r2", "r2 x y\n"] {
            let fixture = Fixture::new(sh);
            take(&fixture, "r1");
            wait(&fixture, "r2");
            wait(&fixture, "r3");
            release(&fixture, "r1");
            fs::write(turn(&fixture, 1), torn).unwrap();
            assert_eq!(wait(&fixture, "r3"), LockAnswer::Queued { ahead: 1 });
            let text = fs::read_to_string(turn(&fixture, 1)).unwrap();
            assert!(text.starts_with(&format!("- {} ", boot())), "{text}");
            age_turn(&fixture, 1, "-", 20);
            assert_eq!(wait(&fixture, "r3"), ACQUIRED, "{sh:?}");
        }
    }
}

#[test]
fn of_many_that_come_at_once_each_has_a_turn_of_its_own() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r");
        let runs = ["a", "b", "c", "d", "e", "f"].map(details);
        block(async {
            let (scope, terms) = (scope(), terms());
            let [a, b, c, d, e, f] = &runs;
            let go = |request| fixture.host.lock(&scope, request, &terms);
            let (a, b, c, d, e, f) = tokio::join!(go(a), go(b), go(c), go(d), go(e), go(f));
            for answer in [a, b, c, d, e, f] {
                is_held_by(&answer.unwrap(), "r");
            }
        });
        let mut waiting: Vec<String> = (1..=6)
            .map(|number| fs::read_to_string(turn(&fixture, number)).unwrap())
            .map(|text| text.split(' ').next().unwrap().to_owned())
            .collect();
        waiting.sort();
        assert_eq!(waiting, ["a", "b", "c", "d", "e", "f"], "{sh:?}");
    }
}
