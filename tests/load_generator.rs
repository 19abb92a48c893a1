//! Whether the load sees what it is for: each way to lose a request, against servers that lose them on purpose.

mod lab_load;
#[path = "lab/app/ws.rs"]
mod ws;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use lab_load::{Load, Outcome, Report, Settings, WebSocketEnd, slow_request, websocket};

/// Serves each connection by a function in a thread of its own, as long as the test's process lives.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

/// Reads the head of a request; None where the client has closed.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Answers each request of a connection, and closes it where the client asks for that.
fn answer_each(mut stream: TcpStream, answer: impl Fn(&mut TcpStream)) {
    while let Some(head) = read_head(&mut stream) {
        answer(&mut stream);
        if head.contains("Connection: close") {
            return;
        }
    }
}

fn json(version: &str) -> String {
    format!("{{\"version\":\"{version}\"}}\n")
}

fn reply(stream: &mut TcpStream, status: &str, header: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{header}\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// Answers whatever comes on a connection with the version, each time after 20 ms.
fn serve_well(stream: TcpStream, version: &str) {
    answer_each(stream, |stream| {
        std::thread::sleep(Duration::from_millis(20));
        reply(stream, "200 OK", "", &json(version));
    });
}

/// Lets four clients, two of which keep their connection, ask until there were 40 requests.
fn ask(address: SocketAddr) -> Report {
    let mut settings = Settings::new(&[address], 4);
    settings.limit = Duration::from_millis(500);
    let load = Load::start(settings);
    load.wait_for(40);
    load.stop()
}

/// Fails unless every request was lost in this way.
#[track_caller]
fn all_lost(report: &Report, outcome: Outcome, words: &str) {
    let outcomes: Vec<Outcome> = report.records.iter().map(|r| r.outcome).collect();
    assert!(outcomes.iter().all(|one| *one == outcome), "{outcomes:?}");
    assert_eq!(report.lost(), report.requests());
    assert_eq!(report.losses().len(), 10);
    assert!(report.losses()[0].contains(words), "{:?}", report.losses());
    assert_eq!(report.reconnects(), 0);
}

#[test]
fn a_good_server_loses_nothing() {
    let address = server(|stream| serve_well(stream, "one"));
    let report = ask(address);
    assert_eq!((report.lost(), report.reconnects()), (0, 0), "{report:?}");
    assert!(report.requests() >= 40);
    assert!(report.percentile(0.5) >= Duration::from_millis(20));
    assert!(report.percentile(0.99) >= report.percentile(0.5));
    let firsts = report.first_answers();
    assert_eq!((firsts.len(), firsts[0].version.as_str()), (1, "one"));
    assert_eq!(firsts[0].answers, report.requests());
    assert_eq!(report.in_flight_at_switches(), None);
    assert!(report.summary().contains(" 0 lost, 0 reconnects"));
}

#[test]
fn another_status_is_lost() {
    let address =
        server(|stream| answer_each(stream, |stream| reply(stream, "502 Bad Gateway", "", "")));
    all_lost(&ask(address), Outcome::Status(502), "status 502");
}

#[test]
fn refused_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    all_lost(&ask(address), Outcome::Refused, "refused");
}

#[test]
fn a_reset_is_lost() {
    let address = server(|stream| {
        // What is closed with bytes unread is reset.
        let _ = stream.peek(&mut [0]);
    });
    all_lost(&ask(address), Outcome::Reset, "reset");
}

#[test]
fn a_torn_answer_is_lost() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    });
    all_lost(&ask(address), Outcome::Torn(43), "torn after 43 bytes");
}

#[test]
fn torn_chunks_are_lost_and_whole_ones_are_not() {
    let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let address = server(|stream| {
        answer_each(stream, |stream| {
            let _ = stream.write_all(whole);
        });
    });
    assert_eq!(ask(address).lost(), 0);
    let address = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(&whole[..whole.len() - 2]);
    });
    let length = whole.len() - 2;
    all_lost(&ask(address), Outcome::Torn(length), "torn");
}

#[test]
fn silence_is_lost_and_a_stall() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        std::thread::sleep(Duration::from_secs(20));
    });
    let mut settings = Settings::new(&[address], 2);
    settings.limit = Duration::from_millis(300);
    let load = Load::start(settings);
    load.wait_for(12);
    let report = load.stop();
    all_lost(&report, Outcome::Timeout, "timeout after 3");
    assert!(report.longest_request() >= Duration::from_millis(300));
    assert!(report.longest_silence() >= Duration::from_millis(600));
}

