//! Time limits, cancellation, and the lock on what services share.

use std::fs;
use std::time::{Duration, Instant};

use mrsk::action::Action;
use mrsk::name::RunId;
use mrsk::record::{AttemptState, Ending};
use mrsk::transport::request::{Inputs, StepRequest};
use mrsk::transport::script;

use crate::fixture::{Fixture, Sh, attempt, block, eventually, feed, own_start, sh_c, step};

pub fn no_process_is_left(fixture: &Fixture, step: &StepRequest) {
    let marker = format!("MRSK_CLAIM={}.1.r1", step.step);
    let mut environments = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path().join("environ");
        fs::read(path).ok()
    });
    let left = environments.any(|text| {
        text.windows(marker.len())
            .any(|part| part == marker.as_bytes())
    });
    assert!(!left, "{:?}", fixture.sh);
}

#[test]
fn what_runs_too_long_is_ended_with_all_its_processes() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let script = "trap '' TERM; (sleep 60; echo x >$ROOT/survived) & echo begun; sleep 60";
        let step = StepRequest {
            timeout_seconds: 1,
            diagnose: vec![sh_c("echo why")],
            cleanup: vec![Action::Run(sh_c("echo x >$ROOT/undone"))],
            ..step("one", &[script])
        };
        let (receipt, output, diagnosis) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, Ending::TimedOut, "{sh:?}");
        assert!(output.contains("ran longer than 1 s"), "{output}");
        assert!(diagnosis.contains("why"));
        assert_eq!(fixture.read("undone"), "x\n");
        no_process_is_left(&fixture, &step);
    }
}

#[test]
fn what_is_silent_too_long_is_ended() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let step = StepRequest {
            idle_timeout_seconds: 2,
            ..step(
                "one",
                &["for i in 1 2 3; do echo $i; sleep 1; done; sleep 60"],
            )
        };
        let (receipt, output, _) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, Ending::TimedOut, "{sh:?}");
        assert!(output.starts_with("1\n2\n3\n"), "{output}");
        no_process_is_left(&fixture, &step);
    }
}

#[test]
fn a_time_limit_costs_a_fast_step_nothing() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let batch: Vec<StepRequest> = (0..10)
            .map(|index| StepRequest {
                timeout_seconds: 60,
                ..step(&index.to_string(), &["true"])
            })
            .collect();
        let begun = Instant::now();
        assert_eq!(fixture.start("r1", &batch).unwrap().len(), 20);
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{sh:?} {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn steps_on_what_services_share_run_one_at_a_time() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let shared = fixture.path("state/shared.lock");
        fs::create_dir_all(&shared).unwrap();
        fs::write(shared.join("7"), "1 0 another-boot\n").unwrap();
        let script = "mkdir $ROOT/busy && sleep 0.2 && rmdir $ROOT/busy";
        let steps: Vec<StepRequest> = (0..4)
            .map(|index| StepRequest {
                shared_lock: true,
                timeout_seconds: 30,
                ..step(&index.to_string(), &[script])
            })
            .collect();
        std::thread::scope(|scope| {
            for step in &steps {
                scope.spawn(|| fixture.start("r1", std::slice::from_ref(step)).unwrap());
            }
        });
        for attempt in fixture.list() {
            let AttemptState::Ended(receipt) = attempt.state else {
                panic!("{sh:?}: {attempt:?}")
            };
            assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
        }
        let names: Vec<_> = fs::read_dir(&shared).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}

#[test]
fn what_a_step_leaves_of_what_services_share_is_undone_in_its_turn() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let shared = |name: &str, script: &str| StepRequest {
            shared_lock: true,
            timeout_seconds: 30,
            ..step(name, &[script])
        };
        // It goes on until the other has run, or for 2 s; longer on a busy machine, but not up to the limit of a cleanup.
        let undo = "touch $ROOT/undoing; count=0; \
            until [ -e $ROOT/tried ] || [ $count = 20 ]; do sleep 0.1; count=$((count + 1)); done; rm $ROOT/undoing";
        let failing = StepRequest {
            cleanup: vec![Action::Run(sh_c(undo))],
            ..shared("one", "exit 3")
        };
        let script = "touch $ROOT/tried; [ ! -e $ROOT/undoing ] && touch $ROOT/ran";
        let other = shared("two", script);
        std::thread::scope(|scope| {
            scope.spawn(|| fixture.start("r1", std::slice::from_ref(&failing)).unwrap());
            eventually("it is undone", || fixture.path("undoing").exists());
            fixture.start("r1", std::slice::from_ref(&other)).unwrap();
        });
        assert!(fixture.path("ran").exists(), "{sh:?}");
    }
}

