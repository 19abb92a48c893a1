//! Conditions, with fake `docker` and `curl` commands and real connections.

use std::fs;

use mrsk::action::{Action, Poll, Probe, VerifyImage};
use mrsk::name::StepId;
use mrsk::record::Ending;
use mrsk::secret::Secret;
use mrsk::transport::answer::Event;
use mrsk::transport::request::{Inputs, StepRequest};

use crate::fixture::{Fixture, Sh, sh_c, step};

/// A docker whose containers are files: the words that `docker inspect` prints for them, one line for each time it is asked.
const DOCKER: &str = r#"for last; do :; done
printf '%s\n' "$*" >>"$ROOT/docker.log"
if ! [ -f "$ROOT/$last" ]; then echo "Error: No such object: $last" >&2; exit 1; fi
head -n 1 "$ROOT/$last"
if [ "$(wc -l <"$ROOT/$last")" -gt 1 ]; then
  tail -n +2 "$ROOT/$last" >"$ROOT/next" && mv "$ROOT/next" "$ROOT/$last"
fi"#;

/// A curl that answers each time with a line of a file: headers separated by `|`, then the status.
const CURL: &str = r#"printf '%s\n' "$*" >>"$ROOT/curl.log"
line=$(head -n 1 "$ROOT/answers")
tail -n +2 "$ROOT/answers" >"$ROOT/next" && mv "$ROOT/next" "$ROOT/answers"
case $line in
refused) echo "curl: (7) Connection refused" >&2; printf 000; exit 7 ;;
esac
printf '%s' "$line" | tr '|' '\n'"#;

const UP: &str = "running 1 0 - bridge sha256:1 172.17.0.2 \n";

struct Case {
    probe: Probe,
    container: &'static str,
    answers: &'static str,
    ending: Ending,
    output: &'static str,
}

const FAILED: Ending = Ending::Failed { code: 1 };
pub const SUCCEEDED: Ending = Ending::Succeeded;

