//! Many runs of different plans against the same host at once.

use std::fs;
use std::time::Duration;

use mrsk::apply::state::Outcome;
use mrsk::name::PlanDigest;
use mrsk::plan::Plan;

use super::held;
use super::site::{Site, eventually, step};

fn block<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

/// Returns everything below a directory, with its bytes, without what a heartbeat changes.
fn below(directory: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(below(&path));
        } else if !path.ends_with("beat") {
            found.push((
                path.display().to_string(),
                fs::read(&path).unwrap_or_default(),
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn of_twelve_plans_one_is_applied_and_the_others_name_its_run() {
    let site = Site::new(&["a"]);
    let numbered = |number: usize| -> Plan {
        let script = format!("touch $ROOT/ran{number}");
        let mut plan = site.plan(&["a"], vec![step("a/other", &[], &script)]);
        plan.digest = PlanDigest::from(format!("sha256:b{number}"));
        plan
    };
    let winner = site.plan(&["a"], vec![step("a/check", &[], &held("begun"))]);
    let (site, numbered) = (&site, &numbered);
    std::thread::scope(|scope| {
        let winning = scope.spawn(|| block(site.apply(winner, "winner")));
        block(eventually("a long step begins", 30, || {
            site.exists("begun")
        }));
        let state = site.path("a/state/app@");
        let before = below(&state);
        let waiting = scope.spawn(|| block(site.apply_waiting(numbered(0), "r0", 90)));
        let others: Vec<_> = (1..12)
            .map(|number| {
                scope.spawn(move || block(site.apply(numbered(number), &format!("r{number}"))))
            })
            .collect();
        for other in others {
            let (outcome, _) = other.join().unwrap();
            let Outcome::LockHeld { details, .. } = &outcome else {
                panic!("{outcome:?}")
            };
            assert_eq!(details.run.as_ref().unwrap().as_str(), "winner");
            assert_eq!(outcome.exit_code().code(), 4);
        }
        assert_eq!(below(&state), before);
        std::thread::sleep(Duration::from_secs(1));
        fs::write(site.path("go"), "").unwrap();
        assert_eq!(winning.join().unwrap().0, Outcome::Done);
        // It is never applied to what it has not seen.
        let (outcome, _) = waiting.join().unwrap();
        assert!(matches!(outcome, Outcome::Superseded(..)), "{outcome:?}");
        assert_eq!(outcome.exit_code().code(), 3);
    });
    assert!(!(0..12).any(|number| site.exists(&format!("ran{number}"))));
}
