//! The journal on the machine that applies: read-only, full, torn.

use std::path::PathBuf;
use std::process::Command;

use super::spoiled::Spoiled;
use super::trial::{HIT, Trial};
use crate::lab_project::{Machine, run};
use crate::lab_support::age_lock;

/// The directory `.mrsk` of a project on a small file system.
fn small_disk(trial: &Trial) -> (PathBuf, Spoiled<'static>) {
    let directory = trial.project().directory.join(".mrsk");
    std::fs::create_dir_all(&directory).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=256k", "none"];
    run(Command::new("mount").args(mount).arg(&directory)).expect(0);
    let at = directory.clone();
    let disk = Spoiled::until(move || {
        run(Command::new("umount").arg("-l").arg(&at)).expect(0);
    });
    (directory, disk)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_journal_is_read_only() {
    let trial = Trial::new("lab-fault-no-journal");
    let (directory, _disk) = small_disk(&trial);
    let remount = |how: &str| {
        run(Command::new("mount").args(["-o", how]).arg(&directory)).expect(0);
    };
    let users = trial.users();
    remount("remount,ro");
    let said = trial.project().mrsk(&["apply", trial.planned.plan.arg()]);
    said.expect(1).says(&[
        "cannot write the journal below .mrsk: Read-only file system",
        "nothing was changed",
    ]);
    trial.planned.all_serve("one");
    for machine in &trial.project().machines {
        let serial = machine.serial(trial.project().service);
        assert!(serial.starts_with("1 "), "{serial}");
    }
    remount("remount,rw");
    trial.apply(&[]).expect(0);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_journal_is_full() {
    let trial = Trial::new("lab-fault-full-journal");
    let (directory, _disk) = small_disk(&trial);
    let users = trial.users();
    let mut run = trial.begin(&[]);
    run.until("ended", &trial.planned.plan.step("", "build"));
    let fill = directory.join("fill");
    let filled = std::fs::write(&fill, vec![0; 1 << 20]);
    assert!(filled.is_err());
    let said = run.wait();
    said.expect(1).says(&[
        "cannot write the journal",
        "No space left on device",
        "mrsk apply",
    ]);
    assert!(!trial.machine(0).is_locked());
    std::fs::remove_file(&fill).unwrap();
    trial.apply(&[]).expect(0);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_last_line_of_the_journal_is_torn() {
    let trial = Trial::new("lab-fault-torn-journal");
    let users = trial.users();
    let run = trial.begin_until_boot(HIT, &[]);
    let journal = run.journal().to_owned();
    run.kill();
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, &text[..text.len() - 12]).unwrap();
    age_lock(trial.machine(0));
    trial.apply(&[]).expect(0);
    users.lost_nothing();
    let whole = std::fs::read_to_string(&journal).unwrap();
    let is_entry = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    let torn = whole.lines().filter(|line| !is_entry(line)).count();
    assert_eq!(torn, 1, "{whole}");
    assert!(whole.lines().last().is_some_and(is_entry));
    let steps = trial.planned.plan.plan["steps"].as_array().unwrap().len();
    let audit = trial.project().mrsk(&["audit"]).expect(0).out;
    assert!(audit.contains(&trial.planned.new), "{steps}: {audit}");
    assert_eq!(trial.project().each(Machine::version), ["two", "two"]);
    trial.is_finished_as_if_nothing_had_been();
}