#[test]
fn conditions() {
    use Probe::{Ended, Http, Idle, Route, Running};
    #[rustfmt::skip]
    let cases = [
        (Http, UP, "200\n200\n", SUCCEEDED, ""),
        (Http, UP, "200\nrefused\n200\n200\n", SUCCEEDED, "attempt 1 of 3: curl: (7) Connection refused\n"),
        (Http, "running 1 0 - bridge sha256:1 172.17.0.2 \nrestarting 0 1 - bridge sha256:1 \n", "200\n", FAILED,
         "attempt 1 of 3: container app is restarting, restarted 1 times\n"),
        (Http, UP, "503\nrefused\nHTTP/1.1 200 OK||200\n200\n", SUCCEEDED,
         "attempt 1 of 3: 503\nattempt 2 of 3: curl: (7) Connection refused\n"),
        (Http, UP, "503\n404\n301\n", FAILED, "attempt 1 of 3: 503\nattempt 2 of 3: 404\nattempt 3 of 3: 301\n"),
        (Http, "exited 0 0 - bridge sha256:1 \n", "", FAILED, "attempt 1 of 3: container app is exited, restarted 0 times\n"),
        (Http, "restarting 0 3 - bridge sha256:1 \n", "", FAILED, "attempt 1 of 3: container app is restarting, restarted 3 times\n"),
        (Http, "running 0 1 - bridge sha256:1 172.17.0.2 \nrunning 0 2 - bridge sha256:1 172.17.0.2 \n", "503\n", FAILED,
         "attempt 1 of 3: 503\nattempt 2 of 3: container app is running, restarted 2 times\n"),
        (Http, "", "", FAILED, "attempt 1 of 3: container app is missing, restarted 0 times\n"),
        (Http, "running 1 0 - none sha256:1  \n", "", FAILED,
         "attempt 1 of 3: container app has no address\nattempt 2 of 3: container app has no address\nattempt 3 of 3: container app has no address\n"),
        (Http, "running 1 0 - host sha256:1  \n", "200\n200\n", SUCCEEDED, ""),
        (Http, "running 1 0 - mrsk sha256:1 invalid IP invalid IP 10.0.0.9 \n", "200\n200\n", SUCCEEDED, ""),
        (Route, UP, "HTTP/1.1 404 Not Found|404\nHTTP/1.1 200 OK\r|x-mrsk-container: m-1\r|200\n", SUCCEEDED,
         "attempt 1 of 3: 404, not from m-1\n"),
        (Route, UP, "X-Mrsk-Container: m-12|200\nX-Mrsk-Container: m-|200\nrefused\n", FAILED,
         "attempt 1 of 3: 200, not from m-1\nattempt 2 of 3: 200, not from m-1\nattempt 3 of 3: 000, not from m-1\n"),
        (Route, "exited 0 0 - bridge sha256:1 \n", "", FAILED, "attempt 1 of 3: container app is exited\n"),
        (Idle, "exited 0 0 - bridge sha256:1 \n", "", SUCCEEDED, ""),
        (Idle, "", "", SUCCEEDED, ""),
        (Ended, "exited 0 0 - bridge sha256:1 \n", "", SUCCEEDED, ""),
        (Ended, "", "", SUCCEEDED, ""),
        (Ended, "running 1 0 - bridge sha256:1 \nexited 0 0 - bridge sha256:1 \n", "", SUCCEEDED,
         "attempt 1 of 3: container app is running\n"),
        (Ended, "running 1 0 - bridge sha256:1 \n", "", SUCCEEDED,
         "attempt 1 of 3: container app is running\nattempt 2 of 3: container app is running\nattempt 3 of 3: container app is running\n\
          continuing after 3 attempts\n"),
        (Running, "running 1 0 - bridge sha256:1 \n", "", SUCCEEDED, ""),
        (Running, "running 1 0 - bridge sha256:1 \nrunning 2 1 - bridge sha256:1 \n", "", FAILED,
         "attempt 2 of 3: container app is running, restarted 1 times\n"),
        (Running, "running 1 0 - bridge sha256:1 \nexited 0 0 - bridge sha256:1 \n", "", FAILED,
         "attempt 2 of 3: container app is exited, restarted 0 times\n"),
        (Running, "running 1 0 starting bridge sha256:1 \nrunning 1 0 healthy bridge sha256:1 \n", "", SUCCEEDED,
         "attempt 1 of 3: container app is starting\n"),
        (Running, "running 1 0 unhealthy bridge sha256:1 \n", "", FAILED, "attempt 1 of 3: container app is unhealthy\n"),
        (Running, "running 1 0 starting bridge sha256:1 \n", "", FAILED,
         "attempt 1 of 3: container app is starting\nattempt 2 of 3: container app is starting\nattempt 3 of 3: container app is starting\n"),
    ]
    .map(|(probe, container, answers, ending, output)| Case { probe, container, answers, ending, output });
    for sh in Sh::all() {
        for case in &cases {
            check(&Fixture::new(sh), case);
        }
    }
}