/// A daemon that a step has started inherits its marker.
#[test]
fn what_outlives_the_limits_of_its_step_is_not_the_step() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let one = StepRequest {
            timeout_seconds: 60,
            ..step("one", &["true"])
        };
        fixture.start("r1", std::slice::from_ref(&one)).unwrap();
        let directory = fixture.attempt_directory(&attempt(&one));
        fs::remove_file(directory.join("receipt")).unwrap();
        let claim = fs::read_to_string(directory.join("claim")).unwrap();
        let words: Vec<&str> = claim.lines().next().unwrap().split(' ').collect();
        let mut daemon = std::process::Command::new("sleep")
            .arg("60")
            .env("MRSK_CLAIM", format!("{}.1.r1", one.step))
            .spawn()
            .unwrap();
        let about = fs::read_to_string(directory.join("about")).unwrap();
        let told: Vec<&str> = about.trim_end().split(' ').collect();
        let started: u64 = told[5].parse().unwrap();
        let uptime: f64 = fs::read_to_string("/proc/uptime")
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let now = (uptime * 100.0) as u64;
        // How long ago it began, by the clock and by the uptime: more than its 60 s and the 420 s for what follows a failure.
        for (by_clock, by_uptime, alive) in [(0, 0, true), (600, 0, true), (600, 600, false)] {
            let from = started - by_clock;
            let (head, end) = (told[..5].join(" "), from + 60);
            fs::write(directory.join("about"), format!("{head} {from} {end}\n")).unwrap();
            let ticks = now.saturating_sub(by_uptime * 100);
            let claim = format!("4194305 {ticks} {} {}\n", words[2], words[3]);
            fs::write(directory.join("claim"), claim).unwrap();
            let state = fixture.list().pop().unwrap().state;
            let expected = match alive {
                true => AttemptState::Running,
                false => AttemptState::Lost,
            };
            assert_eq!(state, expected, "{sh:?} {by_clock} {by_uptime}");
        }
        let begun = Instant::now();
        let state = block(fixture.host.attach(&fixture.place(), &attempt(&one)));
        assert_eq!(state.unwrap(), Some(AttemptState::Lost), "{sh:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{sh:?}");
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
}

#[test]
fn a_wait_for_the_shared_lock_is_bounded() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let start = own_start();
        let shared = fixture.path("state/shared.lock");
        fs::create_dir_all(&shared).unwrap();
        let holder = format!("{} {start} {boot}", std::process::id());
        fs::write(shared.join("1"), holder).unwrap();
        let step = StepRequest {
            shared_lock: true,
            timeout_seconds: 1,
            ..step("one", &["echo x >$ROOT/ran"])
        };
        let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, Ending::TimedOut, "{sh:?}");
        assert_eq!(fixture.read("ran"), "");
    }
}

#[test]
fn leftovers_of_the_watch_do_not_hold_the_channel() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let step = StepRequest {
            timeout_seconds: 60,
            ..step("one", &["true"])
        };
        let script = script::start(
            &fixture.place(),
            &RunId::from("r1"),
            &[step],
            &Inputs::default(),
        );
        let begun = Instant::now();
        let output = feed(&fixture, script.unwrap().text().as_bytes());
        assert!(
            begun.elapsed() < Duration::from_millis(900),
            "{sh:?} {:?}",
            begun.elapsed()
        );
        assert!(String::from_utf8_lossy(&output.stdout).ends_with("@mrsk end\n"));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{sh:?}");
    }
}
