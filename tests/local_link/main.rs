//! Plans applied by the real driver and the real scripts, without ssh: each host is a shell of this machine.

#![expect(
    clippy::disallowed_methods,
    reason = "tests mount the file systems that they fill, and start the runs that they stop"
)]

mod ahead;
mod audit;
mod crowd;
mod others;
mod secrets;
mod signals;
mod site;

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mrsk::apply::state::{Outcome, Progress};
use mrsk::name::{HostName, StepId};
use mrsk::record::LockDetails;

use site::{Disk, Site, eventually, step};

/// What a step does that runs until the test lets it go.
fn held(name: &str) -> String {
    format!("touch $ROOT/{name}; until [ -e $ROOT/go ]; do sleep 0.1; done")
}

#[tokio::test(flavor = "current_thread")]
async fn a_machine_that_slept_starts_nothing_on_an_old_lock() {
    for (jump, starts) in [(0, true), (45, false)] {
        let site = Site::new(&["a"]);
        let steps = vec![
            step("a/held", &[], &held("begun")),
            step("local/tell", &["a/held"], "touch told"),
        ];
        let plan = site.plan(&["a"], steps);
        let meanwhile = async {
            eventually("a step begins", 30, || site.exists("begun")).await;
            let details = LockDetails::parse("Locked by: another at 2026\nRun: other").render();
            fs::write(
                site.path("a/home/mrsk_lock/app@/details"),
                STANDARD.encode(details),
            )
            .unwrap();
            site.clock.jump(jump);
            fs::write(site.path("go"), "").unwrap();
        };
        let ((outcome, _), ()) = tokio::join!(site.apply(plan, "r1"), meanwhile);
        assert_eq!(site.exists("told"), starts, "{jump} s: {outcome:?}");
        if !starts {
            assert_eq!(outcome, Outcome::LockLost);
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn steps_on_all_channels_do_not_delay_the_heartbeat() {
    let site = Site::new(&["a"]);
    let step_of = |index: u32| {
        let script = held(&format!("begun{index}"));
        step(&format!("a/{index}"), &[], &script)
    };
    let plan = site.plan(&["a"], (0..10).map(step_of).collect());
    let meanwhile = async {
        let begun = || (0..10).filter(|index| site.exists(&format!("begun{index}")));
        eventually("steps have all channels", 30, || begun().count() == 8).await;
        let beat = || fs::read_to_string(site.path("a/home/mrsk_lock/app@/beat")).unwrap();
        for round in 0..2 {
            let before = beat();
            eventually(&format!("heartbeat {round}"), 15, || beat() != before).await;
        }
        assert_eq!(begun().count(), 8);
        fs::write(site.path("go"), "").unwrap();
    };
    let ((outcome, _), ()) = tokio::join!(site.apply(plan, "r1"), meanwhile);
    assert_eq!(outcome, Outcome::Done);
}

/// What makes a disk refuse to be written.
type Way = fn(&Disk);

#[tokio::test(flavor = "current_thread")]
async fn a_host_that_cannot_write_is_told_and_the_lock_is_released() {
    let ways: [(Way, &str); 2] = [
        (Disk::fill, "No space left on device"),
        (Disk::make_read_only, "Read-only file system"),
    ];
    for (spoil, cause) in ways {
        for failed in ["a", "b"] {
            let site = Site::new(&["a", "b"]);
            let Some(disk) = Disk::mount(site.path(failed).join("state")) else {
                return;
            };
            spoil(&disk);
            let steps = vec![
                step("a/one", &[], "touch $ROOT/ran"),
                step("b/one", &[], "touch $ROOT/ran"),
            ];
            let (outcome, _) = site.apply(site.plan(&["a", "b"], steps), "r1").await;
            let Outcome::HostFailed(hosts) = &outcome else {
                panic!("{failed}: {outcome:?}")
            };
            assert_eq!(hosts.len(), 1, "{hosts:?}");
            assert_eq!(hosts[0].0, HostName::from(failed));
            assert!(hosts[0].1.contains(cause), "{hosts:?}");
            assert_eq!(outcome.exit_code().code(), 1);
            assert!(!site.exists("a/home/mrsk_lock"), "{failed}: {cause}");
            assert!(!site.exists("ran"));
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_disk_that_fills_up_stops_the_run_and_the_lock_is_released() {
    let site = Site::new(&["a", "b"]);
    let Some(_disk) = Disk::mount(site.path("a/state")) else {
        return;
    };
    let steps = vec![
        step(
            "a/fill",
            &[],
            "head -c 1000000 /dev/zero >$ROOT/a/state/ballast; true",
        ),
        step("a/next", &["a/fill"], "touch $ROOT/ran"),
    ];
    let (outcome, told) = site.apply(site.plan(&["a", "b"], steps), "r1").await;
    assert_eq!(outcome, Outcome::Failed(vec![StepId::from("a/fill")]));
    let is_told = |progress: &Progress| matches!(progress, Progress::HostGone(_, _, message) if message.contains("No space left on device"));
    assert!(told.iter().any(is_told), "{told:?}");
    assert!(!site.exists("a/home/mrsk_lock"));
    assert!(!site.exists("ran"));
}
