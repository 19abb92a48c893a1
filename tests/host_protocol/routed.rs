//! `routed`: a line for each route that has sent requests to a container, for ever.

use std::fs;

use mrsk::action::Action;
use mrsk::name::RunId;
use mrsk::transport::request::{Inputs, Route, StepRequest};
use mrsk::transport::script;

use crate::fixture::{Fixture, Sh, attempt, block, feed, sh_c, step};
use crate::sample;

const ROUTED: &str = "state/app@/routed";
const DIGEST: &str = "sha256:0123";

/// A step that writes a routing file.
fn route(fixture: &Fixture, script: &str) -> StepRequest {
    StepRequest {
        route: Some(Route {
            role: "web".into(),
            version: "v1".into(),
            container: "app-web-v1".into(),
            repository: "registry.example/app".into(),
            file: fixture.path("routing file").display().to_string(),
            token: "m-1234.mrsk.internal".into(),
            operation: "app boot".into(),
            by: "Jo \n Do".into(),
        }),
        ..step("route", &[script])
    }
}

const WRITES: &str = "echo 'Host(`m-1234.mrsk.internal`)' >\"$ROOT/routing file\"";

fn fixture(sh: Sh) -> Fixture {
    let fixture = Fixture::new(sh);
    let docker = format!(
        "case $1 in inspect) echo running 1 0 - bridge sha256:image ;; image) echo other/app@sha256:99 registry.example/app@{DIGEST} ;; esac"
    );
    fixture.fake("docker", &docker);
    fixture.fence("r1");
    fixture
}

/// What the lines say, without their times.
fn routed(fixture: &Fixture) -> Vec<String> {
    let text = fixture.read(ROUTED);
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        let time = words.remove(4);
        assert!(time.parse::<u64>().unwrap() > 1_000_000_000, "{line}");
        words.join(" ")
    };
    text.lines().map(line).collect()
}

fn expected() -> Vec<String> {
    vec![format!("web v1 {DIGEST} app-web-v1 a1 app-boot Jo   Do")]
}

#[test]
fn a_route_is_entered_when_it_has_routed() {
    for sh in Sh::all() {
        let fixture = fixture(sh);
        let failing = StepRequest {
            cleanup: vec![Action::Run(sh_c("rm \"$ROOT/routing file\""))],
            ..route(&fixture, &format!("{WRITES}; exit 1"))
        };
        fixture.start("r1", std::slice::from_ref(&failing)).unwrap();
        fixture.fence("r2");
        assert_eq!(routed(&fixture), [""; 0], "{sh:?}: it failed");
        let step = route(&fixture, WRITES);
        fixture.start("r2", std::slice::from_ref(&step)).unwrap();
        assert_eq!(routed(&fixture), expected(), "{sh:?}");
        let (place, run) = (fixture.place(), RunId::from("r2"));
        block(fixture.host.finish(&place, &run)).unwrap();
        assert_eq!(routed(&fixture), expected(), "{sh:?}");
        for step in [failing, step] {
            let left = fixture.attempt_directory(&attempt(&step)).join("route");
            assert_eq!(fs::read(left).unwrap_or_default(), b"", "{sh:?}");
        }
    }
}

#[test]
fn an_image_without_a_registry_digest_is_a_dash() {
    let fixture = fixture(Sh::Dash);
    fixture.fake("docker", "exit 1");
    fixture.start("r1", &[route(&fixture, WRITES)]).unwrap();
    assert_eq!(
        routed(&fixture),
        ["web v1 - app-web-v1 a1 app-boot Jo   Do"]
    );
}

/// Kills the script of a route before line `index`, and plays the run that comes next.
fn kill_at(sh: Sh, index: usize) -> bool {
    let fixture = fixture(sh);
    let step = route(&fixture, WRITES);
    let (place, run) = (fixture.place(), RunId::from("r1"));
    let batch = std::slice::from_ref(&step);
    let script = script::start(&place, &run, batch, &Inputs::default()).unwrap();
    let lines: Vec<&str> = script.text().lines().collect();
    if index >= lines.len() {
        return false;
    }
    let (before, behind) = lines.split_at(index);
    // Inside of a quoted line break nothing can be run.
    if behind[0] == "'" {
        return true;
    }
    let killed = [before, &["kill -9 $$"], behind].concat().join("\n") + "\n";
    feed(&fixture, killed.as_bytes());
    fixture.settled(&attempt(&step));
    fixture.fence("r2");
    let has_routed = fixture.path("routing file").exists();
    let expected = if has_routed { expected() } else { Vec::new() };
    let about = format!("{sh:?}, line {index}: {}", behind[0]);
    assert_eq!(routed(&fixture), expected, "{about}");
    fixture.fence("r3");
    assert_eq!(routed(&fixture), expected, "{about}");
    true
}

#[test]
fn a_route_that_is_killed_is_entered_once_if_it_has_routed() {
    for (first, sh) in Sh::all().into_iter().enumerate() {
        let (mut index, stride) = sample::lines(11 * first, 33);
        while kill_at(sh, index) {
            index += stride;
        }
    }
}

/// The lines of the script of a route at which most can go wrong: all of `routed.sh`.
#[test]
fn a_route_that_is_killed_while_it_is_entered_is_entered_once() {
    let sh = Sh::Dash;
    let fixture = fixture(sh);
    let step = route(&fixture, WRITES);
    let (place, run) = (fixture.place(), RunId::from("r1"));
    let script = script::start(&place, &run, &[step], &Inputs::default()).unwrap();
    let lines: Vec<&str> = script.text().lines().collect();
    let at = |start: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(start))
            .unwrap()
    };
    for index in at("append() {")..at("enter_lost_routes() {") {
        kill_at(sh, index);
    }
}

#[test]
fn retention_keeps_what_was_routed() {
    let fixture = fixture(Sh::Dash);
    fixture.start("r1", &[route(&fixture, WRITES)]).unwrap();
    let runs = fixture.path("state/app@/runs");
    for index in 0..25_u8 {
        fs::create_dir_all(runs.join(format!("{index:02x}ff"))).unwrap();
    }
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(5000);
    fs::File::open(runs.join("a1"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    let (place, run) = (fixture.place_of("c3"), RunId::from("r3"));
    block(fixture.host.fence(&place, &run, &1.into())).unwrap();
    block(fixture.host.finish(&place, &run)).unwrap();
    assert!(!runs.join("a1").exists());
    assert_eq!(routed(&fixture), expected());
}
