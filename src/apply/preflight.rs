//! What a plan needs from the machine that applies it: secrets, files, and the source that the image is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::action::{Action, Arg, Upload};
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::facts::source;
use crate::name::{SecretVariable, Sha256Hex, StepId};
use crate::plan::{Plan, Source, Step};
use crate::repository::{FileKind, Repository};
use crate::secret::{Secret, Secrets};
use crate::transport::docker_config::Login;
use crate::transport::local::{self, LocalCommand};
use crate::transport::request::Inputs;

/// What the machine that applies the plan provides: values of variables, and rendered templates.
pub trait Environment {
    /// Returns the value of a secret, or of a variable of the environment, as far as it is known without running anything.
    fn value(&self, name: &str) -> Value;

    /// Runs the commands that print `names`, so that their values are known.
    ///
    /// # Errors
    /// The first that does not print a value.
    fn read(&self, names: &BTreeSet<String>) -> Result<(), Diagnostic>;

    /// Renders `template`, which sees the environment with `own` in front; `path` is its path in messages.
    ///
    /// # Errors
    /// What is wrong with it, with its place.
    fn render(&self, path: &str, template: &str, own: &Secrets) -> Result<String, Vec<Diagnostic>>;
}

/// The value of a name on the machine that applies the plan.
#[derive(Debug, Clone)]
pub enum Value {
    /// It is this.
    Known(Secret),
    /// A command prints it, which is run when it is sure that a step needs it.
    Late,
    /// It has none.
    Unset,
    /// It cannot be found out, and why.
    Invalid(Diagnostic),
    /// The file that it comes from is not as it was planned, and how.
    Stale(String),
}

impl Value {
    /// Returns it, `None` if it is known later, or what steps miss.
    fn found(self, name: &str) -> Result<Option<Secret>, Requirement> {
        match self {
            Self::Known(secret) => Ok(Some(secret)),
            Self::Late => Ok(None),
            Self::Unset => Err(Requirement::Variable(name.to_owned())),
            Self::Invalid(problem) => Err(Requirement::Template(problem)),
            Self::Stale(how) => Err(Requirement::Source(how)),
        }
    }
}

/// A missing input of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is missing, and what to do about it.
    pub what: Requirement,
    /// The steps that need it.
    pub steps: BTreeSet<StepId>,
}

/// What steps require.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// A value of a secret or a variable.
    Variable(String),
    /// A file, as it was planned.
    File {
        /// Its path.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A template that can be rendered; what is wrong with it.
    Template(Diagnostic),
    /// The work tree, as it was planned; what is wrong with it.
    Source(String),
}

/// Collects what the plan needs. What is missing is named with the steps that need it: those may be done already. Values that commands print
/// are left out until [`Environment::read`] has run these.
pub async fn collect(
    plan: &Plan,
    environment: &dyn Environment,
    root: &Path,
) -> (Inputs, Vec<Missing>) {
    let (inputs, mut missing) = collect_here(plan, environment, root);
    if let Some(source) = &plan.source
        && let Err(problem) = verify_source(source, root).await
    {
        let builds = plan.builds().map(|step| step.id.clone());
        missing.push(Missing {
            what: Requirement::Source(problem),
            steps: builds.collect(),
        });
    }
    (inputs, missing)
}

