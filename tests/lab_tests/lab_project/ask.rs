//! Questions of users, through Traefik or past it.

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Machine;

/// How long a user waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A GET.
#[derive(Debug, Clone)]
pub struct Ask {
    ip: String,
    port: u16,
    path: String,
    host: String,
    headers: String,
    is_tls: bool,
    expected: u16,
}

impl Ask {
    /// Returns the question for `/` at port 80, by the host's address, which 200 answers.
    pub fn of(machine: &Machine) -> Self {
        Self {
            ip: machine.ip.clone(),
            port: 80,
            path: "/".into(),
            host: machine.ip.clone(),
            headers: String::new(),
            is_tls: false,
            expected: 200,
        }
    }

    /// Asks this port.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Asks for this path.
    pub fn path(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// Asks by this name.
    pub fn host(self, host: &str) -> Self {
        let host = host.to_owned();
        Self { host, ..self }
    }

    /// Sends `NAME: VALUE` along.
    pub fn header(self, header: &str) -> Self {
        let headers = format!("{}{header}\r\n", self.headers);
        Self { headers, ..self }
    }

    /// Asks over TLS, and takes any certificate.
    pub fn tls(self) -> Self {
        Self {
            is_tls: true,
            ..self
        }
    }

    /// Waits for this status.
    pub fn expects(self, expected: u16) -> Self {
        Self { expected, ..self }
    }

    /// Returns the status and the body.
    pub fn get(&self) -> std::io::Result<(u16, Vec<u8>)> {
        let answer = if self.is_tls {
            self.over_tls()?
        } else {
            self.in_clear()?
        };
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or_else(|| Error::other("a torn answer"))?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| Error::other(head))?;
        Ok((status, answer[end + 4..].to_vec()))
    }

    /// Returns the version that the app says it is.
    #[track_caller]
    pub fn version(&self) -> String {
        let (status, body) = self.get().unwrap();
        assert_eq!(status, 200, "{self:?}");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body["version"].as_str().unwrap().to_owned()
    }

    fn in_clear(&self) -> std::io::Result<Vec<u8>> {
        let address: SocketAddr = format!("{}:{}", self.ip, self.port).parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {} HTTP/1.0\r\nHost: {}\r\n{}\r\n",
            self.path, self.host, self.headers
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// curl speaks TLS: a server's name, but no certificate that anybody signed.
    fn over_tls(&self) -> std::io::Result<Vec<u8>> {
        let Self { ip, port, .. } = self;
        let mut curl = Command::new("curl");
        curl.args(["-qksSi", "--http1.1", "--noproxy", "*", "--max-time", "10"])
            .args(["--connect-to", &format!("{}:{port}:{ip}:{port}", self.host)])
            .stdin(Stdio::null());
        for header in self.headers.lines() {
            curl.args(["-H", header]);
        }
        let said = curl
            .arg(format!("https://{}:{port}{}", self.host, self.path))
            .output()?;
        match said.status.success() {
            true => Ok(said.stdout),
            false => Err(Error::other(
                String::from_utf8_lossy(&said.stderr).into_owned(),
            )),
        }
    }
}

/// Asks again and again, until it is dropped or stopped.
pub struct Users {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(usize, Vec<String>)>>,
}

impl Users {
    /// Starts a thread for each host, each with a request every 20 ms.
    pub fn of(machines: &[Machine]) -> Self {
        Self::who(machines.iter().map(Ask::of))
    }

    /// Starts a thread for each question, which asks it every 20 ms.
    pub fn who(ask: impl IntoIterator<Item = Ask>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = ask.into_iter().map(|ask| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut lost = Vec::new();
                let mut asked = 0;
                while !stop.load(SeqCst) {
                    match ask.get() {
                        Ok((status, _)) if status == ask.expected => {}
                        answer => lost.push(format!("{ask:?}: {answer:?}")),
                    }
                    asked += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                (asked, lost)
            })
        });
        Self {
            threads: threads.collect(),
            stop,
        }
    }

    /// Stops, and fails where an answer was another than expected. Returns how many there were.
    #[track_caller]
    pub fn were_all_served(mut self) -> usize {
        self.stop.store(true, SeqCst);
        let mut all = 0;
        for thread in self.threads.drain(..) {
            let (asked, lost) = thread.join().unwrap();
            assert_eq!(lost, Vec::<String>::new());
            all += asked;
        }
        assert!(all > 20, "{all}");
        all
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
    }
}

impl Machine {
    /// Returns the answer to a request that takes 20 s, more than others wait for theirs.
    pub fn slow_answer(&self) -> String {
        let mut stream = TcpStream::connect((self.ip.as_str(), 80)).unwrap();
        let request = "GET /sleep/20000 HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}
