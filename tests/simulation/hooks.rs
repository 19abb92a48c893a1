//! Hooks in a plan made by hand.

use mrsk::plan::{Need, NeedOn, OnFailure, Step, StepKind};

use super::plans::{Builder, Scenario};

/// Adds hooks to a scenario: one before the build, one before what changes on hosts, and one at the end.
pub fn with_hooks(mut scenario: Scenario) -> Scenario {
    let mut hooks = Builder { steps: Vec::new() };
    hooks.step("local/hook/pre-build/run", StepKind::PreHook, None, &[]);
    let push = ["local/image/push"];
    hooks.step("local/hook/pre-deploy/run", StepKind::PreHook, None, &push);
    let all = ["local/all"];
    hooks.step("local/hook/post-deploy/run", StepKind::PostHook, None, &all);
    for hook in &mut hooks.steps {
        hook.on_failure = OnFailure::StopRun;
    }
    let need = |hook: &Step| Need {
        step: hook.id.clone(),
        on: NeedOn::Success,
    };
    let [build, deploy, post] = <[Step; 3]>::try_from(hooks.steps).expect("three hooks");
    let steps = &mut scenario.plan.steps;
    for step in steps.iter_mut() {
        match step.kind {
            StepKind::Build => step.needs.push(need(&build)),
            StepKind::Network | StepKind::Traefik | StepKind::Start => {
                step.needs.push(need(&deploy));
            }
            _ => {}
        }
    }
    let pushed = steps.iter().position(|step| step.kind == StepKind::Push);
    steps.insert(pushed.expect("a push") + 1, deploy);
    steps.insert(0, build);
    steps.push(post);
    scenario
}
