//! The directory `mrsk_lock` and who shares it: services of ours, the original tool, Kamal.

use std::fs;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mrsk::name::RunId;
use mrsk::record::{LockAnswer, Scope};
use mrsk::transport::answer::{BeatAnswer, ReleaseAnswer};
use mrsk::transport::request::{Holder, LockTerms};
use mrsk::transport::script;

use crate::fixture::{Fixture, Sh, block, scope};
use crate::lock::{age_beat, beat, boot, details, take};
use crate::orders::{each_line, stopped};

/// What the original writes.
const ORIGINAL: &str = "Locked by: AN Other at 2023-03-24 09:49:03 UTC\nVersion: 77f4\nMessage: hi";

fn shop() -> Scope {
    Scope {
        service: "shop".into(),
        destination: Some("eu".into()),
    }
}

fn take_of(fixture: &Fixture, scope: &Scope, run: &str) -> LockAnswer {
    block(
        fixture
            .host
            .lock(scope, &details(run), &LockTerms::default()),
    )
    .unwrap()
}

fn beat_of(fixture: &Fixture, scope: &Scope, run: &str) -> BeatAnswer {
    block(fixture.host.beat(scope, &RunId::from(run))).unwrap()
}

fn release_of(fixture: &Fixture, scope: &Scope, run: &str) -> ReleaseAnswer {
    block(fixture.host.release(scope, &RunId::from(run))).unwrap()
}

fn is_taken(answer: &LockAnswer) -> bool {
    matches!(answer, LockAnswer::Acquired { .. })
}

/// Runs a line of the original in the login directory. Returns what it printed, if it succeeded.
fn original(fixture: &Fixture, line: &str) -> Option<String> {
    let shell = Command::new("sh")
        .args(["-c", line])
        .current_dir(fixture.path("home"))
        .output()
        .unwrap();
    let printed = String::from_utf8(shell.stdout).unwrap();
    shell.status.success().then_some(printed)
}

fn original_acquire(fixture: &Fixture) -> bool {
    let text = STANDARD.encode(ORIGINAL);
    let line = format!("mkdir mrsk_lock && echo \"{text}\" > mrsk_lock/details");
    original(fixture, &line).is_some()
}

fn original_status(fixture: &Fixture) -> Option<String> {
    original(
        fixture,
        "stat mrsk_lock > /dev/null && cat mrsk_lock/details | base64 -d",
    )
}

fn original_release(fixture: &Fixture) -> bool {
    original(fixture, "rm mrsk_lock/details && rm -r mrsk_lock").is_some()
}

#[test]
fn one_service_does_not_hold_up_another() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        assert!(is_taken(&take(&fixture, "r1")), "{sh:?}");
        assert!(is_taken(&take_of(&fixture, &shop(), "r2")), "{sh:?}");
        let held = take_of(&fixture, &shop(), "r3");
        assert!(matches!(held, LockAnswer::Held { .. }), "{sh:?} {held:?}");
        assert!(!original_acquire(&fixture), "{sh:?}");
        let shown = original_status(&fixture).unwrap();
        for text in [
            "Service: app\nLocked by: A 'N' Other $x at 2023-03-24 09:49:03 UTC\nVersion: 77f45c\n",
            "\nService: shop@eu\nLocked by: A 'N'",
            "Run: r1\n",
            "Run: r2\n",
        ] {
            assert!(shown.contains(text), "{sh:?} {text}: {shown}");
        }
        age_beat(&fixture, 61);
        assert!(is_taken(&take(&fixture, "r4")), "{sh:?}");
        let shown = original_status(&fixture).unwrap();
        assert!(
            shown.contains("Run: r4\nGeneration: 2\n") && !shown.contains("r1"),
            "{sh:?} {shown}"
        );
        assert_eq!(
            release_of(&fixture, &scope(), "r4"),
            ReleaseAnswer::Released
        );
        assert_eq!(beat_of(&fixture, &shop(), "r2"), BeatAnswer::Held, "{sh:?}");
        let shown = original_status(&fixture).unwrap();
        assert!(
            shown.starts_with("Service: shop@eu\n") && !shown.contains("app"),
            "{sh:?} {shown}"
        );
        assert_eq!(block(fixture.host.lock_status(&scope())).unwrap(), None);
        assert!(!original_acquire(&fixture), "{sh:?}");
        assert_eq!(release_of(&fixture, &shop(), "r2"), ReleaseAnswer::Released);
        assert!(original_acquire(&fixture), "{sh:?}");
    }
}

