//! Assets of an image on a host: a directory for each start of a role, with the files of its image, and with those that its containers
//! have in their place, which are also those of the versions beside it.

use super::container::{Create, prune};
use super::names::{LABEL_ASSETS, LABEL_EXTRACT, LABEL_SERVICE};
use crate::action::{Action, Merge, Run};
use crate::config::model::{Assets, Config};

/// The directory in which the directories of a service and destination are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store(String);

impl Store {
    /// Returns the one below what a host keeps of a service and destination.
    pub fn below(directory: &str) -> Self {
        Self(format!("{directory}/assets"))
    }

    /// Returns the directory of this name.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }

    /// Returns the files of the image.
    fn image(&self, name: &str) -> String {
        format!("{}/{name}/image", self.0)
    }

    /// Returns what containers have in the place of these.
    fn joined(&self, name: &str) -> String {
        format!("{}/{name}/joined", self.0)
    }

    /// Returns the command whose container has the assets of `name`, and only reads them.
    pub fn mount(&self, create: Create, assets: &Assets, name: &str) -> Create {
        let mut options = "ro".to_owned();
        if let Some(label) = &assets.selinux {
            options = format!("{options},{label}");
        }
        let volume = format!("{}:{}:{options}", self.joined(name), assets.path);
        create
            .with(["--label".to_owned(), format!("{LABEL_ASSETS}={name}")])
            .with(["--volume".to_owned(), volume])
    }

    /// Returns what puts the assets of `image` into the directory `name` and joins them with those of `others`. It is there as a whole
    /// or not at all, and what a run that was cut off has left goes first.
    pub fn extract(
        &self,
        config: &Config,
        assets: &Assets,
        (image, name): (&str, &str),
        others: &[&str],
    ) -> Vec<Action> {
        let part = format!("part-{name}");
        let container = format!("{name}-assets");
        let (files, joined) = (self.image(&part), self.joined(&part));
        let create = [
            "docker create --name",
            &container,
            "--pull never --label",
            &format!("service={}", config.service),
            "--label",
            &format!("{LABEL_SERVICE}={}", config.service),
            "--label",
            &format!("{LABEL_EXTRACT}={name}"),
            "--label traefik.enable=false",
            image,
            // It is never started, but an image may have no command.
            "true",
        ];
        let create = create.into_iter().flat_map(|words| words.split(' '));
        let from = format!("{container}:{}/.", assets.path);
        let runs = [
            self.clear(config, name),
            Run::literal(["rm", "-rf", &self.path(&part)]),
            Run::literal([
                "mkdir",
                "-p",
                &files,
                &joined,
                &format!("{}/with", self.path(&part)),
            ]),
            Run::literal(create),
            Run::literal(["docker", "cp", "--follow-link", &from, &files]),
            Run::literal(["docker", "rm", "--volumes", &container]),
            Run::literal(["chmod", "-R", "a+rX", &files]),
            Run::literal(["chmod", "0755", &joined]),
        ];
        let mut actions = Vec::from_iter(runs.map(Action::from));
        actions.push(self.merge((&part, &part)));
        for other in others {
            actions.extend(self.join(&part, other));
        }
        let place = Run::literal(["mv", &self.path(&part), &self.path(name)]);
        actions.push(place.into());
        actions
    }

    /// Returns the command that removes the container that the files of an image are copied from, if there is one.
    pub fn clear(&self, config: &Config, name: &str) -> Run {
        prune(&[
            format!("label=service={}", config.service),
            format!("label={LABEL_EXTRACT}={name}"),
        ])
    }

    /// Returns what joins the directories `at` and `other`: each gets the files of the other's image.
    pub fn join(&self, at: &str, other: &str) -> [Action; 3] {
        let with = format!("{}/with/{other}", self.path(at));
        [
            self.merge((other, at)),
            self.merge((at, other)),
            Run::literal(["mkdir", "-p", &with]).into(),
        ]
    }

    fn merge(&self, (from, into): (&str, &str)) -> Action {
        let merge = Merge {
            from: self.image(from),
            into: self.joined(into),
        };
        merge.into()
    }

    /// Returns the command that removes directories.
    pub fn remove(&self, names: &[String]) -> Run {
        let paths = names.iter().map(|name| self.path(name));
        Run::literal(["rm", "-rf"].map(str::to_owned).into_iter().chain(paths))
    }
}
