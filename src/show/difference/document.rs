//! The document that `mrsk diff --format json` prints.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The version of the format.
pub const FORMAT_VERSION: &str = "1.0";

/// What differs between two plans. Pointers are JSON pointers (RFC 6901) into the old or the new plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Difference {
    /// `1.0`. A new field is a minor version.
    pub format_version: String,
    /// The digest of the old plan.
    pub old: String,
    /// The digest of the new plan.
    pub new: String,
    /// Whether nothing differs.
    pub equal: bool,
    /// What was asked for, the version, the image, the source, the secrets and the lock host, where they differ.
    pub settings: Vec<ValueDifference>,
    /// The hosts that differ.
    pub hosts: Vec<HostDifference>,
    /// The steps that differ: those of the old plan that are removed, then the others in the order of the new one.
    pub steps: Vec<StepDifference>,
    /// The texts of files that both plans write in the same place, where they differ.
    pub files: Vec<FileDifference>,
    /// The warnings of one of the plans alone.
    pub warnings: Vec<ValueDifference>,
    /// What needs nothing in one of the plans alone, or for another reason.
    pub unchanged: Vec<ValueDifference>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the new plan has it.
    Added,
    /// Only the old plan has it.
    Removed,
    /// Both plans have it, and not the same.
    Changed,
}

/// A step that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StepDifference {
    /// How.
    pub change: Change,
    /// Its pointer in the old plan; null if it is added.
    pub old: Option<String>,
    /// Its pointer in the new plan; null if it is removed.
    pub new: Option<String>,
    /// Where it runs; null: on the machine that applies the plan.
    pub host: Option<String>,
    /// What it does, of the new plan if it is in both.
    pub summary: String,
    /// Whether it is the same but for the version that each plan deploys.
    pub only_version: bool,
    /// What differs in it; empty if it is added or removed.
    pub values: Vec<ValueDifference>,
}

/// A host that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HostDifference {
    /// How.
    pub change: Change,
    /// Its name.
    pub host: String,
    /// What differs in it; empty if it is added or removed.
    pub values: Vec<ValueDifference>,
}

/// A value that differs: of a list, one element.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ValueDifference {
    /// The old plan's; null if it has none.
    pub old: Option<Place>,
    /// The new plan's; null if it has none.
    pub new: Option<Place>,
}

/// A value of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Place {
    /// Where it is in the plan.
    pub pointer: String,
    /// The value.
    pub value: Value,
}

/// Texts of a file that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FileDifference {
    /// The pointer of the old text.
    pub old: String,
    /// The pointer of the new text.
    pub new: String,
    /// The path on the host; of several hosts that of the first.
    pub path: String,
    /// The lines that differ, in the order of the file.
    pub lines: Vec<LineDifference>,
}

/// A line of a file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LineDifference {
    /// `added` or `removed`.
    pub change: Change,
    /// Its number in the text that has it, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
}

impl FileDifference {
    /// Returns the SHA-256 of the texts: the old one, and the new one.
    pub(super) fn digests(&self) -> (&str, &str) {
        let digest =
            |pointer: &'_ str| pointer.len() - pointer.rsplit('/').next().map_or(0, str::len);
        (
            &self.old[digest(&self.old)..],
            &self.new[digest(&self.new)..],
        )
    }
}