#[test]
fn a_person_releases_the_lock_of_one_service() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r1");
        take_of(&fixture, &shop(), "r2");
        let answer = block(fixture.host.release_any(&scope(), Holder::Any, "Ann"));
        assert_eq!(answer.unwrap(), ReleaseAnswer::Released, "{sh:?}");
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Released("Ann".into()));
        assert_eq!(beat_of(&fixture, &shop(), "r2"), BeatAnswer::Held, "{sh:?}");
        let answer = block(fixture.host.release_any(&scope(), Holder::Any, "Ann"));
        assert_eq!(answer.unwrap(), ReleaseAnswer::NotHeld, "{sh:?}");
        // The original releases all of them.
        assert!(original_release(&fixture), "{sh:?}");
        assert_eq!(beat_of(&fixture, &shop(), "r2"), BeatAnswer::Lost, "{sh:?}");
    }
}

#[test]
fn the_original_between_its_two_commands_is_waited_for_a_minute() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let lock = fixture.path("home/mrsk_lock");
        fs::create_dir(&lock).unwrap();
        let LockAnswer::Foreign { text } = take(&fixture, "r1") else {
            panic!("{sh:?}: not foreign")
        };
        assert!(text.contains("taken over 60 s after"), "{sh:?} {text}");
        fs::write(lock.join("details"), STANDARD.encode(ORIGINAL)).unwrap();
        let foreign = LockAnswer::Foreign {
            text: ORIGINAL.into(),
        };
        fs::write(lock.join("seen"), format!("{} 1\n", boot())).unwrap();
        assert_eq!(take(&fixture, "r1"), foreign, "{sh:?}");

        // It died, or lost its file in a power cut.
        fs::write(lock.join("details"), "").unwrap();
        fs::write(lock.join("seen"), "another-boot 1\n").unwrap();
        assert!(is_taken(&take(&fixture, "r1")), "{sh:?}");
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Held, "{sh:?}");
        assert!(original_status(&fixture).unwrap().contains("Run: r1"));
        // If it stood still for all that time, and goes on, the lock is its own.
        fs::write(lock.join("details"), STANDARD.encode(ORIGINAL)).unwrap();
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Lost, "{sh:?}");
        assert_eq!(take(&fixture, "r2"), foreign, "{sh:?}");
    }
}

/// A run takes the lock, and at each line of that the original takes it, or another service takes or leaves its own.
#[test]
fn of_a_run_and_the_original_one_gets_the_lock() {
    let text = script::lock(&scope(), &details("r1"), &LockTerms::default()).unwrap();
    let text = text.text();
    each_line(text, &["begin_in_turn", "begin"], |line| {
        let about = text.lines().nth(line).unwrap();
        let fixture = Fixture::new(Sh::Dash);
        let Some((said, taken)) = stopped(&fixture, text, line, || original_acquire(&fixture))
        else {
            return beside_another(&Fixture::new(Sh::Dash), text, line);
        };
        assert_eq!(said.contains("@mrsk acquired"), !taken, "{about}: {said}");
        assert_eq!(said.contains("@mrsk foreign"), taken, "{about}: {said}");
        let status = original_status(&fixture).unwrap();
        assert_eq!(status == ORIGINAL, taken, "{about}: {status}");
        beside_another(&Fixture::new(Sh::Dash), text, line);
        true
    });
}

/// A run takes its lock beside another that releases its own at line `line` of that.
fn beside_another(fixture: &Fixture, text: &str, line: usize) -> bool {
    let about = text.lines().nth(line).unwrap();
    take_of(fixture, &shop(), "r2");
    let release = || {
        let released = release_of(fixture, &shop(), "r2");
        (released, original_acquire(fixture))
    };
    let Some((said, (released, original))) = stopped(fixture, text, line, release) else {
        return false;
    };
    assert_eq!(released, ReleaseAnswer::Released, "{about}");
    assert_eq!(
        said.contains("@mrsk acquired"),
        !original,
        "{about}: {said}"
    );
    if !original {
        assert_eq!(beat(fixture, "r1"), BeatAnswer::Held, "{about}");
        assert!(!original_acquire(fixture), "{about}");
        assert_eq!(release_of(fixture, &scope(), "r1"), ReleaseAnswer::Released);
        assert!(!fixture.path("home/mrsk_lock").exists(), "{about}");
    }
    true
}

