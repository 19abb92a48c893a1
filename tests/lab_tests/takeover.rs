//! Hosts of the original tool, on the lab: its Traefik is replaced, and all that is behind it serves again by itself.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::lab_project::{Machine, Project, eventually, lab, run};

const HOSTS: [&str; 2] = ["172.30.0.12", "172.30.0.13"];

/// Another service that the original started, and a container of somebody in a network of its own.
const OTHERS: [&str; 2] = ["other.test", "foreign.test"];

/// An argument by which a Traefik 3 reads the rules of containers as Traefik 2 does.
const OLD_RULES: &str = "--core.defaultRuleSyntax=v2";

/// Longest gap that counts as short. The plan announces 1 to 3 s; this machine may be busy.
const SHORT: Duration = Duration::from_secs(6);

/// A question and its answer.
#[derive(Debug)]
struct Answer {
    /// When it was asked.
    at: Instant,
    /// When it was answered, or given up.
    end: Instant,
    /// What was wrong.
    lost: Option<String>,
}

/// Clients of one name on one host, with a request each 25 ms.
struct Clients {
    who: String,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Answer>>>,
}

impl Clients {
    fn of(machine: &Machine, name: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..2)
            .map(|_| {
                let (machine, name, stop) = (machine.clone(), name.to_owned(), stop.clone());
                std::thread::spawn(move || {
                    let mut answers = Vec::new();
                    while !stop.load(SeqCst) {
                        let at = Instant::now();
                        let lost = match machine.get_as(&name, "/") {
                            Ok((200, _)) => None,
                            other => Some(format!("{other:?}")),
                        };
                        let end = Instant::now();
                        answers.push(Answer { at, end, lost });
                        std::thread::sleep(Duration::from_millis(25));
                    }
                    answers
                })
            })
            .collect();
        Self {
            who: format!("{name} on {}", machine.ip),
            stop,
            threads,
        }
    }

    /// Starts clients of every tenant of every host.
    fn of_all(project: &Project) -> Vec<Self> {
        let names = |machine: &Machine| [machine.ip.clone(), OTHERS[0].into(), OTHERS[1].into()];
        project
            .machines
            .iter()
            .flat_map(|machine| names(machine).map(|name| Self::of(machine, &name)))
            .collect()
    }

    /// Stops, and returns how long requests failed: from the first that did to the first after the last that did.
    #[track_caller]
    fn gap(mut self) -> Duration {
        self.stop.store(true, SeqCst);
        let threads = std::mem::take(&mut self.threads);
        let mut answers: Vec<Answer> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        answers.sort_by_key(|answer| answer.at);
        assert!(answers.len() > 100, "{}: {}", self.who, answers.len());
        let lost: Vec<&Answer> = answers
            .iter()
            .filter(|answer| answer.lost.is_some())
            .collect();
        let (Some(first), Some(last)) = (lost.first(), lost.iter().map(|answer| answer.end).max())
        else {
            return Duration::ZERO;
        };
        let gap = last - first.at;
        println!(
            "{}: {} of {} lost within {gap:?}: {}",
            self.who,
            lost.len(),
            answers.len(),
            first.lost.as_deref().unwrap_or_default()
        );
        gap
    }
}

#[track_caller]
fn nothing_was_lost(clients: Vec<Clients>) {
    for clients in clients {
        let who = clients.who.clone();
        assert_eq!(clients.gap(), Duration::ZERO, "{who}");
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
    }
}

