//! What the engine answers on its socket, by its HTTP API.

use serde::Deserialize;

use super::model::MAX_BYTES;

/// A network, of `GET /networks`.
#[derive(Deserialize)]
pub(super) struct Network {
    #[serde(rename = "Name")]
    pub name: String,
}

/// An image, of `GET /images/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Image {
    pub id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    /// In seconds since 1970; negative where it is not known.
    created: i64,
    /// Its bytes, with the layers that it shares with others; negative if they are not known.
    #[serde(default)]
    size: i64,
}

impl Image {
    /// Returns when it was made, in seconds since 1970; 0 if that is not known.
    pub fn created_at(&self) -> u64 {
        u64::try_from(self.created).unwrap_or(0)
    }

    /// Returns its bytes, with the layers that it shares with others; 0 if they are not known.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(0).min(MAX_BYTES)
    }

    /// Returns its tags with its registry digests in `repository`, each with each, as docker's client lists them: `<none>` where there is none.
    pub fn rows<'a>(&'a self, repository: &'a str) -> Vec<(&'a str, &'a str)> {
        let tags = of(repository, &self.repo_tags, ':');
        let digests = of(repository, &self.repo_digests, '@');
        if tags.is_empty() && digests.is_empty() {
            return Vec::new();
        }
        let or_none = |names: Vec<&'a str>| match names.is_empty() {
            true => vec!["<none>"],
            false => names,
        };
        let (tags, digests) = (or_none(tags), or_none(digests));
        let with_each = |tag: &'a str| digests.iter().map(move |digest| (tag, *digest));
        tags.into_iter().flat_map(with_each).collect()
    }
}

/// Returns what stands behind `repository` and `mark`.
fn of<'a>(repository: &str, names: &'a Option<Vec<String>>, mark: char) -> Vec<&'a str> {
    let names = names.iter().flatten();
    let parts = names.filter_map(|name| name.strip_prefix(repository)?.strip_prefix(mark));
    parts.collect()
}

/// Returns the value of `filters` that lists the images of `repository`; nothing if it cannot be a part of an address as it is.
pub(super) fn image_filter(repository: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    match !repository.is_empty() && repository.chars().all(is_plain) {
        true => format!("%7B%22reference%22%3A%5B%22{repository}%22%5D%7D"),
        false => String::new(),
    }
}