#[test]
fn a_drip_of_bytes_does_not_stretch_the_limit() {
    let address = server(|mut stream| {
        while stream.write_all(b"H").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut settings = Settings::new(&[address], 2);
    settings.limit = Duration::from_millis(500);
    let load = Load::start(settings);
    load.wait_for(2);
    let report = load.stop();
    assert_eq!(report.lost(), report.requests());
    assert!(report.longest_request() < Duration::from_millis(900));
}

#[test]
fn what_is_not_http_is_lost() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n");
    });
    all_lost(&ask(address), Outcome::Malformed, "not HTTP");
}

#[test]
fn a_connection_closed_between_requests_is_no_loss() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        reply(&mut stream, "200 OK", "", &json("one"));
    });
    let report = ask(address);
    assert_eq!(report.lost(), 0, "{:?}", report.losses());
    let kept: Vec<_> = report.records.iter().filter(|r| r.keeps).collect();
    // All but each client's first.
    assert!(kept.len() > 4 && report.reconnects() == kept.len() - 2);
}

#[test]
fn an_announced_close_is_no_reconnect() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        reply(&mut stream, "200 OK", "Connection: close\r\n", &json("one"));
    });
    let report = ask(address);
    assert_eq!((report.lost(), report.reconnects()), (0, 0));
}

#[test]
fn a_kept_connection_that_ends_within_an_answer_is_lost() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        reply(&mut stream, "200 OK", "", &json("one"));
        if read_head(&mut stream).is_some() {
            let _ = stream.write_all(b"H");
        }
    });
    let report = ask(address);
    let lost: Vec<_> = report
        .records
        .iter()
        .filter(|r| !r.outcome.is_served())
        .collect();
    assert!(lost.len() > 2, "{report:?}");
    assert!(
        lost.iter()
            .all(|r| r.keeps && r.outcome == Outcome::Torn(1))
    );
    assert_eq!(report.reconnects(), 0);
    assert!(report.losses()[0].contains("keep-alive: torn after 1 bytes"));
}

#[test]
fn a_kept_connection_that_is_reset_within_an_answer_is_lost() {
    let address = server(|mut stream| {
        let keeps = read_head(&mut stream).is_some_and(|head| head.contains("keep-alive"));
        // Slow, so that all clients come to their second request before the load ends.
        std::thread::sleep(Duration::from_millis(20));
        reply(&mut stream, "200 OK", "", &json("one"));
        if keeps && matches!(stream.peek(&mut [0]), Ok(1)) {
            // The client has this byte before the reset, which what is left unread makes.
            let _ = stream.write_all(b"H");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let report = ask(address);
    let mut lost = report.records.iter().filter(|r| !r.outcome.is_served());
    assert!(report.lost() >= 2, "{:?}", report.losses());
    assert!(lost.all(|r| r.keeps && r.outcome == Outcome::Reset));
    assert_eq!(report.reconnects(), 0);
}

#[test]
fn a_request_is_repeated_only_once() {
    let answered = AtomicUsize::new(0);
    let address = server(move |mut stream| {
        let keeps = read_head(&mut stream).is_some_and(|head| head.contains("keep-alive"));
        // Each of the two clients that keep a connection gets one answer; the first waits for the second, whose
        // answer its next request would take otherwise.
        if keeps && answered.fetch_add(1, SeqCst) < 2 {
            while answered.load(SeqCst) < 2 {
                std::thread::sleep(Duration::from_millis(1));
            }
            reply(&mut stream, "200 OK", "", &json("one"));
        }
    });
    let report = ask(address);
    assert_eq!(report.requests() - report.lost(), 2, "{report:?}");
    assert_eq!(report.reconnects(), 2);
    for record in report.records.iter().filter(|r| r.reconnected) {
        assert_eq!(record.outcome, Outcome::Torn(0));
    }
}

#[test]
fn a_switch_is_seen_with_what_was_in_flight() {
    let switched = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&switched);
    let switching = server(move |stream| {
        answer_each(stream, |stream| {
            let version = if seen.load(SeqCst) { "two" } else { "one" };
            std::thread::sleep(Duration::from_millis(50));
            reply(stream, "200 OK", "", &json(version));
        });
    });
    let steady = server(|stream| serve_well(stream, "one"));
    let load = Load::start(Settings::new(&[switching, steady], 8));
    load.wait_for(60);
    assert!((6..=8).contains(&load.in_flight()), "{}", load.in_flight());
    let at = load.elapsed();
    switched.store(true, SeqCst);
    load.wait_for(60);
    let report = load.stop();
    assert_eq!(report.lost(), 0);
    let firsts = report.first_answers();
    let names: Vec<_> = firsts
        .iter()
        .map(|f| (f.address, f.version.as_str()))
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let switch = &firsts[2];
    assert_eq!(
        (switch.address, switch.version.as_str()),
        (switching, "two")
    );
    assert!(switch.is_switch && !firsts[0].is_switch && !firsts[1].is_switch);
    assert!(switch.at >= at && switch.at < at + Duration::from_millis(500));
    assert!((1..=4).contains(&switch.in_flight_here), "{switch:?}");
    assert!((5..=8).contains(&switch.in_flight), "{switch:?}");
    assert_eq!(report.in_flight_at_switches(), Some(switch.in_flight));
    assert_eq!(report.in_flight_at(switch.at), switch.in_flight);
    assert_eq!(report.in_flight_at(Duration::from_secs(3600)), 0);
    assert!(report.json().contains("\"is_switch\":true"));
}

#[test]
fn an_address_that_falls_silent_is_a_stall_beside_one_that_answers() {
    let stalls = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stalls);
    let stalling = server(move |stream| {
        answer_each(stream, |stream| {
            while seen.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            reply(stream, "200 OK", "", &json("one"));
            std::thread::sleep(Duration::from_millis(5));
        });
    });
    let steady = server(|stream| serve_well(stream, "one"));
    let load = Load::start(Settings::new(&[stalling, steady], 4));
    load.wait_for(20);
    stalls.store(true, SeqCst);
    std::thread::sleep(Duration::from_millis(400));
    stalls.store(false, SeqCst);
    load.wait_for(20);
    let report = load.stop();
    assert_eq!(report.lost(), 0);
    assert!(report.longest_silence() >= Duration::from_millis(390));
    assert!(report.longest_request() >= Duration::from_millis(390));
    assert_eq!(
        report.longest_stall(),
        report.longest_silence().max(report.longest_request())
    );
}

#[test]
fn a_slow_request_tells_its_end() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        std::thread::sleep(Duration::from_millis(300));
        reply(&mut stream, "200 OK", "", "slept");
    });
    let slow = slow_request(address, "any", 300);
    assert!(slow.is_in_flight());
    let answer = slow.join();
    assert_eq!(answer.outcome, Outcome::Status(200));
    assert!(answer.took >= Duration::from_millis(300));
    let torn = server(|mut stream| {
        read_head(&mut stream);
    });
    assert_eq!(
        slow_request(torn, "any", 1).join().outcome,
        Outcome::Torn(0)
    );
}