/// What has taken over is looked at first, and a container that the plan started has no restart behind it.
#[test]
fn a_container_that_has_died_is_found_out_however_it_is_now() {
    const RESTARTED: &str = "running 0 1 - bridge sha256:1 172.17.0.3 \n";
    let after = |probe, restarts| {
        let Action::Poll(poll) = poll(probe, 1) else {
            unreachable!()
        };
        Action::Poll(Poll {
            expect: Some("successor".into()),
            restarts,
            ..poll
        })
    };
    let idle = |restarts| after(Probe::Idle, restarts);
    let ended = |restarts| after(Probe::Ended, restarts);
    let http = |restarts| {
        let Action::Poll(poll) = poll(Probe::Http, 3000) else {
            unreachable!()
        };
        Action::Poll(Poll {
            container: "successor".into(),
            restarts,
            ..poll
        })
    };
    let dead = "attempt 1 of 3: container successor is running, restarted 1 times\n";
    let gone = "attempt 1 of 3: container successor is exited, restarted 0 times\n";
    let table = [
        (idle(None), RESTARTED, SUCCEEDED, ""),
        (idle(Some(0)), RESTARTED, FAILED, dead),
        (
            idle(Some(0)),
            "exited 0 0 - bridge sha256:1 \n",
            FAILED,
            gone,
        ),
        (ended(None), RESTARTED, SUCCEEDED, ""),
        (ended(Some(0)), RESTARTED, FAILED, dead),
        (http(None), RESTARTED, SUCCEEDED, ""),
        (http(Some(0)), RESTARTED, FAILED, dead),
    ];
    for sh in Sh::all() {
        for (action, next, ending, output) in table.clone() {
            let fixture = Fixture::new(sh);
            fixture.fake("docker", DOCKER);
            fixture.fake("curl", CURL);
            fs::write(fixture.path("app"), "exited 0 0 - bridge sha256:1 \n").unwrap();
            fs::write(fixture.path("successor"), next).unwrap();
            fs::write(fixture.path("answers"), "200\n200\n").unwrap();
            let step = StepRequest {
                actions: vec![action],
                ..step("poll", &[])
            };
            let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
            let said = fixture.output(&step);
            assert_eq!((receipt.ending, said.as_str()), (ending, output), "{next}");
        }
    }
}

/// A client of docker costs the host more than all else that a look does. What lives is the container that docker named.
#[test]
fn docker_is_asked_once_while_the_container_lives() {
    for sh in Sh::all() {
        let mut process = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let up = format!("running {} 0 - bridge sha256:1 172.17.0.2 \n", process.id());
        let fixture = Fixture::new(sh);
        fixture.fake("docker", DOCKER);
        fixture.fake(
            "curl",
            "printf x >>\"$ROOT/asked\"; [ ! -f \"$ROOT/kill\" ] || kill \"$(cat \"$ROOT/kill\")\"; printf 503",
        );
        fs::write(fixture.path("app"), &up).unwrap();
        let ask = |attempts| {
            let Action::Poll(http) = poll(Probe::Http, 3000) else {
                unreachable!()
            };
            let step = StepRequest {
                actions: vec![Action::Poll(Poll {
                    interval_ms: 600,
                    attempts,
                    ..http
                })],
                ..step("poll", &[])
            };
            let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
            assert_eq!(receipt.ending, FAILED, "{sh:?}");
            fixture.output(&step)
        };
        ask(2);
        assert_eq!(fixture.read("docker.log").lines().count(), 1, "{sh:?}");
        assert!(fixture.read("asked").len() > 4, "{sh:?}");
        // It dies while it is asked: the next look asks docker.
        fs::write(
            fixture.path("app"),
            format!("{up}exited 0 0 - bridge sha256:1 \n"),
        )
        .unwrap();
        fs::write(fixture.path("kill"), process.id().to_string()).unwrap();
        let output = ask(1);
        process.wait().unwrap();
        assert_eq!(
            output, "attempt 1 of 1: container app is exited, restarted 0 times\n",
            "{sh:?}"
        );
    }
}

/// It may have changed the container's addresses.
#[test]
fn docker_is_asked_again_after_a_command() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", DOCKER);
        fixture.fake("curl", CURL);
        let up = format!(
            "running {} 0 - bridge sha256:1 172.17.0.2 \n",
            std::process::id()
        );
        fs::write(fixture.path("app"), up).unwrap();
        fs::write(fixture.path("answers"), "200\n".repeat(6)).unwrap();
        let connect = Action::Run(sh_c("docker network connect mrsk app"));
        let http = || poll(Probe::Http, 3000);
        let step = StepRequest {
            actions: vec![http(), http(), connect, http()],
            ..step("poll", &[])
        };
        let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, SUCCEEDED, "{sh:?}");
        let asked = fixture.read("docker.log");
        let words: Vec<&str> = asked
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(words, ["inspect", "network", "inspect"], "{sh:?}");
    }
}