/// Collects the same, without a look at the source that images are built from.
pub fn collect_here(
    plan: &Plan,
    environment: &dyn Environment,
    root: &Path,
) -> (Inputs, Vec<Missing>) {
    let mut unmet: BTreeMap<Requirement, BTreeSet<StepId>> = BTreeMap::new();
    let mut inputs = Inputs {
        contents: plan.contents.clone(),
        ..Inputs::default()
    };
    for step in &plan.steps {
        let mut missing = |what: Requirement| {
            unmet.entry(what).or_default().insert(step.id.clone());
        };
        for name in step.secrets.iter().map(|secret| &secret.name) {
            match environment.value(name).found(name) {
                Ok(value) => inputs
                    .secrets
                    .extend(value.map(|value| (name.clone(), value))),
                Err(requirement) => missing(requirement),
            }
        }
        for variable in with_line_break(step, &inputs.secrets) {
            let message = format!("the value of `{}` has a line break", variable.name);
            let help = "docker cannot take it for a variable of this name: use another name";
            missing(Requirement::Template(Diagnostic::error(message).help(help)));
        }
        for name in step.variables() {
            match environment.value(name).found(name) {
                Ok(value) => {
                    let value = value.map(|value| (name.clone(), value.reveal().to_owned()));
                    inputs.variables.extend(value);
                }
                Err(requirement) => missing(requirement),
            }
        }
        changed_programs(step, root).for_each(|problem| missing(Requirement::Source(problem)));
        for action in &step.action {
            let Action::Upload(upload) = action else {
                continue;
            };
            match bytes(step, upload, environment, root) {
                Ok(bytes) => {
                    inputs.uploads.insert(upload.clone(), bytes);
                }
                Err(requirements) => requirements.into_iter().for_each(&mut missing),
            }
        }
    }
    let missing = unmet
        .into_iter()
        .map(|(what, steps)| Missing { what, steps })
        .collect();
    (inputs, missing)
}

/// Returns the names of secrets that docker reads from lines and that have several.
fn with_line_break<'a>(step: &'a Step, secrets: &Secrets) -> Vec<&'a SecretVariable> {
    let actions = step.action.iter().chain(&step.cleanup);
    let names = actions.flat_map(|action| match action {
        Action::Run(run) => run.env_file.as_slice(),
        _ => &[],
    });
    let has_several = |variable: &&SecretVariable| {
        let value = secrets.get(&variable.secret);
        value.is_some_and(|value| value.reveal().contains(['\n', '\r']))
    };
    names.filter(has_several).collect()
}

/// Returns what is wrong with the programs of the repository that a step runs, each of which the plan knows by its hash.
pub fn changed_programs<'a>(step: &'a Step, root: &'a Path) -> impl Iterator<Item = String> + 'a {
    step.action.iter().filter_map(move |action| match action {
        Action::Run(run) => {
            let program = run.program()?;
            let problem = read(root, program, run.program_sha256.as_ref()?).err()?;
            Some(format!("{program}: {problem}"))
        }
        _ => None,
    })
}

/// Returns the bytes of a file to be copied; a template is rendered.
fn bytes(
    step: &Step,
    upload: &Upload,
    environment: &dyn Environment,
    root: &Path,
) -> Result<Vec<u8>, Vec<Requirement>> {
    let unfit = |problem: String| {
        vec![Requirement::File {
            path: upload.source.clone(),
            problem,
        }]
    };
    let bytes = read(root, &upload.source, &upload.sha256).map_err(unfit)?;
    if !upload.template {
        return Ok(bytes);
    }
    let template = String::from_utf8(bytes).map_err(|_| unfit("not UTF-8".to_owned()))?;
    let clear = upload.env.iter();
    let mut own: Secrets = clear
        .map(|(name, value)| (name.clone(), Secret::new(value.as_str())))
        .collect();
    for secret in &step.secrets {
        // A missing secret is reported for itself; the template is not rendered without it.
        let Value::Known(value) = environment.value(&secret.name) else {
            return Err(Vec::new());
        };
        own.insert(secret.name.clone(), value);
    }
    for alias in &upload.aliases {
        if let Some(value) = own.get(&alias.secret).cloned() {
            own.insert(alias.name.clone(), value);
        }
    }
    match environment.render(&upload.source, &template, &own) {
        Ok(text) => Ok(text.into_bytes()),
        Err(diagnostics) => Err(diagnostics.into_iter().map(Requirement::Template).collect()),
    }
}

/// Reads a file of the repository as it was planned. No link leads out of the repository.
pub(super) fn read(root: &Path, path: &str, expected: &Sha256Hex) -> Result<Vec<u8>, String> {
    let bytes = Repository::at(root)
        .read_below(Path::new(path), FileKind::AccessoryFile)
        .map_err(|error| error.to_string())?;
    if Sha256Hex::of(&bytes) == *expected {
        Ok(bytes)
    } else {
        Err("differs from the plan".to_owned())
    }
}

