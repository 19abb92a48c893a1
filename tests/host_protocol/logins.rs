//! A login at a registry is the attempt's own, and ends with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mrsk::action::{Action, OwnConfig, Run};
use mrsk::record::Ending;
use mrsk::secret::Secret;
use mrsk::transport::request::{Inputs, StepRequest};

use crate::fixture::{Fixture, Sh, attempt, eventually, step};

/// Logs in as docker does, and writes down what configuration each command got.
const DOCKER: &str = r#"echo "$1 $DOCKER_CONFIG" >>"$ROOT/configs"
case $1 in
login)
  sed "s/}$/,\"login\":\"$(cat)\"}/" "$DOCKER_CONFIG/config.json" >"$DOCKER_CONFIG/config.json.new"
  mv "$DOCKER_CONFIG/config.json.new" "$DOCKER_CONFIG/config.json"
  ;;
pull)
  cat "$DOCKER_CONFIG/config.json" >"$ROOT/$2.config"
  cat "$DOCKER_CONFIG/contexts/meta" >"$ROOT/$2.context"
  [ "$2" != fails ]
  ;;
hangs)
  : >"$ROOT/hanging"
  while [ -e "$ROOT/hanging" ]; do sleep 0.1; done
  ;;
esac"#;

const CONFIG: &str = r#"{"proxies":{"default":{"httpProxy":"http://p"}}}"#;

fn fixture(sh: Sh) -> Fixture {
    let fixture = Fixture::new(sh);
    fixture.fake("docker", DOCKER);
    fs::create_dir_all(fixture.path("home/.docker/contexts")).unwrap();
    fs::write(fixture.path("home/.docker/config.json"), CONFIG).unwrap();
    fs::write(fixture.path("home/.docker/contexts/meta"), "context").unwrap();
    fixture
}

fn inputs() -> Inputs {
    Inputs {
        secrets: [("PASSWORD".to_owned(), Secret::new("hunter2"))].into(),
        ..Inputs::default()
    }
}

fn login_then(name: &str, command: &[&str]) -> StepRequest {
    let login = Run {
        stdin: Some("PASSWORD".to_owned()),
        ..Run::literal(["docker", "login"]).with_own_config(OwnConfig::Temporary)
    };
    let command = Run::literal(command.iter().copied());
    let command = command.with_own_config(OwnConfig::Temporary);
    let create = Run::literal(["docker", "create"]);
    StepRequest {
        actions: [login, command, create].map(Action::Run).to_vec(),
        timeout_seconds: 60,
        ..step(name, &[])
    }
}

#[test]
fn it_is_seen_by_the_pull_alone_and_removed_with_the_attempt() {
    for sh in Sh::all() {
        for (image, ending) in [
            ("image", Ending::Succeeded),
            ("fails", Ending::Failed { code: 1 }),
        ] {
            let fixture = fixture(sh);
            let pull = login_then("pull", &["docker", "pull", image]);
            let (receipt, output, _) = fixture.run_one(&pull, &inputs());
            assert_eq!(receipt.ending, ending, "{sh:?} {output}");
            let seen = r#"{"proxies":{"default":{"httpProxy":"http://p"}},"login":"hunter2"}"#;
            assert_eq!(fixture.read(&format!("{image}.config")), seen, "{sh:?}");
            assert_eq!(fixture.read(&format!("{image}.context")), "context");
            let own = fixture.attempt_directory(&attempt(&pull)).join("docker");
            assert!(!own.exists(), "{sh:?}");
            let configs = fixture.read("configs");
            let own = own.display();
            let mut expected = format!("login {own}\npull {own}\n");
            if ending == Ending::Succeeded {
                expected += "create \n";
            }
            assert_eq!(configs, expected, "{sh:?}");
            assert_eq!(fixture.read("home/.docker/config.json"), CONFIG);
            assert_eq!(fixture.read("home/.docker/contexts/meta"), "context");
        }
    }
}

