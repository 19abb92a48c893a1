//! Beginning steps: on hosts and on this machine.

use tokio::sync::mpsc;

use super::convert::{request, translate};
use super::tasks::Driver;
use crate::action;
use crate::apply::local_step;
use crate::apply::state::{Event, StartStep};
use crate::name::{HostName, StepId};
use crate::transport::local::Stopper;
use crate::transport::request::{Inputs, StepRequest};

impl Driver {
    /// Hands steps over to their host, and reports what happens to them.
    pub(super) fn start(&mut self, host: HostName, steps: &[StartStep]) {
        let place = self.place(&host);
        let run = self.run();
        let of = (&*self.job.plan, self.job.details.locked_by.as_str());
        let batch: Vec<StepRequest> = steps
            .iter()
            .filter_map(|start| Some(request(of, self.step(&start.step)?, start)))
            .collect();
        let inputs = self.inputs_of(steps);
        let links = self.job.links.clone();
        let (plan, shape) = (self.job.plan.clone(), self.shape.clone());
        let redactor = self.job.inputs.redactor().clone();
        let from = host.clone();
        self.spawn(host.clone(), |sender| async move {
            let linked = links.get(&host).await?;
            let (host_sender, mut events) = mpsc::channel(16);
            let telling = async {
                while let Some(event) = events.recv().await {
                    sender.event(translate((&plan, &shape), &redactor, &from, event));
                }
            };
            let starting = async {
                let result = linked
                    .start(&place, &run, &batch, &inputs, &host_sender)
                    .await;
                drop(host_sender);
                result
            };
            let (result, ()) = tokio::join!(starting, telling);
            Ok(result?)
        });
    }

    /// Returns only what `steps` name, so that a secret goes no further than it must.
    fn inputs_of(&self, steps: &[StartStep]) -> Inputs {
        let mut inputs = Inputs {
            variables: self.job.inputs.variables.clone(),
            pushed: self.job.inputs.pushed.clone(),
            redactor: self.job.inputs.redactor().clone().into(),
            ..Inputs::default()
        };
        for step in steps.iter().filter_map(|start| self.step(&start.step)) {
            for name in step.secrets.iter().map(|secret| &secret.name) {
                if let Some(value) = self.job.inputs.secrets.get(name) {
                    inputs.secrets.insert(name.clone(), value.clone());
                }
            }
            for part in step.action.iter().chain(&step.cleanup) {
                match part {
                    action::Action::Write(write) => {
                        if let Some(text) = self.job.inputs.contents.get(&write.content) {
                            inputs.contents.insert(write.content.clone(), text.clone());
                        }
                    }
                    action::Action::Upload(upload) => {
                        if let Some(bytes) = self.job.inputs.uploads.get(upload) {
                            inputs.uploads.insert(upload.clone(), bytes.clone());
                        }
                    }
                    _ => {}
                }
            }
        }
        inputs
    }

    /// Runs a step on this machine.
    pub(super) fn start_local(&mut self, id: StepId, attempt: u32) {
        if self.ended_ahead(&id, attempt) {
            return;
        }
        let Some(work) = self.work(&id) else {
            return;
        };
        let sender = self.event_sender();
        let (stop, stopped) = Stopper::new();
        self.local.insert(id.clone(), stop);
        tokio::spawn(async move {
            let printer = sender.clone();
            let of = id.clone();
            let tell = move |line: &str| printer.output(&of, line);
            let end = local_step::run(&work, stopped, tell).await;
            sender.event(Event::LocalEnded {
                step: id,
                attempt,
                ending: end.ending,
                value: end.value,
                diagnosis: end.tail,
            });
        });
    }

    /// Ends the command of a step of this machine.
    pub(super) fn stop_local(&mut self, id: &StepId) {
        if let Some(stop) = self.local.remove(id) {
            stop.stop();
        }
    }

    /// Runs the check of a step of this machine.
    pub(super) fn check_local(&mut self, id: StepId) {
        let Some(step) = self.step(&id).cloned() else {
            return;
        };
        let place = local_step::Place {
            root: self.job.root.clone(),
            docker_config: self.job.docker_config.clone(),
        };
        let sender = self.event_sender();
        tokio::spawn(async move {
            let (answer, value) = local_step::check(&step, &place).await;
            sender.event(Event::LocalChecked {
                step: id,
                answer,
                value,
            });
        });
    }
}
