//! `mrsk app exec`

use std::collections::BTreeMap;

use crate::cli::exec::{self, Attached, Container, ExecArgs, Task};
use crate::cli::failure::Failure;
use crate::cli::options::{HostOptions, ReadOptions};
use crate::cli::reading::{Reading, Section, selection};
use crate::config::model::{Config, Role};
use crate::diagnostic::Diagnostic;
use crate::docker::once::{self, Once, Streams};
use crate::docker::{image, names};
use crate::facts::model::HostFacts;
use crate::name::HostName;
use crate::plan::compile::{Serving, Standing};
use crate::secret::Secrets;
use crate::text;
use crate::transport::request::Inputs;

/// Versions that a message names.
const VERSIONS_SHOWN: usize = 5;

/// Arguments of `mrsk app exec`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    exec: ExecArgs,
    #[command(flatten)]
    options: ReadOptions,

    /// Run the image of this version, which the host must have, instead of the one that serves
    #[arg(long, value_name = "VERSION", conflicts_with = "reuse")]
    version: Option<String>,
}

/// Runs a command on each selected host. Returns its status if it is interactive.
pub async fn run(args: Args) -> Result<u8, Failure> {
    let words = args.exec.words()?;
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config().clone();
    let placements = placements(&args, &config)?;
    let mut hosts: Vec<&HostName> = placements.iter().map(|(host, _)| *host).collect();
    hosts.dedup();
    if args.exec.interactive {
        exec::single_host(&hosts)?;
    }
    let mut secrets = BTreeMap::new();
    for (host, role) in &placements {
        if !args.exec.reuse {
            let found = reading.role_secrets(&args.options.project, role, host)?;
            secrets.insert((*host, &role.name), found);
        }
    }
    let facts = reading.facts(hosts).await;
    let mut tasks = Vec::new();
    for (host, role) in placements {
        let Some(of_host) = facts.get(host) else {
            continue;
        };
        let placement = Placement {
            config: &config,
            host,
            role,
            facts: of_host,
        };
        let serving = match &args.version {
            Some(_) => None,
            None => reading.serving(host, role, &facts),
        };
        let secrets = secrets.remove(&(host, &role.name)).unwrap_or_default();
        match placement.task(&args, serving, &words, secrets)? {
            Ok(Some(task)) => tasks.push(task),
            Ok(None) => {}
            Err(problem) => reading.add(problem),
        }
    }
    exec::run(reading, tasks, &args.exec, &words).await
}

/// Returns where it runs: with --reuse in each selected role, else once on each host. An interactive one runs on the primary host, or
/// on the first of a role, unless hosts are named.
fn placements<'a>(
    args: &Args,
    config: &'a Config,
) -> Result<Vec<selection::Placement<'a>>, Failure> {
    let given = &args.options.hosts;
    let names_none = given.hosts.is_empty() && given.roles.is_empty();
    let options = HostOptions {
        primary: given.primary || (args.exec.interactive && names_none),
        ..given.clone()
    };
    let mut placements = selection::roles(&options, config)?;
    if !args.exec.reuse || args.exec.interactive {
        placements.dedup_by_key(|(host, _)| *host);
    }
    if args.exec.interactive && given.hosts.is_empty() {
        placements.truncate(1);
    }
    Ok(placements)
}

/// A role on a host that answered.
struct Placement<'a> {
    config: &'a Config,
    host: &'a HostName,
    role: &'a Role,
    facts: &'a HostFacts,
}

impl Placement<'_> {
    /// Returns the command; nothing if there is no container, which is noted already; or why it cannot run.
    fn task(
        &self,
        args: &Args,
        serving: Option<Serving<'_>>,
        words: &[String],
        secrets: Secrets,
    ) -> Result<Result<Option<Task>, Diagnostic>, Failure> {
        let (version, image) = match (&args.version, &serving) {
            (Some(named), _) => match self.image(named) {
                Ok(found) => found,
                Err(problem) => return Ok(Err(problem)),
            },
            (None, Some(serving)) if serving.standing == Standing::Stopped => {
                return Ok(Err(self.nothing_runs()));
            }
            (None, Some(serving)) => (serving.version.clone(), serving.container.image_id.clone()),
            (None, None) => return Ok(Ok(None)),
        };
        let container = match serving {
            Some(serving) if args.exec.reuse => Container::Running(serving.name.to_owned()),
            _ => self.new_container(args, &version, &image, words)?,
        };
        let inputs = Inputs {
            secrets,
            ..Inputs::default()
        };
        Ok(Ok(Some(Task {
            section: Section {
                inputs,
                ..Section::of_role(self.config, self.host, self.role)
            },
            title: format!("app exec {version}"),
            container,
        })))
    }

    fn new_container(
        &self,
        args: &Args,
        version: &str,
        image: &str,
        words: &[String],
    ) -> Result<Container, Failure> {
        let of = names::container(self.config, self.role, version);
        let name = exec::container_name(&of)?;
        let streams = match args.exec.interactive {
            true => Attached::available().streams(),
            false => Streams::Output,
        };
        let create = once::create(
            self.config,
            self.role,
            self.host,
            &Once {
                name: &name,
                image,
                words,
                streams,
                home: &self.facts.home,
            },
        );
        let mut prepare = vec![create];
        if self.facts.networks.contains(names::NETWORK) {
            prepare.push(once::connect(&name));
        }
        Ok(Container::New { name, prepare })
    }

    fn nothing_runs(&self) -> Diagnostic {
        let message = format!(
            "{}: no container of role {} runs",
            self.host, self.role.name
        );
        Diagnostic::error(message).help(format!(
            "`--version VERSION` runs the image of a version; {}",
            self.versions()
        ))
    }

    /// Returns the version that is named, also by its first digits as messages show it, and its image.
    fn image(&self, named: &str) -> Result<(String, String), Diagnostic> {
        let reference = image::reference(self.config, named);
        if self.facts.images.contains_key(&reference) {
            return Ok((named.to_owned(), reference));
        }
        let mut known = self.facts.images.keys().filter_map(|known| {
            let version = known.rsplit_once(':')?.1;
            let is_own = *known == image::reference(self.config, version);
            (is_own && text::shorten(version) == named).then(|| (version.to_owned(), known.clone()))
        });
        known.next().ok_or_else(|| self.no_image(named))
    }

    fn no_image(&self, version: &str) -> Diagnostic {
        let message = format!("{}: no image of version {version}", self.host);
        Diagnostic::error(message).help(self.versions())
    }

    /// Returns which versions the host has, the newest first.
    fn versions(&self) -> String {
        let mut images: Vec<_> = self.facts.images.iter().collect();
        images.sort_by_key(|(_, image)| std::cmp::Reverse(image.created_at));
        let tags = images
            .iter()
            .filter_map(|(reference, _)| reference.rsplit_once(':'));
        let tags: Vec<&str> = tags
            .map(|(_, tag)| tag)
            .filter(|tag| *tag != "latest")
            .collect();
        match tags.is_empty() {
            true => "the host has no image of the app".to_owned(),
            false => format!("on the host: {}", text::list_up_to(VERSIONS_SHOWN, &tags)),
        }
    }
}
