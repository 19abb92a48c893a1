//! `.dockerignore`: which files of a build context docker leaves out, by the rules of docker's own matcher.

use std::ops::RangeInclusive;

/// The rules of a `.dockerignore`, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
}

/// A line that docker refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLine {
    /// Its number, from 1.
    pub number: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// Which rules match a directory: they also match what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched(Vec<bool>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `!pattern`: what it matches is kept.
    keeps: bool,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// This path.
    Path(String),
    /// `**` and text without wildcards: every path that ends so.
    Suffix(String),
    /// What these parts match one after the other.
    Glob(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Character(char),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Some,
    /// `**` at the end: anything.
    Rest,
    /// `**/`: any number of directories.
    Directories,
    /// `[a-z]` or `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<RangeInclusive<char>>,
    },
}

impl Ignore {
    /// Reads the text of a `.dockerignore`.
    ///
    /// # Errors
    /// The first line that docker refuses.
    pub fn parse(text: &str) -> Result<Self, InvalidLine> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = match line.starts_with('#') {
                true => "",
                false => line.trim(),
            };
            if line.is_empty() {
                continue;
            }
            let invalid = |problem| InvalidLine { number, problem };
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                return Err(invalid("`!` without a pattern"));
            }
            let pattern = clean(pattern);
            let pattern = match pattern.strip_prefix('/') {
                Some(rest) if !rest.is_empty() => rest,
                _ => &pattern,
            };
            let pattern = Pattern::parse(pattern).map_err(invalid)?;
            rules.push(Rule { keeps, pattern });
        }
        Ok(Self { rules })
    }

    /// Returns whether docker leaves out the file at `path`, which is relative to the build context.
    pub fn excludes(&self, path: &str) -> bool {
        let mut matched = Matched::default();
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            matched = self.step(path.get(..end).unwrap_or(path), &matched).1;
        }
        self.step(path, &matched).0
    }

    /// Returns whether docker leaves out `path`, and what holds for the files in it, if it is a directory. `above` is that of
    /// the directory that it is in.
    pub fn step(&self, path: &str, above: &Matched) -> (bool, Matched) {
        let mut excluded = false;
        let matched = self.rules.iter().enumerate().map(|(index, rule)| {
            let inherited = above.0.get(index).copied().unwrap_or(false);
            // A rule that would change nothing is not asked, and then says nothing about what is below either.
            let matches = inherited || rule.keeps == excluded && rule.pattern.matches(path);
            if matches {
                excluded = !rule.keeps;
            }
            matches
        });
        let matched = Matched(matched.collect());
        (excluded, matched)
    }

    /// Returns whether a file can be kept although its directory is left out.
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.keeps)
    }
}

/// Returns the line of a `.dockerignore` that leaves out the file at `path` alone.
pub fn line(path: &str) -> String {
    let mut line = String::new();
    for (index, c) in path.chars().enumerate() {
        if "*?[]\\".contains(c) || index == 0 && "!#".contains(c) {
            line.push('\\');
        }
        line.push(c);
    }
    line
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let wild = |text: &str| text.contains(['*', '?', '[', ']', '\\']);
        if !wild(text) {
            return Ok(Self::Path(text.to_owned()));
        }
        let parts = parts(text)?;
        Ok(match text.strip_prefix("**") {
            Some(suffix) if !wild(suffix) => Self::Suffix(suffix.to_owned()),
            _ => Self::Glob(parts),
        })
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Path(whole) => path == whole,
            Self::Suffix(suffix) => {
                path.ends_with(suffix) || suffix.strip_prefix('/').is_some_and(|name| path == name)
            }
            Self::Glob(parts) => glob(parts, &path.chars().collect::<Vec<_>>()),
        }
    }
}

/// Cuts a pattern into its parts.
fn parts(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        parts.push(match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                match rest.peek() {
                    None => Part::Rest,
                    Some(_) => Part::Directories,
                }
            }
            '*' => Part::Some,
            '?' => Part::One,
            '\\' => Part::Character(rest.next().ok_or("a `\\` at the end")?),
            '[' => class(&mut rest)?,
            c => Part::Character(c),
        });
    }
    Ok(parts)
}

/// Reads a class after its `[`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Part, &'static str> {
    const INVALID: &str = "a character class that is not valid";
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
            return Ok(Part::Class { negated, ranges });
        }
        let mut bound = || match rest.next() {
            Some('\\') => rest.next().ok_or(INVALID),
            None | Some('-' | ']') => Err(INVALID),
            Some(c) => Ok(c),
        };
        let low = bound()?;
        let high = match rest.next_if_eq(&'-') {
            None => low,
            Some(_) => match rest.next() {
                Some('\\') => rest.next().ok_or(INVALID)?,
                None | Some('-' | ']') => return Err(INVALID),
                Some(c) => c,
            },
        };
        if low > high {
            return Err(INVALID);
        }
        ranges.push(low..=high);
    }
}

/// Returns whether `parts` match the whole `path`. It takes a time that grows with the product of both lengths.
fn glob(parts: &[Part], path: &[char]) -> bool {
    // For the parts from some on: whether they match the path from each character on.
    let mut after: Vec<bool> = (0..=path.len()).map(|at| at == path.len()).collect();
    for part in parts.iter().rev() {
        let mut now = vec![false; path.len() + 1];
        let mut below = false;
        for at in (0..=path.len()).rev() {
            let next = path.get(at).copied();
            let here = after[at];
            let behind = after.get(at + 1).copied().unwrap_or(false);
            let again = now.get(at + 1).copied().unwrap_or(false);
            let inner = next.is_some_and(|c| c != '/');
            below |= next == Some('/') && behind;
            now[at] = match part {
                Part::Character(c) => next == Some(*c) && behind,
                Part::One => inner && behind,
                Part::Some => here || inner && again,
                Part::Rest => here || again,
                Part::Directories => here || below,
                Part::Class { negated, ranges } => {
                    let has = |c| ranges.iter().any(|range| range.contains(&c));
                    next.is_some_and(|c| has(c) != *negated) && behind
                }
            };
        }
        after = now;
    }
    after.first().copied().unwrap_or(false)
}

/// Returns a path without `.`, `..` and doubled slashes.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => drop(kept.pop()),
            ".." if rooted => {}
            part => kept.push(part),
        }
    }
    let joined = kept.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
#[path = "ignore_tests.rs"]
mod tests;