/// However soon docker answers between them.
#[test]
fn the_two_questions_for_health_are_50_ms_apart() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", &format!("printf '{UP}'"));
        fixture.fake("curl", "/bin/date +%s%N >>\"$ROOT/asked\"; printf 200");
        let step = StepRequest {
            actions: vec![poll(Probe::Http, 3000)],
            ..step("poll", &[])
        };
        let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, SUCCEEDED, "{sh:?}");
        let asked = fixture.read("asked");
        let times: Vec<u64> = asked.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(times.len(), 2, "{sh:?}");
        assert!(times[1] - times[0] >= 50_000_000, "{sh:?} {times:?}");
    }
}

pub fn poll(probe: Probe, port: u16) -> Action {
    Action::Poll(Poll {
        probe,
        container: "app".into(),
        port: Some(port),
        path: Some("/up?a=1&b".into()),
        host: Some("app.internal".into()),
        expect: (![Probe::Idle, Probe::Ended].contains(&probe)).then(|| "m-1".into()),
        network: (probe == Probe::Idle).then(|| "mrsk".into()),
        restarts: None,
        interval_ms: 10,
        attempts: 3,
    })
}

fn check(fixture: &Fixture, case: &Case) {
    fixture.fake("docker", DOCKER);
    fixture.fake("curl", CURL);
    if !case.container.is_empty() {
        fs::write(fixture.path("app"), case.container).unwrap();
    }
    fs::write(fixture.path("answers"), case.answers).unwrap();
    let step = StepRequest {
        actions: vec![poll(case.probe, 3000)],
        ..step("poll", &[])
    };
    let about = format!("{:?} {:?} {:?}", fixture.sh, case.probe, case.container);
    let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
    let output = fixture.output(&step);
    assert_eq!(receipt.ending, case.ending, "{about} {output}");
    assert_eq!(output, case.output, "{about}");
    let asked = fixture.read("curl.log");
    if let Some(line) = asked.lines().next() {
        assert!(
            line.contains("--noproxy * ") && line.contains("-H Host: app.internal "),
            "{line}"
        );
        assert!(line.ends_with(":3000/up?a=1&b"), "{line}");
    }
}