#[test]
fn one_that_a_dead_attempt_left_is_removed_and_one_of_a_living_stays() {
    for sh in Sh::all() {
        let fixture = fixture(sh);
        let living = login_then("living", &["docker", "hangs"]);
        let left = fixture.path("state/app@/runs/b2/dead/1/docker");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("config.json"), "hunter2").unwrap();
        fixture.fence("r1");
        assert!(!left.exists(), "{sh:?}");
        std::thread::scope(|scope| {
            scope.spawn(|| fixture.start_with("r1", std::slice::from_ref(&living), &inputs()));
            eventually("the login is there", || fixture.path("hanging").exists());
            let own = fixture.attempt_directory(&attempt(&living)).join("docker");
            fixture.fence("r2");
            assert!(own.join("config.json").exists(), "{sh:?}");
            let mode = fs::metadata(&own).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{sh:?}");
            fs::remove_file(fixture.path("hanging")).unwrap();
            eventually("the login is gone", || !own.exists());
        });
    }
}

/// Returns a step with one command of docker.
fn docker(name: &str, command: &[&str], own_config: OwnConfig) -> StepRequest {
    let words = ["docker"].iter().chain(command).copied();
    let run = Run {
        stdin: (command == ["login"]).then(|| "PASSWORD".to_owned()),
        ..Run::literal(words).with_own_config(own_config)
    };
    StepRequest {
        actions: vec![Action::Run(run)],
        timeout_seconds: 60,
        ..step(name, &[])
    }
}

#[test]
fn one_that_is_to_be_kept_stays_for_later_runs_until_it_is_removed() {
    for sh in Sh::all() {
        let fixture = fixture(sh);
        let kept = fixture.path("state/app@/docker");
        let run = |step: &StepRequest| fixture.run_one(step, &inputs()).0.ending;

        let too_early = docker("early", &["pull", "early"], OwnConfig::Kept);
        let (receipt, output, _) = fixture.run_one(&too_early, &inputs());
        assert_eq!(receipt.ending, Ending::Failed { code: 1 }, "{sh:?}");
        assert!(
            output.contains("no login at the registry is kept here"),
            "{output}"
        );
        assert!(!kept.exists() && fixture.read("configs").is_empty());

        let login = docker("login", &["login"], OwnConfig::ToKeep);
        assert_eq!(run(&login), Ending::Succeeded, "{sh:?}");
        let seen = r#"{"proxies":{"default":{"httpProxy":"http://p"}},"login":"hunter2"}"#;
        assert_eq!(fixture.read("state/app@/docker/config.json"), seen);
        for (path, expected) in [(kept.clone(), 0o700), (kept.join("config.json"), 0o600)] {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{sh:?} {}", path.display());
        }
        let of_attempt = fixture.attempt_directory(&attempt(&login)).join("docker");
        assert!(!of_attempt.exists(), "{sh:?}");

        fixture.fence("r2");
        let pull = docker("pull", &["pull", "image"], OwnConfig::Kept);
        fixture
            .start_with("r2", std::slice::from_ref(&pull), &inputs())
            .unwrap();
        assert_eq!(fixture.read("image.config"), seen, "{sh:?}");
        assert_eq!(fixture.read("image.context"), "context");

        fixture.fence("r1");
        let again = docker("again", &["login"], OwnConfig::ToKeep);
        assert_eq!(run(&again), Ending::Succeeded, "{sh:?}");
        assert_eq!(fixture.read("state/app@/docker/config.json"), seen);
        assert_eq!(fixture.read("home/.docker/config.json"), CONFIG);
        let remove = Run::literal(["rm", "-rf", kept.to_str().unwrap()]);
        let logout = StepRequest {
            actions: vec![Action::Run(remove)],
            timeout_seconds: 60,
            ..step("logout", &[])
        };
        assert_eq!(run(&logout), Ending::Succeeded, "{sh:?}");
        assert!(!kept.exists());
        assert_eq!(fixture.read("home/.docker/contexts/meta"), "context");
    }
}