/// A server of websockets as the lab's app has it, which says goodbye when told to.
fn websockets(stop: &Arc<AtomicBool>) -> SocketAddr {
    let stop = Arc::clone(stop);
    server(move |stream| {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "\r\n") {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            lines.push(line);
        }
        let key = lines
            .iter()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        writer
            .write_all(ws::upgrade(key.unwrap().trim()).as_bytes())
            .unwrap();
        let _ = ws::serve(&mut reader, &mut writer, &|| stop.load(SeqCst));
    })
}

#[test]
fn a_websocket_lives_until_somebody_closes_it() {
    let stop = Arc::new(AtomicBool::new(false));
    let address = websockets(&stop);
    let (mine, theirs) = (websocket(address, "any"), websocket(address, "any"));
    std::thread::sleep(Duration::from_millis(550));
    assert!(mine.is_open());
    let life = mine.join();
    assert_eq!(life.end, WebSocketEnd::StillOpen);
    assert!((3..=6).contains(&life.echoes), "{life:?}");
    stop.store(true, SeqCst);
    let life = theirs.join_within(Duration::from_secs(5));
    assert_eq!(life.end, WebSocketEnd::Closed(Some(1001)));
    assert!((550..1500).contains(&life.lived.as_millis()), "{life:?}");
}

#[test]
fn a_websocket_that_breaks_says_how() {
    let ends = |serve: fn(TcpStream)| {
        let life = websocket(server(serve), "any").join_within(Duration::from_secs(5));
        assert_eq!(life.echoes, 0);
        life.end
    };
    const GOOD: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    let refused = ends(|mut stream| {
        read_head(&mut stream);
        reply(&mut stream, "503 Service Unavailable", "", "");
    });
    assert_eq!(refused, WebSocketEnd::Broken(Outcome::Status(503)));
    let wrong = ends(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(ws::upgrade("another key").as_bytes());
    });
    assert_eq!(wrong, WebSocketEnd::Broken(Outcome::Malformed));
    let gone = ends(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(ws::upgrade(GOOD).as_bytes());
        let _ = stream.read_exact(&mut [0; 7]);
    });
    assert_eq!(gone, WebSocketEnd::Broken(Outcome::Torn(0)));
    let reset = ends(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(ws::upgrade(GOOD).as_bytes());
        let _ = stream.peek(&mut [0]);
    });
    assert_eq!(reset, WebSocketEnd::Broken(Outcome::Reset));
}

#[test]
fn the_websocket_key_is_answered_as_the_standard_says() {
    // The example of RFC 6455, 1.3.
    assert_eq!(
        ws::accept("dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}
