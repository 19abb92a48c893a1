//! The records of a service go once nothing of it is left on its host.

use std::fs;

use mrsk::name::{PlanDigest, RunId};
use mrsk::record::Seen;
use mrsk::transport::answer::ForgetAnswer;

use crate::fixture::{Fixture, Sh, block, names, own_start, scope, step};
use crate::lock::{release, take};

/// An engine with no container of the service.
const EMPTY: &str = "exit 0";

fn forget(fixture: &Fixture, last: Option<&str>) -> ForgetAnswer {
    let state = fixture.path("state").display().to_string();
    let last = last.map(PlanDigest::from);
    block(fixture.host.forget(&scope(), Some(&state), last.as_ref())).unwrap()
}

/// Leaves what a plan leaves that was applied to its end, and a deploy lock that was free again.
fn applied(sh: Sh, docker: &str) -> Fixture {
    let fixture = Fixture::new(sh);
    fixture.fake("docker", docker);
    take(&fixture, "r1");
    let place = fixture.place();
    let run = RunId::from("r1");
    block(fixture.host.fence(&place, &run, &Seen::default())).unwrap();
    fixture.start("r1", &[step("one", &["echo x"])]).unwrap();
    block(fixture.host.finish(&place, &run)).unwrap();
    release(&fixture, "r1");
    fixture
}

#[test]
fn nothing_is_left_of_a_service_that_is_gone() {
    for sh in Sh::all() {
        let fixture = applied(sh, EMPTY);
        fs::create_dir_all(fixture.path("state/shared.lock")).unwrap();
        fs::create_dir_all(fixture.path("state/traefik")).unwrap();
        assert!(fixture.path("home/mrsk-app-audit.log").exists(), "{sh:?}");
        assert_eq!(forget(&fixture, Some("sha256:a1")), ForgetAnswer::Forgotten);
        assert!(!fixture.path("state").exists(), "{sh:?}");
        assert_eq!(names(&fixture.path("home")), [".mrsk_lock.turns"], "{sh:?}");
        let state = fixture.path("state").display().to_string();
        block(fixture.host.sweep_lock(&scope(), Some(&state))).unwrap();
        assert_eq!(names(&fixture.path("home")), [""; 0], "{sh:?}");
        assert_eq!(forget(&fixture, None), ForgetAnswer::Absent, "{sh:?}");
    }
}

#[test]
fn what_others_have_stays() {
    for sh in Sh::all() {
        let fixture = applied(sh, EMPTY);
        for other in ["app@staging", "shop@", "shared.lock", "traefik"] {
            fs::create_dir_all(fixture.path(&format!("state/{other}"))).unwrap();
        }
        fs::write(fixture.path("home/mrsk-app-staging-audit.log"), "x\n").unwrap();
        assert_eq!(forget(&fixture, Some("sha256:a1")), ForgetAnswer::Forgotten);
        let state = fixture.path("state").display().to_string();
        block(fixture.host.sweep_lock(&scope(), Some(&state))).unwrap();
        let left = names(&fixture.path("state"));
        assert_eq!(left, ["app@staging", "shared.lock", "shop@", "traefik"]);
        let left = names(&fixture.path("home"));
        assert_eq!(left, [".mrsk_lock.turns", "mrsk-app-staging-audit.log"]);
    }
}

#[test]
fn a_service_that_is_there_keeps_its_records() {
    for sh in Sh::all() {
        let of_another = "echo =staging=";
        for (docker, last, expected) in [
            ("echo ==", None, ForgetAnswer::Kept),
            ("echo =staging=; echo ==", None, ForgetAnswer::Kept),
            ("exit 1", None, ForgetAnswer::Kept),
            (EMPTY, Some("sha256:b2"), ForgetAnswer::Kept),
            (of_another, None, ForgetAnswer::Forgotten),
        ] {
            let fixture = applied(sh, docker);
            assert_eq!(forget(&fixture, last), expected, "{sh:?} {docker} {last:?}");
            let is_there = fixture.path("state/app@/finished").exists();
            assert_eq!(is_there, expected == ForgetAnswer::Kept, "{sh:?} {docker}");
        }
    }
}

#[test]
fn a_step_that_lives_keeps_its_records() {
    for sh in Sh::all() {
        let fixture = applied(sh, EMPTY);
        let attempt = fixture.path("state/app@/runs/b2/two/1");
        fs::create_dir_all(&attempt).unwrap();
        let me = std::process::id();
        let start = own_start();
        let boot = crate::lock::boot();
        let claim = format!("{me} {start} {boot} r2\n");
        fs::write(attempt.join("claim"), claim).unwrap();
        assert_eq!(forget(&fixture, None), ForgetAnswer::Kept, "{sh:?}");
        fs::write(attempt.join("claim"), format!("{me} 1 {boot} r2\n")).unwrap();
        assert_eq!(forget(&fixture, None), ForgetAnswer::Forgotten, "{sh:?}");
    }
}
