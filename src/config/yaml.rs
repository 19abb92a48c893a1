//! Reads YAML text into [`Node`]s. Aliases and merge keys are expanded on the way, within a bound.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Entry, Key, Kind, Mark, Node, Problem, size};

/// The largest number of nodes that a document may have after its aliases are expanded.
const MAX_NODES: usize = 200_000;

/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;

/// Reads `text` as one YAML document. `Ok(None)` is a document without content. `file` is what its marks name.
///
/// # Errors
/// Every problem up to and including the first one that makes the rest unreadable.
pub(super) fn parse(text: &str, file: usize) -> Result<Option<Node>, Vec<Problem>> {
    // The parser takes blanks after the last line break for another line of a block that ends the file.
    let text = match text.trim_end_matches([' ', '\t']) {
        trimmed if trimmed.ends_with('\n') => trimmed,
        _ => text,
    };
    let mut builder = Builder::new(text, file);
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
    file: usize,
    lines: Vec<&'t str>,
    unterminated: bool,
    problems: Vec<Problem>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, file: usize) -> Self {
        Self {
            file,
            lines: text.lines().collect(),
            unterminated: !text.ends_with('\n'),
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
                let text = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => self.block(&text, span),
                    _ => &text,
                };
                let node = self.scalar(text, style, tag.as_deref(), mark);
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
                "more than one YAML document in the file",
                "remove the `---`",
            );
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), Fatal> {
        self.count(1, mark)?;
        if self.stack.len() >= MAX_DEPTH {
            return self.fatal(
                mark,
                format!("nested more than {MAX_DEPTH} levels deep"),
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
                    "keys must be strings",
                    "write `key: value`; quote a key that is really named `null` or `~`",
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
                let message = format!("duplicate key `{}`: first in line {line}", entry.key.text);
                self.problem(entry.key.mark, message, "remove one of them");
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
                    "refer to the anchor of a map, as in `<<: *defaults`",
                ),
            }
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Fatal> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return self.fatal(
                mark,
                "recursive alias",
                "an alias must not be inside the node that it refers to",
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

    /// Takes away the line break that the parser adds to a block without lines, and to one that ends with the file
    /// where the file does not end with a line break.
    fn block<'s>(&self, text: &'s str, span: Span) -> &'s str {
        let Some(shortened) = text.strip_suffix('\n') else {
            return text;
        };
        if text.trim_matches('\n').is_empty() {
            let header = self.lines[..span.start.line().min(self.lines.len())]
                .iter()
                .rev()
                .find_map(|line| line.rfind(['|', '>']).map(|start| &line[start..]));
            let keeps = header.is_some_and(|header| header.contains('+'));
            return if keeps { text } else { "" };
        }
        let last = self.lines.last().map_or("", |line| line.trim_start());
        let is_last = shortened
            .rsplit('\n')
            .next()
            .is_some_and(|line| line.ends_with(last));
        if self.unterminated && !last.is_empty() && is_last && span.end.line() >= self.lines.len() {
            shortened
        } else {
            text
        }
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
                format!("the file has more than {MAX_NODES} nodes after its aliases are expanded"),
                "use fewer aliases of large nodes",
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
                "tab used for indentation",
                "use spaces: YAML does not allow tabs here",
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
            file: self.file,
            line,
            column,
            length,
        }
    }
}

fn scan_help(info: &str) -> &'static str {
    if info.contains("unknown anchor") {
        "define the anchor with `&name` before using it with `*name`"
    } else if info.contains("quoted scalar") || info.contains("end of stream") {
        "close the quote; check this line and those above it"
    } else if info.contains("mapping values") {
        "quote a value that contains `: `, or check the indentation of this line and the one above it"
    } else if info.contains("start any token") {
        "quote a value that starts with `@`, a backtick or `%`"
    } else {
        "check the indentation, quotes and brackets of this line and those above it"
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
