//! What steps do to their hosts, and what undoes it.

use mrsk::facts::model::{ContainerState, Health};
use mrsk::name::{HostName, StepId};
use mrsk::plan::StepKind;
use mrsk::plan::effect::effects;

use super::world::{World, is_old};

impl World {
    pub(super) fn take_effect(&mut self, host: &HostName, id: &StepId) {
        let step = self.plan_step(id).clone();
        // Whether an engine that does not answer after a reboot is installed, no check can tell: it is rightly seen to once more.
        let sim = &self.hosts[host];
        if step.kind == StepKind::InstallDocker && sim.boot > 0 && sim.facts.docker.installed {
            return self.note(format!("{id} finds the engine installed"));
        }
        if self
            .course
            .truth
            .take_effect(self.course.index[id])
            .is_err()
        {
            return self.fail(format!("{id} takes effect twice"));
        }
        self.note(format!("{id} takes effect"));
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        sim.facts = effects(&[&step], &sim.facts);
        if self.course.served.is_some() {
            self.note_held(host);
        }
        let Some(sim) = self.hosts.get(host) else {
            return;
        };
        if !is_old(step.kind) {
            return;
        }
        let facts = &sim.facts;
        let has_compiled = self.course.served.is_some();
        let too_early = self.course.switches.iter().any(|switch| {
            let routed = switch.route.as_ref().is_none_or(|(file, alias)| {
                let file = facts.files.get(file);
                file.is_some_and(|file| file.aliases.contains(alias))
            });
            let healthy = facts.containers.get(&switch.container).is_some_and(|new| {
                // A role without Traefik in the compiled plans has no health check.
                let is_asked = !has_compiled || new.labels.contains_key("mrsk.healthcheck");
                let is_healthy = new.healthy || new.health == Health::Healthy || !is_asked;
                new.state == ContainerState::Running && is_healthy
            });
            switch.host == *host && step.role.as_ref() == Some(&switch.role) && !(routed && healthy)
        });
        if too_early {
            self.fail(format!(
                "{id} before the new container is routed and healthy"
            ));
        }
    }

    /// `docker rm -f NAME`, and `docker stop NAME`.
    pub(super) fn clean_up(&mut self, id: &StepId) {
        let step = self.plan_step(id).clone();
        let Some(host) = &step.host else { return };
        for action in &step.cleanup {
            let mrsk::action::Action::Run(run) = action else {
                continue;
            };
            let Some(mrsk::action::Arg::Literal(name)) = run.argv.last() else {
                continue;
            };
            let stops = run
                .argv
                .contains(&mrsk::action::Arg::Literal("stop".into()));
            let Some(sim) = self.hosts.get_mut(host) else {
                continue;
            };
            match sim.facts.containers.get_mut(name) {
                Some(container) if stops => {
                    container.state = ContainerState::Exited;
                    container.healthy = false;
                }
                _ => drop(sim.facts.containers.remove(name)),
            }
            let plan = self.course.plan.clone();
            self.course.truth.undo(&plan, &step);
        }
    }
}
