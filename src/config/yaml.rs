//! Reads YAML text into [`Node`]s. Aliases and merge keys are expanded on the way, within a bound.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Entry, Key, Kind, Mark, Node, Problem, size};

/// The largest number of nodes that a document may have after its aliases are expanded.
const MAX_NODES: usize = 200_000;

/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;

/// Reads `text` as one YAML document. `Ok(None)` is a document without content.
///
/// # Errors
/// Every problem up to and including the first one that makes the rest unreadable.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Vec<Problem>> {
    let mut builder = Builder::new(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                builder.scan_error(&error);
                Err(Fatal)
            }
        };
        if step.is_err() {
            return Err(builder.problems);
        }
    }
    if builder.problems.is_empty() {
        Ok(builder.root)
    } else {
        Err(builder.problems)
    }
}

/// The rest of the document cannot be read.
struct Fatal;

/// A list or map whose end has not been read.
struct Frame {
    mark: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        pending: Pending,
    },
}

/// What is known of the map entry that is being read.
enum Pending {
    /// Its key comes next.
    Nothing,
    /// Its value comes next.
    Key(Key),
    /// Its key was refused; its value is dropped.
    Refused,
}

struct Builder<'t> {
    lines: Vec<&'t str>,
    problems: Vec<Problem>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            lines: text.lines().collect(),
            problems: Vec::new(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fatal> {
        let mark = self.mark(span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.document(mark),
            Event::Alias(anchor) => self.alias(anchor, mark),
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, mark)?;
                let node = self.scalar(&text, style, tag.as_deref(), mark);
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag, mark, "seq");
                self.open(anchor, mark, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag, mark, "map");
                let content = Content::Mapping {
                    entries: Vec::new(),
                    pending: Pending::Nothing,
                };
                self.open(anchor, mark, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn document(&mut self, mark: Mark) -> Result<(), Fatal> {
        self.documents += 1;
        if self.documents > 1 {
            return self.fatal(
                mark,
                "a second YAML document begins here",
                "keep one document per file: remove the `---`",
            );
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), Fatal> {
        self.count(1, mark)?;
        if self.stack.len() >= MAX_DEPTH {
            return self.fatal(
                mark,
                format!("lists and maps are nested more than {MAX_DEPTH} deep"),
                "no key of the configuration is nested that deeply",
            );
        }
        self.stack.push(Frame {
            mark,
            anchor,
            content,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fatal> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let kind = match frame.content {
            Content::Sequence(items) => Kind::Sequence(items),
            Content::Mapping { entries, .. } => Kind::Mapping(self.mapping(entries)?),
        };
        let mark = frame.mark;
        self.finish(Node { mark, kind }, frame.anchor)
    }

    /// Puts a complete node into its parent, and keeps a copy where it has an anchor.
    fn finish(&mut self, mut node: Node, anchor: usize) -> Result<(), Fatal> {
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame {
                content: Content::Sequence(items),
                ..
            }) => items.push(node),
            Some(Frame {
                content: Content::Mapping { entries, pending },
                ..
            }) => match std::mem::replace(pending, Pending::Nothing) {
                Pending::Nothing => match self.key(node) {
                    Some(key) => self.pend(Pending::Key(key)),
                    None => self.pend(Pending::Refused),
                },
                Pending::Key(key) => {
                    if node.kind == Kind::Null {
                        node.mark = key.mark;
                    }
                    entries.push(Entry { key, value: node });
                }
                Pending::Refused => {}
            },
        }
        Ok(())
    }

    fn pend(&mut self, next: Pending) {
        if let Some(Frame {
            content: Content::Mapping { pending, .. },
            ..
        }) = self.stack.last_mut()
        {
            *pending = next;
        }
    }

    fn key(&mut self, node: Node) -> Option<Key> {
        match node.kind {
            Kind::Scalar { text, plain } => Some(Key {
                text,
                mark: node.mark,
                plain,
            }),
            Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => {
                self.problem(
                    node.mark,
                    "a key must be text",
                    "write `key: value`; a key that is really named `null` or `~` needs quotes",
                );
                None
            }
        }
    }

    /// Merges what `<<` names below the map's own keys, and refuses keys that stand twice.
    fn mapping(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Fatal> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut own = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        for entry in entries {
            if entry.key.plain && entry.key.text == "<<" {
                self.merge_source(entry, &mut merged);
                continue;
            }
            if let Some(line) = seen.get(&entry.key.text) {
                let message = format!(
                    "key `{}` stands twice: first in line {line}",
                    entry.key.text
                );
                self.problem(entry.key.mark, message, "remove one of the two");
                continue;
            }
            seen.insert(entry.key.text.clone(), entry.key.mark.line);
            own.push(entry);
        }
        for entry in merged {
            if !seen.contains_key(&entry.key.text) {
                self.count(size(&entry.value), entry.key.mark)?;
                seen.insert(entry.key.text.clone(), entry.key.mark.line);
                own.push(entry);
            }
        }
        Ok(own)
    }

    fn merge_source(&mut self, entry: Entry, merged: &mut Vec<Entry>) {
        let sources = match entry.value.kind {
            Kind::Sequence(items) => items,
            _ => vec![entry.value],
        };
        for source in sources {
            match source.kind {
                Kind::Mapping(entries) => merged.extend(entries),
                _ => self.problem(
                    entry.key.mark,
                    "`<<` can only merge a map",
                    "name an anchor of a map, as in `<<: *defaults`",
                ),
            }
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Fatal> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return self.fatal(
                mark,
                "an alias stands inside the node that it names",
                "an anchor can be used only after the node it marks has ended",
            );
        };
        let (mut node, size) = (node.clone(), *size);
        if !matches!(node.kind, Kind::Sequence(_) | Kind::Mapping(_)) {
            node.mark = mark;
        }
        self.count(size, mark)?;
        self.finish(node, 0)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Node {
        let plain = style == ScalarStyle::Plain;
        let is_text = match tag {
            None => false,
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => true,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(tag)
                if tag.is_yaml_core_schema()
                    && ["int", "float", "bool", "null"].contains(&tag.suffix.as_str()) =>
            {
                false
            }
            Some(tag) => {
                self.unknown_tag(tag, mark);
                true
            }
        };
        let null = plain && !is_text && matches!(text, "" | "~" | "null" | "Null" | "NULL");
        let kind = if null {
            Kind::Null
        } else {
            Kind::Scalar {
                text: text.to_owned(),
                plain: plain && !is_text,
            }
        };
        Node { mark, kind }
    }

    fn refuse_tag(&mut self, tag: Option<Cow<'_, Tag>>, mark: Mark, allowed: &str) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == allowed)
        {
            self.unknown_tag(&tag, mark);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, mark: Mark) {
        self.problem(
            mark,
            format!("YAML tag `{tag}` is not supported"),
            "remove the tag",
        );
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return self.fatal(
                mark,
                format!(
                    "the document has more than {MAX_NODES} nodes once its aliases are expanded"
                ),
                "use fewer aliases of large nodes, or a smaller file",
            );
        }
        Ok(())
    }

    fn scan_error(&mut self, error: &ScanError) {
        let at = *error.marker();
        let mark = self.mark(Span::empty(at));
        let line = self.lines.get(mark.line - 1).copied().unwrap_or("");
        let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        if let Some(position) = indent.chars().position(|c| c == '\t') {
            let mark = Mark {
                column: position + 1,
                length: 1,
                ..mark
            };
            self.problem(
                mark,
                "a tab is used for indentation",
                "YAML allows only spaces there: replace the tab",
            );
        } else {
            let message = format!("invalid YAML: {}", error.info());
            self.problem(mark, message, scan_help(error.info()));
        }
    }

    fn fatal(
        &mut self,
        mark: Mark,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<(), Fatal> {
        self.problem(mark, message, help);
        Err(Fatal)
    }

    fn problem(&mut self, mark: Mark, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem {
            mark,
            message: message.into(),
            help: help.into(),
        });
    }

    fn mark(&self, span: Span) -> Mark {
        let line = span.start.line().max(1);
        let column = span.start.col() + 1;
        let rest = self
            .lines
            .get(line - 1)
            .map_or(0, |text| text.trim_end().chars().count())
            .saturating_sub(span.start.col());
        let length = span
            .end
            .index()
            .saturating_sub(span.start.index())
            .clamp(1, rest.max(1));
        Mark {
            line,
            column,
            length,
        }
    }
}

fn scan_help(info: &str) -> &'static str {
    if info.contains("unknown anchor") {
        "define the anchor with `&name` before it is used with `*name`"
    } else if info.contains("quoted scalar") || info.contains("end of stream") {
        "close the quote; look at this line and those above it"
    } else if info.contains("mapping values") {
        "a value that contains `: ` needs quotes; otherwise look at the indentation of this line and the one above it"
    } else if info.contains("start any token") {
        "a value that begins with `@`, a backtick or `%` needs quotes"
    } else {
        "look at the indentation, quotes and brackets of this line and those above it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns every scalar with its position: `line:column+length text`.
    fn scalars(text: &str) -> Vec<String> {
        fn walk(node: &Node, found: &mut Vec<String>) {
            let at = |mark: Mark| format!("{}:{}+{}", mark.line, mark.column, mark.length);
            match &node.kind {
                Kind::Null => found.push(format!("{} null", at(node.mark))),
                Kind::Scalar { text, .. } => found.push(format!("{} {text}", at(node.mark))),
                Kind::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
                Kind::Mapping(entries) => {
                    for entry in entries {
                        found.push(format!("{} {}:", at(entry.key.mark), entry.key.text));
                        walk(&entry.value, found);
                    }
                }
            }
        }
        let mut found = Vec::new();
        let root = parse(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        walk(&root.unwrap(), &mut found);
        found
    }

    fn problems(text: &str) -> Vec<String> {
        let problems = parse(text).expect_err(text).into_iter();
        problems
            .map(|problem| {
                format!(
                    "{}:{} {}",
                    problem.mark.line, problem.mark.column, problem.message
                )
            })
            .collect()
    }

    #[test]
    fn scalars_keep_their_text_and_know_their_place() {
        let cases: &[(&str, &[&str])] = &[
            ("a: 3.10", &["1:1+1 a:", "1:4+4 3.10"]),
            ("é: ü # c", &["1:1+1 é:", "1:4+1 ü"]),
            ("a: \"b c\" ", &["1:1+1 a:", "1:4+5 b c"]),
            (
                "a:\r\n  - 'x'\r\n  - y\r\n",
                &["1:1+1 a:", "2:5+3 x", "3:5+1 y"],
            ),
            (
                "a:\nb: ~\n",
                &["1:1+1 a:", "1:1+1 null", "2:1+1 b:", "2:1+1 null"],
            ),
            ("a: |\n  x\n  y\n", &["1:1+1 a:", "2:3+1 x\ny\n"]),
            ("a: one\n  two\n", &["1:1+1 a:", "1:4+3 one two"]),
            (
                "{a: ! 12, b: !!str null}",
                &["1:2+1 a:", "1:7+2 12", "1:11+1 b:", "1:20+4 null"],
            ),
            ("- &x yes\n- *x", &["1:6+3 yes", "2:3+2 yes"]),
        ];
        for (text, expected) in cases {
            assert_eq!(scalars(text), *expected, "{text}");
        }
    }

    #[test]
    fn merge_keys_lie_below_own_keys_and_the_first_source_wins() {
        let merged =
            scalars("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n");
        let values: Vec<&str> = merged[merged.len() - 6..]
            .iter()
            .filter_map(|line| line.split_once(' '))
            .map(|(_, text)| text)
            .collect();
        assert_eq!(values, ["c:", "3", "a:", "1", "b:", "1"]);
        assert_eq!(scalars("'<<': 1"), ["1:1+4 <<:", "1:7+1 1"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (text, expected) in [
            (
                "a: 1\na: 2\n'a': 3",
                vec![
                    "2:1 key `a` stands twice: first in line 1",
                    "3:1 key `a` stands twice: first in line 1",
                ],
            ),
            (
                "a: !x 1\nb: !!binary 2",
                vec![
                    "1:7 YAML tag `!x` is not supported",
                    "2:13 YAML tag `tag:yaml.org,2002:!binary` is not supported",
                ],
            ),
            ("<<: 1", vec!["1:1 `<<` can only merge a map"]),
            (
                "a: &a {b: *a}",
                vec!["1:11 an alias stands inside the node that it names"],
            ),
            (
                "a: 1\n---\nb: 2",
                vec!["2:1 a second YAML document begins here"],
            ),
            ("a:\n\t- b", vec!["2:1 a tab is used for indentation"]),
        ] {
            assert_eq!(problems(text), expected, "{text}");
        }
    }
}
