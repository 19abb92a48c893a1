//! What goes wrong at the step that sends requests to the new container, on the lab: the old one has not been touched, and
//! afterwards the same plan can be applied.

use crate::lab_project::{Machine, Project, Users, sample};
use crate::lab_support::{PlanFile, Runner, deeds};

const SERVICE: &str = "lab-route";

/// What must be after a failed switch as it was before.
#[derive(Debug, PartialEq)]
struct Stand {
    containers: Vec<Vec<String>>,
    routing_files: Vec<String>,
}

impl Stand {
    fn of(project: &Project) -> Self {
        Self {
            containers: project.each(Machine::containers),
            routing_files: project.each(|machine| {
                machine.sh("cd /var/lib/mrsk/traefik && ls | grep mrsk- && cat mrsk-*")
            }),
        }
    }
}

/// Applies a plan, which must fail at `route` of the first host, as [`fails`] does.
#[track_caller]
fn fails_at_route(
    project: &Project,
    plan: &PlanFile,
    old: &str,
    fault: impl Fn(&Machine),
) -> String {
    let said = fails(project, plan, old, fault);
    for text in ["Route requests to", "unchanged: the switch was undone"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    said
}

/// Applies a plan, which must fail on the first host before `old` is touched. `fault` happens while the new container boots.
/// Returns what was said.
#[track_caller]
fn fails(project: &Project, plan: &PlanFile, old: &str, fault: impl Fn(&Machine)) -> String {
    let machine = &project.machines[0];
    let before = Stand::of(project);
    let since = machine.now();
    let mut runner = Runner::apply(project, plan, &[]);
    runner.until("ended", &plan.step(&machine.ip, "start"));
    fault(machine);
    let said = runner.wait().expect(1);
    assert_eq!(Stand::of(project), before, "{}", said.err);
    let deeds = deeds(machine, SERVICE, &since);
    assert!(!deeds.iter().any(|deed| deed.ends_with(old)), "{deeds:?}");
    assert!(!machine.is_locked());
    said.err
}

/// Applies a plan again, without a lost request.
#[track_caller]
fn then_succeeds(project: &Project, plan: &PlanFile, version: &str) {
    let users = Users::of(&project.machines);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    users.were_all_served();
    assert_eq!(project.each(Machine::version), [version, version]);
    let again = project.mrsk(&["plan", "--detailed-exitcode"]).expect(0);
    again.says(&["nothing to do"]);
}

/// A router that it leaves out: the file as such is right. Returns the container that serves afterwards.
fn leaves_a_router_out(project: &Project, old: &str) -> String {
    project.configure("labels:\n  traefik.http.routers.lab-route.rule: PathRegexp(`^/(`)\n");
    project.commit("APP_VERSION=refused\n");
    let plan = PlanFile::make(project, "refused.json");
    let users = Users::of(&project.machines);
    let said = fails(project, &plan, old, |_| {});
    users.were_all_served();
    for text in ["missing closing )", "docker logs --tail 50 traefik"] {
        assert!(said.contains(text), "{said}");
    }
    project.configure("");
    old.to_owned()
}

/// A file of somebody else, because of which it reads none. Afterwards the plan is applied. Returns the container that serves then.
fn cannot_read_a_file_of_somebody_else(project: &Project, old: &str) -> String {
    let version = project.commit("APP_VERSION=new\nAPP_BOOT_MS=2000\n");
    let plan = PlanFile::make(project, "new.json");
    let users = Users::of(&project.machines);
    let said = fails_at_route(project, &plan, old, |machine| {
        machine.sh("echo 'http: [' > /var/lib/mrsk/traefik/theirs.yml");
    });
    users.were_all_served();
    assert!(said.contains("theirs.yml"), "{said}");
    project.machines[0].sh("rm /var/lib/mrsk/traefik/theirs.yml");
    then_succeeds(project, &plan, "new");
    project.container(&version)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn routes_that_traefik_does_not_take_are_taken_back() {
    let project = Project::new(SERVICE, &["172.30.0.14", "172.30.0.15"]);
    let mut old = project.container(&project.commit("APP_VERSION=old\n"));
    project.mrsk(&["deploy"]).expect(0);
    let faults: [fn(&Project, &str) -> String; 2] =
        [leaves_a_router_out, cannot_read_a_file_of_somebody_else];
    for fault in sample(&faults, 1) {
        old = fault(&project, &old);
    }

    // It is gone, or does not answer. Nobody is served meanwhile, which is not of this deploy's making.
    let faults = [
        ("pause", "unpause", "container traefik is paused"),
        ("stop", "start", "container traefik is exited"),
    ];
    for (fault, undo, says) in sample(&faults, 1) {
        project.commit(&format!("APP_VERSION={fault}\nAPP_BOOT_MS=2000\n"));
        let plan = PlanFile::make(&project, "gone.json");
        let said = fails_at_route(&project, &plan, &old, |machine| {
            machine.sh(&format!("docker {fault} traefik"));
        });
        assert!(said.contains(says), "{said}");
        project.machines[0].sh(&format!("docker {undo} traefik"));
        crate::lab_project::eventually(10, || matches!(project.machines[0].get("/"), Ok((200, _))));
        if fault == "stop" {
            then_succeeds(&project, &plan, fault);
        }
    }
}

/// The probe of mrsk is answered, and the routing file is right, but the users' router leads to nothing.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn routers_that_lead_nowhere_are_taken_back() {
    const SERVICE_OF_NOBODY: &str = "  traefik.http.routers.lab-route.service: nope@docker\n";
    const CLOSED_PORT: &str = concat!(
        "  traefik.http.routers.lab-route.service: closed\n",
        "  traefik.http.services.closed.loadbalancer.server.port: 9\n",
    );
    let project = Project::new(SERVICE, &["172.30.0.14", "172.30.0.15"]);
    let old = project.container(&project.commit("APP_VERSION=old\n"));
    let said = project.mrsk(&["deploy"]).expect(0);
    said.says(&["172.30.0.14/up answered 200", "172.30.0.15/up answered 200"]);
    let faults = [(SERVICE_OF_NOBODY, "404 of Traefik"), (CLOSED_PORT, "502")];
    for (labels, answer) in sample(&faults, 1) {
        project.configure(&format!("labels:\n{labels}"));
        project.commit("APP_VERSION=nowhere\n");
        let plan = PlanFile::make(&project, "nowhere.json");
        let said = fails_at_route(&project, &plan, &old, |_| {});
        let line = format!("172.30.0.14/up answered {answer} after the switch, 200 before");
        assert!(said.contains(&line), "{line}: {said}");
        assert_eq!(project.each(Machine::version), ["old", "old"]);
        let audit = project.mrsk(&["audit"]).expect(0);
        assert!(audit.out.contains(&line), "{line}: {}", audit.out);
    }
    project.configure("");
    project.commit("APP_VERSION=new\n");
    let plan = PlanFile::make(&project, "new.json");
    then_succeeds(&project, &plan, "new");
}

/// A small file system where routing files are. Dropped, it is gone.
struct SmallDisk<'a>(&'a Machine);

