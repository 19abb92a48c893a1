//! The poll that waits until a container has no request in flight: which connections count.

use std::fs;
use std::net::{TcpListener, TcpStream};

use mrsk::action::Probe;
use mrsk::transport::request::{Inputs, StepRequest};

use crate::fixture::{Fixture, Sh, step};
use crate::poll::{SUCCEEDED, poll};

#[test]
fn connections_in_flight_are_counted() {
    for sh in Sh::all() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let server = listener.accept().unwrap();
            let fixture = Fixture::new(sh);
            fixture.fake(
                "docker",
                &format!(
                    "echo running {} 0 - bridge sha256:1 172.17.0.2",
                    std::process::id()
                ),
            );
            let output = drain(&fixture, port);
            assert!(
                output.starts_with("attempt 1 of 3: 1 in flight\n"),
                "{sh:?} {output}"
            );
            assert!(
                output.ends_with("continuing after 3 attempts\n"),
                "{sh:?} {output}"
            );
            drop((client, server));
            assert_eq!(drain(&fixture, port), "", "{sh:?}");
        }
    }
}

/// Runs a poll that waits until container `app` has no request in flight at `port`, and returns its output.
fn drain(fixture: &Fixture, port: u16) -> String {
    let step = StepRequest {
        actions: vec![poll(Probe::Idle, port)],
        ..step("idle", &[])
    };
    let (receipt, ..) = fixture.run_one(&step, &Inputs::default());
    assert_eq!(receipt.ending, SUCCEEDED, "{:?}", fixture.sh);
    fixture.output(&step)
}

/// Traefik's idle connection to another container, whose address this one has now, is nobody's request.
#[test]
fn only_what_comes_by_the_network_of_the_routes_is_in_flight() {
    #[rustfmt::skip]
    let cases = [
        ("127.0.0.1:0", "127.0.0.1", "/in 127.0.0.1 ", true),
        ("127.0.0.1:0", "127.0.0.1", "/in 127.0.0.2 ", false),
        ("127.0.0.1:0", "127.0.0.1", "/in 127.0.0.2 fd00::1 ", false),
        ("127.0.0.1:0", "127.0.0.1", "/in 127.0.0.2 invalid IP 127.0.0.1 ", true),
        // It has no address there, or the host has the port.
        ("127.0.0.1:0", "127.0.0.1", "/in", true),
        ("127.0.0.1:0", "127.0.0.1", "80/tcp PORT/tcp /in 127.0.0.2 ", true),
        ("127.0.0.1:0", "127.0.0.1", "PORT/udp PORT0/tcp /in 127.0.0.2 ", false),
        // IPv4 on a socket that has both.
        ("[::]:0", "127.0.0.1", "/in 127.0.0.1 ", true),
        ("[::]:0", "127.0.0.1", "/in 127.0.0.2 ", false),
        ("[::]:0", "::1", "/in 127.0.0.1 ::1", true),
        ("[::]:0", "::1", "/in 127.0.0.1 fd00::1", false),
    ];
    for (bound, asked, words, counts) in cases {
        let Ok(listener) = TcpListener::bind(bound) else {
            continue;
        };
        let port = listener.local_addr().unwrap().port();
        let asked: std::net::IpAddr = asked.parse().unwrap();
        let client = TcpStream::connect((asked, port)).unwrap();
        let _pair = (listener.accept().unwrap(), client);
        let words = words.replace("PORT", &port.to_string());
        for sh in Sh::all() {
            let fixture = Fixture::new(sh);
            let process = std::process::id();
            let answer =
                format!("echo 'running {process} 0 - bridge sha256:1 172.17.0.2  {words}'");
            fixture.fake("docker", &answer);
            let waited = drain(&fixture, port).starts_with("attempt 1 of 3: 1 in flight\n");
            assert_eq!(waited, counts, "{sh:?} {bound} {asked} {words}");
        }
    }
}

#[test]
fn addresses_are_found_as_the_kernel_writes_them() {
    #[rustfmt::skip]
    let cases = [
        ("10.0.0.9", "0900000A"),
        ("192.168.254.17", "11FEA8C0"),
        ("192.168.254.17", "0000000000000000FFFF000011FEA8C0"),
        ("::1", "00000000000000000000000001000000"),
        ("fe80::", "000080FE000000000000000000000000"),
        ("fd00:dead:beef::1:2", "ADDE00FD0000EFBE0000000002000100"),
        ("2001:db8:1:2:3:4:5:6", "B80D0120020001000400030006000500"),
        ("2001:DB8:1:2:3:4:5:6", "B80D0120020001000400030006000500"),
    ];
    for sh in Sh::all() {
        for (address, kernels) in cases {
            let fixture = Fixture::new(sh);
            let lines = format!(
                "  sl  local_address rem_address   st\n   0: {kernels}:0BB8 0:1F90 01 x\n   1: 0:0BB8 0:0 0A x\n"
            );
            fs::write(fixture.path("table"), lines).unwrap();
            let _ = fs::remove_file(fixture.path("bin/cat"));
            fixture.fake(
                "cat",
                "case $1 in /proc/4242/*) exec /bin/cat \"$ROOT/table\" ;; esac; exec /bin/cat \"$@\"",
            );
            for (inside, counts) in [(address, true), ("10.9.0.0", false), ("fd00::9", false)] {
                let answer =
                    format!("echo running 4242 0 - bridge sha256:1 172.17.0.2 /in {inside}");
                fixture.fake("docker", &answer);
                let waited = drain(&fixture, 3000).contains("1 in flight");
                assert_eq!(waited, counts, "{sh:?} {address} {inside}");
            }
        }
    }
}

/// It refuses connections, so no health check has an answer.
#[test]
fn a_container_that_does_not_listen_is_not_waited_for() {
    for sh in Sh::all() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _pair = (listener.accept().unwrap(), client);
        let fixture = Fixture::new(sh);
        let process = std::process::id();
        let answer = format!("echo running {process} 0 - bridge sha256:1 172.17.0.2 /in 127.0.0.1");
        fixture.fake("docker", &answer);
        let busy = drain(&fixture, port);
        assert!(busy.starts_with("attempt 1 of 3: 1 in flight\n"), "{busy}");
        drop(listener);
        let line = format!("nothing listens on port {port}: not waiting for 1 in flight\n");
        assert_eq!(drain(&fixture, port), line, "{sh:?}");
    }
}
