//! Disks of a host that are full or cannot be written.

use super::spoiled::Spoiled;
use super::trial::{APP, HIT, HOSTS, Trial};
use crate::lab_project::Project;
use crate::lab_support::planned::{SECRET, WITH_SECRET};

/// The file system of the state directory fills up while the new container boots.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_disk_of_a_host_is_full() {
    let project = Project::new("lab-fault-full", &HOSTS);
    let machine = project.machines[HIT].clone();
    let _disk = Spoiled::by(
        &machine,
        "mkdir -p -m 700 /var/lib/mrsk && mount -t tmpfs -o size=1m,mode=700 none /var/lib/mrsk",
        "umount -l /var/lib/mrsk",
    );
    project.secret_file(&[SECRET]);
    project.configure(WITH_SECRET);
    let trial = Trial::of(project, APP);
    let users = trial.users();
    let run = trial.begin_until_boot(HIT, &[]);
    let full = Spoiled::by(
        &machine,
        "cat /dev/zero > /var/lib/mrsk/fill 2>/dev/null || :",
        "rm /var/lib/mrsk/fill",
    );
    let said = run.wait().expect(1);
    said.says(&["No space left on device", "next:", "mrsk apply"]);
    assert_eq!(trial.machine(HIT).version(), "one");
    assert!(!trial.machine(0).is_locked());
    let again = trial.apply(&[]).expect(1);
    again.says(&[
        "failed: cannot use 1 host; no step was started",
        &format!("{} cannot write /var/lib/mrsk/", HOSTS[HIT]),
        "No space left on device",
    ]);
    full.heal();
    trial.apply(&[]).expect(0);
    users.lost_nothing();
    trial.is_finished();
}

/// The home of a user who is not root holds lock and records, and becomes read-only while the new container boots.
fn home_is_read_only(service: &'static str, hit: usize, next: &str, again: (i32, &[&str])) {
    const READ_ONLY: &str =
        "mount --bind /home/app /home/app && mount -o remount,ro,bind /home/app";
    let project = Project::new(service, &HOSTS);
    project.secret_file(&[SECRET]);
    project.configure(&format!("{WITH_SECRET}ssh:\n  user: app\n"));
    let trial = Trial::of(project, APP);
    let users = trial.users();
    let run = trial.begin_until_boot(hit, &[]);
    let home = Spoiled::by(trial.machine(hit), READ_ONLY, "umount -l /home/app");
    let said = run.wait();
    said.expect(1).says(&[
        &format!("host failed: {}: cannot write /home/app/.mrsk/", HOSTS[hit]),
        "Read-only file system",
        next,
    ]);
    assert_eq!(trial.machine(hit).version(), "one");
    let (code, says) = again;
    trial.apply(&[]).expect(code).says(says);
    home.heal();
    trial.apply(&["--lock-wait", "90"]).expect(0);
    users.lost_nothing();
    trial.is_finished();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_home_is_read_only() {
    home_is_read_only(
        "lab-fault-home",
        HIT,
        "mrsk apply .mrsk",
        (
            1,
            &[
                "failed: cannot use 1 host; ",
                " cannot set the mode of /home/app/.mrsk",
                "Read-only file system",
            ],
        ),
    );
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_home_of_the_lock_host_is_read_only() {
    home_is_read_only(
        "lab-fault-lock-home",
        0,
        "mrsk apply --lock-wait 90 .mrsk",
        // The lock could not be released.
        (4, &["locked: another run holds the deploy lock"]),
    );
}