/// Compares the work tree with the one that was planned: the same tree with the same changes, whatever the commit.
async fn verify_source(planned: &Source, root: &Path) -> Result<(), String> {
    let dockerfile = Repository::at(root)
        .read_below(Path::new(&planned.dockerfile), FileKind::Dockerfile)
        .map_err(|error| format!("{}: {error}", planned.dockerfile))?;
    if Sha256Hex::of(&dockerfile) != planned.dockerfile_sha256 {
        return Err(format!("{} differs from the plan", planned.dockerfile));
    }
    if planned.commit.is_none() {
        return Ok(());
    }
    let answers = ask_git(root, &planned.context).await;
    let now = source::read(&answers, &|_| false)
        .map_err(|error| error.to_string())?
        .ok_or("not a git repository with a commit")?;
    let same = match (&planned.tree, &now.tree) {
        (Some(planned), Some(now)) => planned == now,
        _ => planned.commit == now.commit,
    };
    if !same {
        return Err(format!(
            "your checkout ({}) differs from the plan's source ({})",
            short(now.commit.as_deref()),
            short(planned.commit.as_deref())
        ));
    }
    if planned.changes != now.changes {
        return Err("your uncommitted changes differ from the plan's source".to_owned());
    }
    Ok(())
}

fn short(commit: Option<&str>) -> &str {
    commit.map_or("none", |commit| commit.get(..12).unwrap_or(commit))
}

/// Asks git about the work tree in `root`. A command that fails gives no answer.
pub async fn ask_git(root: &Path, context: &str) -> source::SourceAnswers {
    let questions = source::questions(context);
    let ask = async |argv: Vec<String>| {
        let command = LocalCommand {
            argv,
            directory: Some(root.to_owned()),
            ..LocalCommand::default()
        };
        let outcome = local::run(&command, |_| {}).await.ok()?;
        (outcome.ending == crate::record::Ending::Succeeded).then(|| outcome.stdout.into_bytes())
    };
    source::SourceAnswers {
        commit: ask(questions.commit).await,
        tree: ask(questions.tree).await,
        changes: ask(questions.changes).await,
        untracked: ask(questions.untracked).await,
    }
}

/// Returns why git gives no commit in `root`, if there is another reason than that there is none.
pub async fn git_problem(root: &Path) -> Option<String> {
    let words = source::GIT.iter().copied();
    let argv = words.chain(["rev-parse", "--verify", "HEAD^{commit}"]);
    let command = LocalCommand {
        argv: argv.map(str::to_owned).collect(),
        directory: Some(root.to_owned()),
        ..LocalCommand::default()
    };
    let outcome = match local::run(&command, |_| {}).await {
        Ok(outcome) => outcome,
        Err(_) => return Some("git is not installed".to_owned()),
    };
    let mut lines = outcome.tail.lines();
    let refusal = lines.find(|line| line.contains("dubious ownership"))?;
    let refusal = refusal.trim_start_matches("fatal: ");
    let plain: String = refusal.chars().filter(|c| !c.is_control()).collect();
    Some(format!("git refuses: {plain}"))
}

/// Returns the login at the registry that `plan` makes on this machine. `None` also if its values are missing: that was reported,
/// unless nothing that is left needs them.
pub fn login<'a>(plan: &'a Plan, inputs: &'a Inputs) -> Option<Login<'a>> {
    let steps = plan.steps.iter().filter(|step| step.host.is_none());
    let mut actions = steps.flat_map(|step| &step.action);
    let (username, password, server) = actions.find_map(|action| match action {
        Action::Run(run) => image::as_login(run),
        _ => None,
    })?;
    Some(Login {
        registry: image::login_name(server),
        username: match username {
            Arg::Literal(text) => text,
            Arg::FromEnv(name) => inputs.variables.get(name)?,
            Arg::Pushed(_) => return None,
        },
        password: inputs.secrets.get(password)?,
    })
}