/// A run releases the lock, and at each line of that another service takes its own, or the original tries.
#[test]
fn what_comes_and_goes_beside_a_release_is_kept() {
    let text = script::release(&scope(), &RunId::from("r1")).unwrap();
    let text = text.text();
    each_line(text, &["release", "discard", "is_alone"], |line| {
        let about = text.lines().nth(line).unwrap();
        let fixture = Fixture::new(Sh::Dash);
        take(&fixture, "r1");
        let other = || {
            block(
                fixture
                    .host
                    .lock(&shop(), &details("r2"), &LockTerms::default()),
            )
        };
        let Some((said, taken)) = stopped(&fixture, text, line, other) else {
            return false;
        };
        assert!(said.contains("@mrsk released"), "{about}: {said}");
        // Under the turn of a script that stands still it is refused, and told so.
        if taken.as_ref().is_ok_and(is_taken) {
            assert_eq!(
                beat_of(&fixture, &shop(), "r2"),
                BeatAnswer::Held,
                "{about}"
            );
            let status = original_status(&fixture).unwrap();
            assert!(status.contains("shop@eu"), "{about}: {status}");
        } else {
            let error = taken.unwrap_err().to_string();
            assert!(error.contains("is changing mrsk_lock"), "{about}: {error}");
        }

        let fixture = Fixture::new(Sh::Dash);
        take(&fixture, "r1");
        let (said, original) =
            stopped(&fixture, text, line, || original_acquire(&fixture)).expect("that line again");
        assert!(said.contains("@mrsk released"), "{about}: {said}");
        let status = original_status(&fixture);
        assert_eq!(status.as_deref() == Some(ORIGINAL), original, "{about}");
        assert_eq!(status.is_some(), original, "{about}: {status:?}");
        true
    });
}

#[test]
fn a_script_that_died_in_its_turn_holds_nobody_up() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let turns = fixture.path("home/.mrsk_lock.turns");
        fs::create_dir(&turns).unwrap();
        fs::write(turns.join("7"), format!("4194305 1 {}\n", boot())).unwrap();
        fs::write(turns.join("6"), "free\n").unwrap();
        assert!(is_taken(&take(&fixture, "r1")), "{sh:?}");
        fs::write(turns.join("20"), "1 1 an-earlier-boot\n").unwrap();
        assert_eq!(
            release_of(&fixture, &scope(), "r1"),
            ReleaseAnswer::Released
        );
        fs::write(turns.join("30"), "").unwrap();
        assert!(is_taken(&take(&fixture, "r1")), "{sh:?}");
    }
}

#[test]
fn the_lock_of_kamal_is_respected() {
    for sh in Sh::all() {
        for (directory, scope, other) in [
            (".kamal/lock-app", scope(), shop()),
            (".kamal/lock-shop-eu", shop(), scope()),
            ("kamal_lock-app", scope(), shop()),
        ] {
            let fixture = Fixture::new(sh);
            let lock = fixture.path("home").join(directory);
            fs::create_dir_all(&lock).unwrap();
            fs::write(lock.join("details"), STANDARD.encode(ORIGINAL)).unwrap();
            let LockAnswer::Foreign { text } = take_of(&fixture, &scope, "r1") else {
                panic!("{sh:?}: not foreign")
            };
            assert!(text.starts_with(ORIGINAL), "{sh:?} {text}");
            assert!(text.contains(directory), "{sh:?} {text}");
            let status = block(fixture.host.lock_status(&scope)).unwrap().unwrap();
            assert_eq!(status.text, text, "{sh:?}");
            assert!(is_taken(&take_of(&fixture, &other, "r2")), "{sh:?}");
            fs::remove_dir_all(&lock).unwrap();
            assert!(is_taken(&take_of(&fixture, &scope, "r1")), "{sh:?}");
        }
    }
}

/// The boot of a guest may keep its name, and its uptime begin anew.
#[test]
fn a_guest_that_has_restarted_does_not_keep_its_lock() {
    for sh in Sh::all() {
        for (uptime, said) in [
            ("7.50 1.00", "@mrsk held 7 "),
            ("61.00 9.00", "@mrsk acquired 2 "),
        ] {
            let fixture = Fixture::new(sh);
            take(&fixture, "r1");
            let file = fixture.path("home/mrsk_lock/app@/beat");
            fs::write(file, format!("{} 90000\n", boot())).unwrap();
            fs::write(fixture.path("uptime"), format!("{uptime}\n")).unwrap();
            let script = script::lock(&scope(), &details("r2"), &LockTerms::default()).unwrap();
            let text = script.text().replace("</proc/uptime", "<\"$ROOT/uptime\"");
            let answer = crate::fixture::feed(&fixture, text.as_bytes()).stdout;
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.contains(said), "{sh:?} {uptime}: {answer}");
        }
    }
}
