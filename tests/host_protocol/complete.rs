//! A container that runs to its end, with a fake `docker` whose container is a file: its state, its status, and how often it is looked at
//! until it has ended.

use std::fs;

use mrsk::action::{Action, Complete};
use mrsk::record::Ending;
use mrsk::transport::request::{Inputs, StepRequest};

use crate::fixture::{Fixture, Sh, step};

/// `inspect` prints the next of the lines in `looks`, of which the last stays. All else is noted.
const DOCKER: &str = r#"case $1 in
inspect)
  line=$(head -n 1 "$ROOT/looks")
  [ "$(wc -l <"$ROOT/looks")" -gt 1 ] && { tail -n +2 "$ROOT/looks" >"$ROOT/next"; mv "$ROOT/next" "$ROOT/looks"; }
  case $line in
  "Error:"* | Cannot*) printf '%s\n' "$line" >&2; exit 1 ;;
  esac
  printf '%s\n' "$line"
  ;;
start) echo started >>"$ROOT/log"; [ ! -e "$ROOT/broken" ] || { echo 'no such file' >&2; exit 127; } ;;
logs) echo "$*" >>"$ROOT/log"; echo migrating ;;
esac"#;

fn request() -> StepRequest {
    StepRequest {
        actions: vec![Action::Complete(Complete {
            container: "app-release-2".into(),
        })],
        ..step("complete", &[])
    }
}

#[test]
fn a_container_is_started_once_and_its_status_is_that_of_the_step() {
    let failed = |code| Ending::Failed { code };
    let (start, followed, shown) = (
        "started\n",
        "logs --follow app-release-2\n",
        "logs app-release-2\n",
    );
    let table = [
        (
            "created 0\nrunning 0\nexited 0\n",
            Ending::Succeeded,
            [start, followed].concat(),
        ),
        (
            "created 0\nexited 0\n",
            Ending::Succeeded,
            [start, shown].concat(),
        ),
        // What was started before is only waited for.
        (
            "running 0\nrunning 0\nexited 0\n",
            Ending::Succeeded,
            followed.to_owned(),
        ),
        ("exited 0\n", Ending::Succeeded, shown.to_owned()),
        ("exited 3\n", failed(3), shown.to_owned()),
        ("dead 137\n", failed(137), shown.to_owned()),
        ("exited 1234\n", failed(1), shown.to_owned()),
        // An engine that starts anew is waited for.
        (
            "Cannot connect to the Docker daemon\nexited 0\n",
            Ending::Succeeded,
            shown.to_owned(),
        ),
        (
            "Error: No such object: app-release-2\n",
            failed(1),
            String::new(),
        ),
    ];
    for sh in Sh::all() {
        for (looks, ending, log) in &table {
            let fixture = Fixture::new(sh);
            fixture.fake("docker", DOCKER);
            fs::write(fixture.path("looks"), looks).unwrap();
            let (receipt, ..) = fixture.run_one(&request(), &Inputs::default());
            assert_eq!(receipt.ending, *ending, "{sh:?} {looks}");
            assert_eq!(fixture.read("log"), *log, "{sh:?} {looks}");
        }
        let fixture = Fixture::new(sh);
        fixture.fake("docker", DOCKER);
        fs::write(fixture.path("looks"), "created 127\n").unwrap();
        fs::write(fixture.path("broken"), "").unwrap();
        let (receipt, ..) = fixture.run_one(&request(), &Inputs::default());
        assert_eq!(receipt.ending, failed(1), "{sh:?}");
        assert_eq!(fixture.read("log"), start, "{sh:?}");
    }
}