/// Lets the hosts be as the original leaves them: its Traefik, a version of this service with `rule`, and one of another. Beside
/// them somebody has a container in a network of its own, with which the Traefik was connected by hand.
fn as_the_original(project: &Project, rule: &str, traefik_arguments: &str) {
    project.write("behaviour", "APP_VERSION=original\n");
    let image = format!("{}/{}:one", lab("LAB_REGISTRY"), project.service);
    let built = run(Command::new("docker")
        .args(["build", "-q", "-t", &image, "."])
        .current_dir(&project.directory));
    assert_eq!(built.code, 0, "{}", built.err);
    project.each(|machine| {
        let container = format!(
            "mrsk-lab-host-{}",
            machine.ip.rsplit('.').next().unwrap().parse::<u32>().unwrap() - 10
        );
        let mut save = Command::new("docker")
            .args(["save", &image])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let load = Command::new("docker")
            .args(["exec", "-i", &container, "docker", "load", "-q"])
            .stdin(save.stdout.take().unwrap())
            .output()
            .unwrap();
        assert!(load.status.success() && save.wait().unwrap().success());
        machine.sh(&format!(
            "echo '{}' | docker login -u '{}' --password-stdin {} 2>/dev/null; docker pull -q {traefik}; rm -r ~/.docker
             docker run --name traefik --detach --restart unless-stopped --log-opt max-size=10m --publish 80:80 \
               --volume /var/run/docker.sock:/var/run/docker.sock {traefik} --providers.docker --log.level=DEBUG {traefik_arguments}
             docker network create foreign
             docker network connect foreign traefik",
            lab("LAB_REGISTRY_PASSWORD"),
            lab("LAB_REGISTRY_USER"),
            lab("LAB_REGISTRY"),
            traefik = lab("LAB_TRAEFIK_IMAGE"),
        ));
        machine.sh(&original_app(project.service, "one", rule, &image));
        machine.sh(&original_app("lab-other", "one", "Host(`other.test`)", &image));
        machine.sh(&format!(
            "docker run --detach --restart unless-stopped --name foreign --network foreign \
               --label 'traefik.http.routers.mine.rule=Host(`foreign.test`)' {image}"
        ));
        for name in [machine.ip.as_str(), OTHERS[0], OTHERS[1]] {
            eventually(15, || matches!(machine.get_as(name, "/"), Ok((200, _))));
        }
    });
}

/// Returns the command by which the original starts a container.
fn original_app(service: &str, version: &str, rule: &str, image: &str) -> String {
    let name = format!("{service}-web");
    format!(
        "docker run --detach --restart unless-stopped --log-opt max-size=10m --name {name}-{version} \
           -e MRSK_CONTAINER_NAME={name}-{version} --label service={service} --label role=web \
           --label 'traefik.http.routers.{name}.rule={rule}' \
           --label traefik.http.services.{name}.loadbalancer.healthcheck.path=/up \
           --label traefik.http.services.{name}.loadbalancer.healthcheck.interval=1s \
           --label traefik.http.middlewares.{name}-retry.retry.attempts=5 \
           --label traefik.http.middlewares.{name}-retry.retry.initialinterval=500ms \
           --label traefik.http.routers.{name}.middlewares={name}-retry@docker {image}"
    )
}

