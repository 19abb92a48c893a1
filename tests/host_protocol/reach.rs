//! What users get before and after a switch, from a server that answers as Traefik does, by the curl of this machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mrsk::action::{Action, Reach, UserRequest, When};
use mrsk::name::StepId;
use mrsk::record::{Ending, Receipt};
use mrsk::transport::LinkError;
use mrsk::transport::answer::Event;
use mrsk::transport::request::{Inputs, StepRequest};
use mrsk::transport::script::RenderError;

use crate::fixture::{Fixture, Sh, sh_c, step};

const UP: &str = "echo running 1 0 - bridge sha256:1 127.0.0.1";
const FAILED: Ending = Ending::Failed { code: 1 };

/// A server that answers with what the file `mode` in a directory says: a status, `404T` as Traefik's own, or `none`, a closed
/// connection. It listens once that file is there.
struct Server {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(directory: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let over = Arc::new(AtomicBool::new(false));
        let (mode, ends) = (directory.join("mode"), over.clone());
        let thread = Some(std::thread::spawn(move || serve(port, &mode, &ends)));
        Self { port, over, thread }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn serve(port: u16, mode: &PathBuf, over: &AtomicBool) {
    let mut listener = None;
    while !over.load(Ordering::Relaxed) {
        if listener.is_none() && mode.exists() {
            let bound = TcpListener::bind(("127.0.0.1", port)).unwrap();
            bound.set_nonblocking(true).unwrap();
            listener = Some(bound);
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((stream, _))) => answer(stream, fs::read_to_string(mode).unwrap().trim()),
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn answer(mut stream: TcpStream, mode: &str) {
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => request.extend(&buffer[..length]),
            _ => return,
        }
    }
    let text = match mode {
        "none" => return,
        "404T" => {
            "404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
                   Content-Length: 19\r\n\r\n404 page not found\n"
        }
        status => &format!(
            "{status} Status\r\nContent-Type: text/html\r\nLocation: https://x/\r\nContent-Length: 2\r\n\r\nok"
        ),
    };
    let _ = stream.write_all(format!("HTTP/1.1 {text}").as_bytes());
}

/// The steps of a switch behind that server.
struct Switch {
    fixture: Fixture,
    server: Server,
    health: StepId,
}

impl Switch {
    fn new(sh: Sh) -> Self {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", UP);
        fixture.fence("r1");
        let server = Server::new(fixture.directory.path());
        // Processes of a step are known by its name: each has another.
        let health = StepId::from(format!("health/{}", step("health", &[]).step));
        Self {
            fixture,
            server,
            health,
        }
    }

    fn answers(&self, mode: &str) {
        fs::write(self.fixture.path("new"), mode).unwrap();
        fs::rename(self.fixture.path("new"), self.fixture.path("mode")).unwrap();
    }

    fn ask(&self, when: When) -> Action {
        Action::Reach(Reach {
            when,
            since: (when != When::Before).then(|| self.health.clone()),
            container: "traefik".into(),
            requests: vec![UserRequest {
                port: self.server.port,
                host: "app.example.com".into(),
                path: "/up".into(),
            }],
        })
    }

    fn health(&self, attempt: u32) -> StepRequest {
        StepRequest {
            step: self.health.hash(),
            attempt,
            actions: vec![self.ask(When::Before)],
            ..step("health", &[])
        }
    }

    /// A step that runs `scripts`, then asks; if it fails, it writes the file `undone`.
    fn asks(&self, when: When, scripts: &[&str]) -> StepRequest {
        let mut step = StepRequest {
            cleanup: vec![Action::Run(sh_c("echo x >$ROOT/undone"))],
            ..step("route", scripts)
        };
        step.actions.push(self.ask(when));
        step
    }

    /// Runs steps in one script; returns the receipt and the output of the last that ended.
    fn run(&self, batch: &[StepRequest]) -> (Receipt, String) {
        let mut events = self.fixture.start("r1", batch).unwrap();
        match events.pop() {
            Some(Event::Ended {
                receipt, output, ..
            }) => (receipt, output),
            other => panic!("no end: {other:?}"),
        }
    }

    /// Returns what stands behind the address of the request in `text`.
    fn said(&self, text: &str) -> String {
        let address = format!("app.example.com:{}/up ", self.server.port);
        text.replace(&address, "").trim_end().to_owned()
    }

    /// Returns how a switch after which users get `after` ends, and what is said of it.
    fn switches(&self, before: &str, after: &str) -> (Ending, String) {
        if before != "refused" {
            self.answers(before);
        }
        let switch = format!("echo {after} >$ROOT/n; mv $ROOT/n $ROOT/mode; sleep 0.1");
        let route = self.asks(When::After, &[&switch]);
        let (receipt, output) = self.run(&[self.health(1), route]);
        let value = receipt.value.clone().unwrap_or_default();
        let is_undone = self.fixture.path("undone").exists();
        assert_eq!(is_undone, receipt.ending == FAILED, "{before} {after}");
        if receipt.ending == FAILED {
            assert_eq!(output, format!("{value}\n"), "{before} {after}");
        }
        (receipt.ending, self.said(&value))
    }
}

#[test]
fn a_switch_fails_if_users_get_less_than_before() {
    const OK: Ending = Ending::Succeeded;
    #[rustfmt::skip]
    let table = [
        ("200", "200", OK, "answered 200"),
        ("200", "301", OK, "answered 301 after the switch, 200 before"),
        ("200", "401", OK, "answered 401 after the switch, 200 before"),
        ("200", "403", OK, "answered 403 after the switch, 200 before"),
        ("200", "404", OK, "answered 404 after the switch, 200 before"),
        ("200", "500", OK, "answered 500 after the switch, 200 before"),
        ("200", "404T", FAILED, "answered 404 of Traefik after the switch, 200 before"),
        ("301", "404T", FAILED, "answered 404 of Traefik after the switch, 301 before"),
        ("200", "502", FAILED, "answered 502 after the switch, 200 before"),
        ("200", "504", FAILED, "answered 504 after the switch, 200 before"),
        ("200", "none", FAILED, "answered nothing after the switch, 200 before"),
        ("404T", "404T", OK, "answered 404 of Traefik"),
        ("404T", "200", OK, "answered 200 after the switch, 404 of Traefik before"),
        ("502", "404T", OK, "answered 404 of Traefik after the switch, 502 before"),
        ("none", "200", OK, "answered 200 after the switch, nothing before"),
        ("refused", "200", OK, "answered 200 after the switch, nothing before"),
        ("refused", "503", OK, "answered 503 after the switch, nothing before"),
    ];
    std::thread::scope(|scope| {
        for sh in Sh::all() {
            scope.spawn(move || {
                for (before, after, ending, said) in table {
                    let found = Switch::new(sh).switches(before, after);
                    assert_eq!(found, (ending, said.to_owned()), "{sh:?} {before} {after}");
                }
            });
        }
    });
}

#[test]
fn an_answer_that_becomes_good_soon_is_good() {
    for sh in Sh::all() {
        let switch = Switch::new(sh);
        let soon =
            "502 >$ROOT/mode; (sleep 0.7; echo 204 >$ROOT/n; mv $ROOT/n $ROOT/mode) & exit 0;";
        let (ending, said) = switch.switches("200", soon);
        assert_eq!(ending, Ending::Succeeded, "{sh:?} {said}");
        assert_eq!(said, "answered 204 after the switch, 200 before", "{sh:?}");
    }
}

/// The runner or the host may die between the switch and the question.
#[test]
fn a_good_answer_before_the_switch_is_kept_through_all_attempts() {
    for sh in Sh::all() {
        let switch = Switch::new(sh);
        let ask = |attempt, mode: &str| {
            switch.answers(mode);
            assert_eq!(
                switch.run(&[switch.health(attempt)]).0.ending,
                Ending::Succeeded
            );
        };
        ask(1, "502");
        ask(2, "200");
        ask(3, "404T");
        let (receipt, _) = switch.run(&[switch.asks(When::After, &[])]);
        assert_eq!(receipt.ending, FAILED, "{sh:?}");
        let said = switch.said(&receipt.value.unwrap());
        assert_eq!(said, "answered 404 of Traefik after the switch, 200 before");
    }
}

#[test]
fn a_drain_asks_unless_the_route_has() {
    for sh in Sh::all() {
        let switch = Switch::new(sh);
        switch.answers("200");
        switch.run(&[switch.health(1)]);
        // The step that routed was lost.
        switch.answers("404T");
        let (receipt, output) = switch.run(&[switch.asks(When::Unasked, &[])]);
        assert_eq!(receipt.ending, FAILED, "{sh:?}");
        assert!(output.contains("404 of Traefik after"), "{output}");
        // The step that routed has asked.
        switch.answers("200");
        switch.run(&[switch.asks(When::After, &[])]);
        switch.answers("404T");
        let (receipt, _) = switch.run(&[switch.asks(When::Unasked, &[])]);
        assert_eq!((receipt.ending, receipt.value), (Ending::Succeeded, None));
        // What was asked after one switch says nothing of the next one.
        switch.run(&[switch.health(2)]);
        let (receipt, _) = switch.run(&[switch.asks(When::Unasked, &[])]);
        assert_eq!(receipt.ending, FAILED, "{sh:?}");
    }
}

/// Where nobody knows what was answered before, nothing is worse.
#[test]
fn without_an_answer_before_nothing_is_taken_back() {
    for sh in Sh::all() {
        let switch = Switch::new(sh);
        switch.answers("404T");
        let (receipt, _) = switch.run(&[switch.asks(When::After, &[])]);
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
        let said = switch.said(&receipt.value.unwrap());
        assert_eq!(said, "answered 404 of Traefik");
        // Docker does not answer, or Traefik is gone.
        for (docker, said) in [
            ("echo 'no daemon' >&2; exit 1", FAILED),
            ("echo 'Error: No such object: traefik' >&2; exit 1", FAILED),
        ] {
            let switch = Switch::new(sh);
            switch.answers("200");
            switch.run(&[switch.health(1)]);
            switch.fixture.fake("docker", docker);
            let (receipt, _) = switch.run(&[switch.asks(When::After, &[])]);
            assert_eq!(receipt.ending, said, "{sh:?} {docker}");
        }
    }
}

#[test]
fn the_old_app_is_asked_while_the_new_one_boots() {
    const SLOW: &str = "sleep 1; printf 200";
    for sh in Sh::all() {
        let switch = Switch::new(sh);
        switch.fixture.fake("curl", SLOW);
        let mut health = switch.health(1);
        let boots = "[ ! -e $ROOT/state/app@/runs/a1/*/before ] && echo x >$ROOT/booted";
        health.actions.push(Action::Run(sh_c(boots)));
        let (receipt, output) = switch.run(&[health]);
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?} {output}");
        assert_eq!(switch.fixture.read("booted"), "x\n", "{sh:?}");
        let kept = switch
            .fixture
            .path("state/app@/runs/a1")
            .join(switch.health.hash())
            .join("before");
        assert_eq!(fs::read_to_string(kept).unwrap().trim(), "200", "{sh:?}");
    }
}

#[test]
fn any_text_of_a_request_arrives() {
    const ODD: &str = "/a'b\"$(id)`id`;{x}?q=[1]&*";
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", UP);
        fixture.fake(
            "curl",
            "printf '%s\\n' \"$@\" >>\"$ROOT/curl.log\"; printf 200",
        );
        let request = |port, host: &str| UserRequest {
            port,
            host: host.into(),
            path: ODD.into(),
        };
        let reach = |when, since: Option<StepId>| {
            Action::Reach(Reach {
                when,
                since,
                container: "traefik".into(),
                requests: vec![request(80, "a'b $c"), request(8080, "b")],
            })
        };
        let health = step("health", &[]);
        let run = |action| {
            let step = StepRequest {
                actions: vec![action],
                ..step("route", &[])
            };
            fixture.run_one(&step, &Inputs::default()).0
        };
        let receipt = run(reach(When::After, Some(StepId::from(health.step.clone()))));
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
        let value = receipt.value.unwrap();
        assert_eq!(
            value,
            format!("a'b $c{ODD} answered 200; b:8080{ODD} answered 200")
        );
        let log = fixture.read("curl.log");
        for line in [
            "Host: a'b $c".to_owned(),
            format!("http://127.0.0.1:80{ODD}"),
            format!("http://127.0.0.1:8080{ODD}"),
        ] {
            assert!(log.lines().any(|found| found == line), "{line}: {log}");
        }
        let step = StepRequest {
            actions: vec![reach(When::After, None)],
            ..step("route", &[])
        };
        let error = fixture.start("r1", &[step]).unwrap_err();
        assert!(matches!(error, LinkError::Request(RenderError::Missing(_))));
    }
}