impl<'a> SmallDisk<'a> {
    fn on(machine: &'a Machine) -> Self {
        machine.sh("mkdir -p /var/lib/mrsk/traefik && mount -t tmpfs -o size=64k none /var/lib/mrsk/traefik");
        Self(machine)
    }

    fn fill(&self) {
        self.0
            .sh("cat /dev/zero > /var/lib/mrsk/traefik/fill 2>/dev/null || :");
    }

    fn empty(&self) {
        self.0.sh("rm /var/lib/mrsk/traefik/fill");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.0.sh("umount -l /var/lib/mrsk/traefik");
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_full_disk_leaves_the_old_routes() {
    let project = Project::new(SERVICE, &["172.30.0.14", "172.30.0.15"]);
    let disk = SmallDisk::on(&project.machines[0]);
    let old = project.container(&project.commit("APP_VERSION=old\n"));
    project.mrsk(&["deploy"]).expect(0);
    project.commit("APP_VERSION=new\nAPP_BOOT_MS=1000\n");
    let plan = PlanFile::make(&project, "full.json");
    let before = project.machines[0].routing_files();
    let users = Users::of(&project.machines);
    let machine = &project.machines[0];
    let since = machine.now();
    let mut runner = Runner::apply(&project, &plan, &[]);
    runner.until("ended", &plan.step(&machine.ip, "start"));
    disk.fill();
    let said = runner.wait().expect(1);
    disk.empty();
    users.were_all_served();
    said.says(&["No space left on device", "/var/lib/mrsk/traefik"]);
    assert!(!said.err.contains("cleanup failed"), "{}", said.err);
    assert_eq!(machine.routing_files(), before);
    assert_eq!(
        machine.sh("ls -A /var/lib/mrsk/traefik | wc -l").trim(),
        "1"
    );
    assert_eq!(machine.containers(), [old.clone(), "traefik".into()]);
    let deeds = deeds(machine, SERVICE, &since);
    assert!(!deeds.iter().any(|deed| deed.ends_with(&old)), "{deeds:?}");
    assert!(!machine.is_locked());
    then_succeeds(&project, &plan, "new");
}
