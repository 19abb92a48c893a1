//! A Traefik of the lab's image on this machine, in a network without a way out.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::lab_settings::lab;
use crate::sources::Setting;

/// How long Traefik may take to load its files, on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(240);

/// What fails because there is no docker, and no way to an issuer of certificates.
const BESIDE: [&str; 4] = ["docker", "acme", "ACME", "Docker"];

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A container with Traefik, gone when dropped.
pub struct Running<'s> {
    setting: &'s Setting,
    name: String,
    _directory: TempDir,
}

struct Said {
    is_ok: bool,
    text: String,
}

fn docker(arguments: &[&str]) -> Said {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    Said {
        is_ok: output.status.success(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

impl<'s> Running<'s> {
    /// Starts it with the arguments and files of `setting`, and with its API beside them.
    pub fn start(setting: &'s Setting) -> Self {
        let directory = TempDir::new().unwrap();
        let number = NUMBER.fetch_add(1, SeqCst);
        let name = format!("mrsk-traefik-loads-{}-{number}", std::process::id());
        let watched = "/etc/mrsk/traefik";
        for (path, text) in &setting.files {
            let file = path.strip_prefix(&format!("{watched}/")).unwrap();
            fs::write(directory.path().join(file), text).unwrap();
        }
        certificates(directory.path(), setting);
        let volume = format!("{}:{watched}:ro", directory.path().display());
        // Traefik leaves out a resolver whose storage it cannot write.
        let storages = setting.args.iter().filter_map(|arg| {
            let (name, path) = arg.split_once('=')?;
            let directory = path.rsplit_once('/')?.0;
            let is_storage =
                name.to_lowercase().ends_with(".acme.storage") && !directory.is_empty();
            is_storage.then(|| format!("--tmpfs={directory}"))
        });
        let storages: Vec<String> = storages.collect();
        let image = lab("LAB_TRAEFIK_IMAGE");
        let mut arguments = vec![
            "run",
            "--detach",
            "--name",
            &name,
            "--label",
            "mrsk-traefik-loads",
            "--volume",
            &volume,
        ];
        arguments.extend(storages.iter().map(String::as_str));
        arguments.push(&image);
        arguments.extend(setting.args.iter().map(String::as_str));
        let has_api = setting
            .args
            .iter()
            .any(|arg| arg.to_lowercase().starts_with("--api.insecure"));
        arguments.extend((!has_api).then_some("--api.insecure=true"));
        let said = docker(&arguments);
        assert!(said.is_ok, "{}", said.text);
        Self {
            setting,
            name,
            _directory: directory,
        }
    }

    /// Waits until it has loaded the files, and returns what it finds wrong.
    pub fn faults(&self) -> Vec<String> {
        let started = Instant::now();
        let mut faults = Vec::new();
        loop {
            let state = docker(&[
                "inspect",
                "--format",
                "{{.State.Running}} {{.NetworkSettings.IPAddress}}",
                &self.name,
            ]);
            let Some(ip) = state.text.trim().strip_prefix("true ").map(str::to_owned) else {
                faults.push(format!(
                    "it does not run: {}",
                    docker(&["logs", &self.name]).text
                ));
                return faults;
            };
            if let Some(loaded) = self.loaded(&ip) {
                faults.extend(loaded);
                break;
            }
            if started.elapsed() > PATIENCE
                || self.errors().iter().any(|line| line.contains("yaml"))
            {
                faults.push("it has not loaded its files".to_owned());
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        // What it says of certificate resolvers comes a moment later.
        std::thread::sleep(Duration::from_secs(1));
        faults.extend(self.errors());
        faults
    }

    /// Returns what it says of its routers, services and middlewares, once it has any of the files.
    fn loaded(&self, ip: &str) -> Option<Vec<String>> {
        let url = format!("http://{ip}:8080/api/rawdata");
        let output = Command::new("curl")
            .args(["-sf", "--noproxy", "*", "--max-time", "5", &url])
            .output()
            .unwrap();
        let data: Value = serde_json::from_slice(&output.stdout).ok()?;
        let mut faults = Vec::new();
        let mut found = 0;
        for (kind, all) in data.as_object()? {
            for (name, one) in all.as_object().into_iter().flatten() {
                found += usize::from(name.ends_with("@file"));
                let status = one
                    .get("status")
                    .and_then(Value::as_str)
                    .unwrap_or("enabled");
                let errors = one.get("error").or_else(|| one.get("err"));
                if status != "enabled" || errors.is_some() {
                    faults.push(format!(
                        "{kind} {name}: {status} {}",
                        errors.cloned().unwrap_or_default()
                    ));
                }
            }
        }
        (found > 0 || self.setting.files.is_empty()).then_some(faults)
    }

    /// Returns the errors of its log that are about what it got.
    fn errors(&self) -> Vec<String> {
        let log = without_colors(&docker(&["logs", &self.name]).text);
        let lines = log.lines().filter(|line| {
            let is_error = [" ERR ", "\"level\":\"error\"", " FTL ", "level=error"];
            is_error.iter().any(|mark| line.contains(mark))
                && !BESIDE.iter().any(|word| line.contains(word))
        });
        lines.map(str::to_owned).collect()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.name]);
    }
}

/// Returns a log without the sequences that color it.
fn without_colors(log: &str) -> String {
    let mut plain = String::new();
    let mut parts = log.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

/// Makes the certificates that routing files name.
fn certificates(directory: &std::path::Path, setting: &Setting) {
    for text in setting.files.values() {
        for word in text.split([' ', '\n', '"', '\'']) {
            let name = word
                .strip_prefix("/etc/mrsk/traefik/")
                .and_then(|file| file.strip_suffix(".crt"));
            let Some(name) = name else { continue };
            let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
            let made = Command::new("openssl")
                .current_dir(directory)
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=a.example.com",
                ])
                .args(["-keyout", &key, "-out", &certificate])
                .output()
                .unwrap();
            assert!(made.status.success());
        }
    }
}