/// Attempt and status are told while the poll waits, each time that one of them is new.
#[test]
fn a_poll_that_waits_tells_its_attempt_and_what_it_saw_last() {
    const REFUSED_AT_FIRST: &str = r#"[ -f "$ROOT/asked" ] && printf 503 && exit
: >"$ROOT/asked"
printf 'curl: (7) refused by s3cr3t-value\nmore\n' >&2
printf 000
exit 7"#;
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", &format!("printf '{UP}'"));
        fixture.fake("curl", REFUSED_AT_FIRST);
        let Action::Poll(http) = poll(Probe::Http, 3000) else {
            unreachable!()
        };
        let step = StepRequest {
            actions: vec![Action::Poll(Poll {
                interval_ms: 900,
                attempts: 2,
                ..http
            })],
            ..step("poll", &[])
        };
        let inputs = Inputs {
            secrets: [("TOKEN".to_owned(), Secret::new("s3cr3t-value"))].into(),
            ..Inputs::default()
        };
        fixture.fence("r1");
        let events = fixture
            .start_with("r1", std::slice::from_ref(&step), &inputs)
            .unwrap();
        let told: Vec<(u32, u32, &str)> = events
            .iter()
            .filter_map(|event| match event {
                Event::PollAttempt(of_step, poll) => {
                    assert_eq!(*of_step, step.step);
                    Some((poll.attempt, poll.of, poll.status.as_str()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(
            told.first(),
            Some(&(1, 2, "curl: (7) refused by [REDACTED]")),
            "{sh:?}"
        );
        assert_eq!(told.last(), Some(&(2, 2, "503")), "{sh:?}");
        assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
        assert!(told.len() <= 3, "{told:?}");
        assert!(matches!(events.last(), Some(Event::Ended { .. })));
        let output = fixture.output(&step);
        assert_eq!(
            output, "attempt 1 of 2: 503\nattempt 2 of 2: 503\n",
            "{sh:?}"
        );
    }
}

#[test]
fn what_a_command_prints_is_no_line_of_the_answer() {
    const FORGED: &str =
        "for fd in 1 2 3 4 5 6 7 8 9; do (echo '@mrsk end' >&$fd) 2>/dev/null; done; true";
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let events = fixture.start("r1", &[step("forged", &[FORGED])]).unwrap();
        assert!(
            matches!(events[..], [Event::Claimed { .. }, Event::Ended { .. }]),
            "{sh:?} {events:?}"
        );
    }
}

#[test]
fn an_engine_that_does_not_answer_says_nothing() {
    for sh in Sh::all() {
        for probe in [Probe::Http, Probe::Route, Probe::Idle, Probe::Running] {
            let fixture = Fixture::new(sh);
            fixture.fake(
                "docker",
                "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            );
            let step = StepRequest {
                actions: vec![poll(probe, 3000)],
                ..step("poll", &[])
            };
            let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
            let output = fixture.output(&step);
            assert!(
                output.contains("attempt 3 of 3: Cannot connect to the Docker daemon\n"),
                "{output}"
            );
            let expected = if probe == Probe::Idle {
                SUCCEEDED
            } else {
                FAILED
            };
            assert_eq!(receipt.ending, expected, "{sh:?} {probe:?}");
        }
    }
}

#[test]
fn images_are_compared_by_registry_digest() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", "echo 'reg:5000/app@sha256:aa reg/app@sha256:bb '");
        let pushed = StepId::from("local/push");
        let inputs = Inputs {
            pushed: [(pushed.clone(), "sha256:cc".to_owned())].into(),
            ..Inputs::default()
        };
        for (digest, pushed_by, ending) in [
            (Some("sha256:aa"), None, SUCCEEDED),
            (Some("sha256:bb"), Some(pushed.clone()), SUCCEEDED),
            (Some("sha256:a"), None, FAILED),
            (None, Some(pushed.clone()), FAILED),
            (None, Some(StepId::from("other")), SUCCEEDED),
            (None, None, SUCCEEDED),
        ] {
            let step = StepRequest {
                actions: vec![Action::VerifyImage(VerifyImage {
                    reference: "reg:5000/app:1".into(),
                    digest: digest.map(str::to_owned),
                    pushed_by: pushed_by.clone(),
                })],
                ..step("verify", &[])
            };
            let (receipt, output, _) = fixture.run_one(&step, &inputs);
            assert_eq!(receipt.ending, ending, "{sh:?} {digest:?} {pushed_by:?}");
            if ending == FAILED {
                assert!(
                    output.contains("sha256:bb") && output.contains("expected sha256:"),
                    "{output}"
                );
            }
        }
    }
}

#[test]
fn a_docker_that_hangs_is_ended_by_the_time_limit() {
    for sh in Sh::all() {
        for has_plain_grep in [true, false] {
            let fixture = Fixture::new(sh);
            fixture.fake("docker", "sleep 300");
            if !has_plain_grep {
                let _ = fs::remove_file(fixture.path("bin/grep"));
                fixture.fake(
                    "grep",
                    "case $1 in *z*) exit 2 ;; esac; exec /bin/grep \"$@\"",
                );
            }
            let step = StepRequest {
                actions: vec![poll(Probe::Http, 3000)],
                timeout_seconds: 1,
                ..step("poll", &[])
            };
            let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
            assert_eq!(receipt.ending, Ending::TimedOut, "{sh:?}");
        }
    }
}
