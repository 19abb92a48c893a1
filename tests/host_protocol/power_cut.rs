//! What stays after a power cut, and what becomes of files that it left empty or torn.

use std::fs;
use std::time::UNIX_EPOCH;

use mrsk::name::RunId;
use mrsk::record::living::About;
use mrsk::record::{AttemptState, Ending, LockAnswer};
use mrsk::transport::answer::{FenceAnswer, WriteAnswer};
use mrsk::transport::request::{Record, StepRequest};

use crate::fixture::{Fixture, Sh, attempt, block, step};
use crate::lock;

const SERIAL: &str = "state/app@/serial";
const FENCE: &str = "state/app@/fence";

/// The shells whose `sync` can be watched: busybox runs its own.
const WATCHED: [Sh; 2] = [Sh::Dash, Sh::Bash];

/// Has each file that is synced written down, with what stands at its later name at that time.
fn watch_syncs(fixture: &Fixture) {
    fixture.fake(
        "sync",
        r#"for file; do
  name=${file#"$ROOT"/}
  name=${name#"$PWD"/}
  later=${file%.kept.*}
  old=
  [ "$later" = "$file" ] || [ ! -f "$later" ] || read -r old <"$later"
  printf '%s was %s\n' "$name" "$old" | sed 's/\.kept\.[0-9]*/.kept/; s/claim\.[0-9]*/claim.new/' >>"$ROOT/synced"
done"#,
    );
}

fn synced(fixture: &Fixture) -> Vec<String> {
    let text = fixture.read("synced");
    fs::write(fixture.path("synced"), "").unwrap();
    text.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn fence(fixture: &Fixture, digits: &str, run: &str, serial: u64) -> FenceAnswer {
    let place = fixture.place_of(digits);
    block(
        fixture
            .host
            .fence(&place, &RunId::from(run), &serial.into()),
    )
    .unwrap()
}

#[test]
fn a_fence_and_its_serial_are_on_the_disk_before_they_have_their_names() {
    for sh in WATCHED {
        let fixture = Fixture::new(sh);
        fence(&fixture, "a1", "r1", 0);
        watch_syncs(&fixture);
        fence(&fixture, "b2", "r2", 0);
        let expected = [
            "state/app@/serial.kept was 1 sha256:a1 0 -",
            "state/app@/fence.kept was r1",
            "state/app@/runs/b2 was",
            "state/app@/runs was",
            "state/app@ was",
        ];
        assert_eq!(synced(&fixture), expected, "{sh:?}");
        assert_eq!(fixture.read(FENCE), "r2\n");
    }
}

#[test]
fn a_claim_that_no_check_could_make_up_for_is_on_the_disk_before_the_step_begins() {
    for sh in WATCHED {
        let fixture = Fixture::new(sh);
        fence(&fixture, "a1", "r1", 0);
        watch_syncs(&fixture);
        let mut told = StepRequest {
            claim_stays: true,
            ..step("tell", &["cp $ROOT/synced $ROOT/before"])
        };
        fixture.start("r1", std::slice::from_ref(&told)).unwrap();
        let before = fixture.read("before");
        assert!(before.contains("/claim.new was"), "{sh:?}: {before}");
        assert!(before.ends_with("state/app@ was \n"), "{sh:?}: {before}");
        synced(&fixture);
        told.claim_stays = false;
        told.attempt = 2;
        fixture.start("r1", &[told]).unwrap();
        assert_eq!(synced(&fixture), [""; 0], "{sh:?}");

        let record = Record {
            attempt: attempt(&step("local", &[])),
            run: RunId::from("r1"),
            receipt: None,
            subject: "local".to_owned(),
            about: About::default(),
        };
        let answer = block(fixture.host.record(&fixture.place(), &record)).unwrap();
        assert_eq!(answer, WriteAnswer::Written);
        let synced = synced(&fixture);
        assert!(synced[0].ends_with("/claim.new was"), "{sh:?}: {synced:?}");
    }
}

#[test]
fn the_end_of_a_plan_and_the_holder_of_the_lock_are_on_the_disk_and_no_beat_is() {
    for sh in WATCHED {
        let fixture = Fixture::new(sh);
        fence(&fixture, "a1", "r1", 0);
        watch_syncs(&fixture);
        let run = RunId::from("r1");
        block(fixture.host.finish(&fixture.place(), &run)).unwrap();
        let expected = ["state/app@/finished was", "state/app@ was"];
        assert_eq!(synced(&fixture), expected, "{sh:?}");
        lock::take(&fixture, "r1");
        lock::beat(&fixture, "r1");
        let synced = synced(&fixture);
        assert!(synced[0].ends_with("/details was"), "{sh:?}: {synced:?}");
        assert_eq!(synced[2..], ["mrsk_lock was", ". was"], "{sh:?}");
        assert!(
            !synced.iter().any(|line| line.contains("beat")),
            "{synced:?}"
        );
    }
}

#[test]
fn a_serial_that_is_torn_supersedes_each_plan_that_was_made_before() {
    for sh in Sh::all() {
        for torn in ["", "x y\n", "\n"] {
            let fixture = Fixture::new(sh);
            fence(&fixture, "a1", "r1", 0);
            fs::write(fixture.path(SERIAL), torn).unwrap();
            let changed = fs::metadata(fixture.path(SERIAL)).unwrap().modified();
            let time = changed.unwrap().duration_since(UNIX_EPOCH).unwrap();
            for seen in [0, 1] {
                let answer = fence(&fixture, "a1", "r1", seen);
                assert!(
                    matches!(answer, FenceAnswer::Superseded(serial) if serial.number == time.as_secs()),
                    "{sh:?}"
                );
            }
            fence(&fixture, "b2", "r2", time.as_secs());
            let time = time.as_secs();
            let next = format!("{} sha256:b2 {time} -\n", time + 1);
            assert_eq!(fixture.read(SERIAL), next, "{sh:?}");
        }
    }
}

#[test]
fn a_host_that_has_started_anew_says_so_to_every_later_run_of_the_plan() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let restarted = |run| match fence(&fixture, "a1", run, 0) {
            FenceAnswer::Fenced(own, _) => own.restarted,
            refused => panic!("{refused:?}"),
        };
        assert!(!restarted("r1") && !restarted("r2"), "{sh:?}");
        let begun = fixture.path("state/app@/runs/a1/begun");
        fs::write(&begun, "r2 of-another-boot\n").unwrap();
        let listing = block(fixture.host.list(&fixture.place())).unwrap();
        assert!(listing.restarted, "{sh:?}: a run that is under way");
        assert!(restarted("r3") && restarted("r4"), "{sh:?}");
        // It may have begun steps whose claims are lost.
        let other = fence(&fixture, "b2", "r5", 1);
        assert!(
            matches!(other, FenceAnswer::Fenced(own, _) if !own.restarted),
            "{sh:?}"
        );
        // Left empty by the power cut.
        fs::write(fixture.path("state/app@/runs/b2/begun"), "").unwrap();
        let other = fence(&fixture, "b2", "r6", 1);
        assert!(
            matches!(other, FenceAnswer::Fenced(own, _) if own.restarted),
            "{sh:?}"
        );
    }
}

#[test]
fn a_turn_that_a_power_cut_left_empty_is_free() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fence(&fixture, "a1", "r1", 0);
        fs::create_dir_all(fixture.path("state/shared.lock")).unwrap();
        fs::write(fixture.path("state/shared.lock/3"), "").unwrap();
        let shared = StepRequest {
            shared_lock: true,
            timeout_seconds: 5,
            ..step("shared", &["true"])
        };
        fixture.start("r1", std::slice::from_ref(&shared)).unwrap();
        let state = fixture.settled(&attempt(&shared));
        assert!(
            matches!(&state, Some(AttemptState::Ended(receipt)) if receipt.ending == Ending::Succeeded),
            "{sh:?}: {state:?}"
        );
    }
}