/// Changes `config/deploy.yml`.
fn with_traefik(project: &Project, setting: &str) {
    let path = project.directory.join("config/deploy.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace("builder:", &format!("{setting}builder:"));
    project.write("config/deploy.yml", &text);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_is_behind_a_traefik_of_the_original_serves_again_by_itself() {
    let mut project = Project::new("lab-taken", &HOSTS);
    project.configure("drain_timeout: 5\n");
    as_the_original(&project, "PathPrefix(`/`)", "");
    project.commit("APP_VERSION=ours\nAPP_BOOT_MS=1000\n");

    let clients = Clients::of_all(&project);
    let said = project.mrsk(&["deploy"]).expect(0);
    for ip in HOSTS {
        said.says(&[
            &format!("host {ip}: its Traefik has no file provider and is replaced"),
            "including those to other services",
        ]);
    }
    for clients in clients {
        let who = clients.who.clone();
        let gap = clients.gap();
        assert!(gap > Duration::ZERO && gap < SHORT, "{who}: {gap:?}");
    }
    for machine in &project.machines {
        assert_eq!(machine.version(), "ours");
        let traefik = machine.sh("docker ps -a --format '{{.Names}}' | grep traefik");
        assert_eq!(traefik, "traefik\n");
    }
    let again = project.mrsk(&["plan", "--detailed-exitcode"]).expect(0);
    again.says(&["nothing to do"]);

    // The other service of the original comes behind the same Traefik, which shows its containers by their labels.
    project.service = "lab-other";
    project.configure(
        "drain_timeout: 5\nlabels:\n  traefik.http.routers.lab-other.rule: Host(`other.test`)\n",
    );
    project.commit("APP_VERSION=ours-too\nAPP_TERM=die\n");
    let clients = Clients::of_all(&project);
    project.mrsk(&["deploy"]).expect(0);
    nothing_was_lost(clients);
    let file = |machine: &Machine| machine.sh("cat /var/lib/mrsk/traefik/mrsk-lab-other@web.yml");
    for machine in &project.machines {
        let (_, body) = machine.get_as(OTHERS[0], "/").unwrap();
        assert!(String::from_utf8_lossy(&body).contains("ours-too"));
        assert!(
            file(machine).contains("priority: 19\n"),
            "{}",
            file(machine)
        );
    }

    project.commit("APP_VERSION=once-more\nAPP_TERM=die\n");
    let clients = Clients::of_all(&project);
    project.mrsk(&["deploy"]).expect(0);
    nothing_was_lost(clients);
    for machine in &project.machines {
        assert!(
            !file(machine).contains("priority: 19\n"),
            "{}",
            file(machine)
        );
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn where_the_new_traefik_does_not_come_up_the_other_one_serves_on() {
    let project = Project::new("lab-taken", &HOSTS[..1]);
    // As Traefik 2 does, it reads rules that a new one does not.
    let rule = "Host(`172.30.0.12`, `www.test`)";
    as_the_original(&project, rule, OLD_RULES);
    let machine = &project.machines[0];
    project.commit("APP_VERSION=ours\n");
    let serves = || matches!(machine.get("/"), Ok((200, _)));
    let original = |said: &str| {
        assert_eq!(machine.version(), "original", "{said}");
        let args = machine.sh("docker inspect --format '{{.Args}} {{.State.Running}}' traefik");
        let expected = format!("[--providers.docker --log.level=DEBUG {OLD_RULES}] true\n");
        assert_eq!(args, expected);
        assert!(!machine.containers().contains(&"traefik_new".to_owned()));
        assert!(!machine.is_locked());
    };

    // Its image is not there.
    project.configure("");
    let text = std::fs::read_to_string(project.directory.join("config/deploy.yml")).unwrap();
    let image = lab("LAB_TRAEFIK_IMAGE");
    let missing = text.replace(&image, &format!("{image}-missing"));
    project.write("config/deploy.yml", &missing);
    let clients = Clients::of_all(&project);
    let said = project.mrsk(&["deploy"]).expect(1);
    nothing_was_lost(clients);
    said.says(&["traefik:v3-missing", "not found"]);
    original(&said.err);

    // A port that it publishes is taken, which the plan sees.
    project.configure("");
    with_traefik(&project, "  options:\n    publish:\n      - 22:8022\n");
    let said = project.mrsk(&["deploy"]).expect(78);
    said.says(&["port 22"]);
    original(&said.err);

    // Docker cannot start it.
    project.configure("");
    with_traefik(&project, "  options:\n    device: /dev/nothing\n");
    let clients = Clients::of_all(&project);
    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&["/dev/nothing", "the old one was restarted"]);
    eventually(10, serves);
    for clients in clients {
        let gap = clients.gap();
        assert!(gap < SHORT, "{gap:?}");
    }
    original(&said.err);

    // It does not start with these arguments.
    project.configure("");
    with_traefik(
        &project,
        "  args:\n    entryPoints.nonsense.address: \":70000\"\n",
    );
    let clients = Clients::of_all(&project);
    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&["nonsense", "the old one was restarted"]);
    eventually(10, serves);
    for clients in clients {
        let gap = clients.gap();
        assert!(gap < SHORT, "{gap:?}");
    }
    original(&said.err);

    // It comes up, but the new version does not: what served before is served by the new Traefik, whose routing file says how.
    project.configure("healthcheck:\n  max_attempts: 1\n");
    project.commit("APP_EXIT=3\n");
    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&["fatal: told to exit with 3", OLD_RULES]);
    assert_eq!(machine.version(), "original");
    assert!(
        machine
            .routing_files()
            .starts_with("mrsk-lab-taken@web.yml")
    );

    project.configure("drain_timeout: 5\n");
    project.commit("APP_VERSION=ours\nAPP_TERM=die\n");
    let clients = Clients::of_all(&project);
    project.mrsk(&["deploy"]).expect(0);
    nothing_was_lost(clients);
    assert_eq!(machine.version(), "ours");
}
