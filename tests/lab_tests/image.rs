//! The image with mrsk and what it calls: made here, and used for a deploy to the lab as docs/image.md says.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lab_project::{Project, Said, eventually, lab, run};

const HOST: &str = "172.30.0.17";
const IMAGE: &str = "mrsk-lab/mrsk";

/// An image that has nothing but the program that is tested, as the stage that would compile it has.
const BINARY: &str = "mrsk-lab/binary";

/// An agent with the lab's key.
struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Self {
        let mut agent = Command::new("ssh-agent");
        let agent = agent.arg("-D").arg("-a").arg(socket).stdout(Stdio::null());
        let agent = Self(agent.spawn().unwrap());
        eventually(10, || socket.exists());
        let mut add = Command::new("ssh-add");
        run(add.arg(lab("LAB_KEY")).env("SSH_AUTH_SOCK", socket)).expect(0);
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes the image out of the lab's base and the program that is tested.
fn build(project: &Project) {
    let root = project.beside("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_mrsk"), root.join("mrsk")).unwrap();
    let archive = project.beside("root.tar");
    let mut tar = Command::new("tar");
    run(tar
        .arg("-cf")
        .arg(&archive)
        .arg("-C")
        .arg(&root)
        .arg("mrsk"))
    .expect(0);
    run(Command::new("docker")
        .arg("import")
        .arg(&archive)
        .arg(BINARY))
    .expect(0);
    let config = project.beside("client");
    let plugins = config.join("cli-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::os::unix::fs::symlink(lab("LAB_BUILDX"), plugins.join("docker-buildx")).unwrap();
    let mut docker = Command::new("docker");
    docker
        .env("DOCKER_CONFIG", &config)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "-q", "-t", IMAGE, "-f", "bin/image/Dockerfile"])
        .args(["--build-arg", &format!("BASE={}", lab("LAB_BASE_IMAGE"))])
        .args(["--build-arg", &format!("BINARY={BINARY}"), "."]);
    run(&mut docker).expect(0);
}

/// Runs mrsk in the image, as the alias of docs/image.md does. Docker's own client in there trusts the lab's registry.
fn in_the_image(project: &Project, agent: &Path, arguments: &[&str]) -> Said {
    let mounts = [
        (project.directory.display().to_string(), "/workdir"),
        (agent.display().to_string(), "/ssh-agent"),
        (lab("LAB_KNOWN_HOSTS"), "/root/.ssh/known_hosts:ro"),
        ("/var/run/docker.sock".to_owned(), "/var/run/docker.sock"),
        ("/etc/docker/certs.d".to_owned(), "/etc/docker/certs.d:ro"),
    ];
    let mut docker = Command::new("docker");
    docker.args([
        "run",
        "--rm",
        "--network",
        "host",
        "-e",
        "SSH_AUTH_SOCK=/ssh-agent",
    ]);
    for (from, to) in mounts {
        docker.arg("-v").arg(format!("{from}:{to}"));
    }
    run(docker.arg(IMAGE).args(arguments))
}

#[test]
#[ignore = "needs the lab"]
fn the_image_builds_deploys_and_reads_with_the_agent_of_who_runs_it() {
    let project = Project::new("lab-image", &[HOST]);
    build(&project);
    let socket = project.beside("agent");
    let _agent = Agent::start(&socket);
    let version = project.commit("APP_VERSION=from the image\n");
    // The repository is somebody else's in there.
    run(Command::new("chown")
        .args(["-R", "1000:1000"])
        .arg(&project.directory))
    .expect(0);

    let said = in_the_image(&project, &socket, &["version"]).expect(0);
    assert!(said.out.contains(env!("CARGO_PKG_VERSION")), "{}", said.out);

    in_the_image(&project, &socket, &["deploy", "-y"]).expect(0);
    assert_eq!(project.machines[0].version(), "from the image");

    let status = in_the_image(&project, &socket, &["status"]).expect(0);
    assert!(status.out.contains(&version[..12]), "{}", status.out);

    let again = in_the_image(&project, &socket, &["deploy", "-y"]).expect(0);
    assert!(again.err.contains("nothing to do"), "{}", again.err);
}