#[test]
fn a_plan_that_was_being_entered_as_finished_spoils_no_other() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fence(&fixture, "a1", "r1", 0);
        fs::write(fixture.path("state/app@/finished"), "sha256:0").unwrap();
        let run = RunId::from("r1");
        block(fixture.host.finish(&fixture.place(), &run)).unwrap();
        let finished = fixture.read("state/app@/finished");
        assert_eq!(finished, "sha256:0\nsha256:a1\n", "{sh:?}");
    }
}

#[test]
fn a_lock_with_a_torn_beat_or_without_details_is_taken_over_once_nobody_beats() {
    for sh in Sh::all() {
        for torn in ["", "x\n", "boot then"] {
            let fixture = Fixture::new(sh);
            lock::take(&fixture, "r1");
            fs::write(fixture.path("home/mrsk_lock/app@/beat"), torn).unwrap();
            let held = lock::take(&fixture, "r2");
            assert!(matches!(held, LockAnswer::Held { .. }), "{sh:?}: {held:?}");
            let beat = fixture.read("home/mrsk_lock/app@/beat");
            assert!(beat.starts_with(&lock::boot()), "{sh:?}: {beat}");
        }
        let fixture = Fixture::new(sh);
        lock::take(&fixture, "r1");
        for name in ["details", "beat"] {
            fs::remove_file(fixture.path("home/mrsk_lock/app@").join(name)).unwrap();
        }
        let held = lock::take(&fixture, "r2");
        assert!(
            matches!(held, LockAnswer::Foreign { .. }),
            "{sh:?}: {held:?}"
        );
        lock::age_beat(&fixture, 61);
        let taken = lock::take(&fixture, "r2");
        assert!(
            matches!(taken, LockAnswer::Acquired { .. }),
            "{sh:?}: {taken:?}"
        );
    }
}
