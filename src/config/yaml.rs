//! Reads YAML text into [`Node`]s. Aliases and merge keys are expanded on the way, within a bound.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Entry, Key, Kind, Mark, Node, Problem, size};

/// The largest number of nodes that a document may have after its aliases are expanded.
const MAX_NODES: usize = 200_000;

/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;

/// Reads `text` as one YAML document. `Ok(None)` is a document without content. `file` is what its
/// marks name.
///
/// # Errors
/// Every problem up to and including the first one that makes the rest unreadable.
pub(super) fn parse(text: &str, file: usize) -> Result<Option<Node>, Vec<Problem>> {
    // The parser takes blanks after the last line break for a line of a block that ends the file.
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
    /// What a complete one becomes.
    kind: FrameKind,
    /// The items of a list; the keys and values of a map in turn.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, PartialEq)]
enum FrameKind {
    Sequence,
    Mapping,
}

struct Builder<'t> {
    file: usize,
    lines: Vec<&'t str>,
    /// The characters of each line, without white space at its end.
    widths: Vec<usize>,
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
        let lines: Vec<&str> = text.lines().collect();
        let width = |line: &&str| line.trim_end().chars().count();
        Self {
            file,
            widths: lines.iter().map(width).collect(),
            lines,
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
                self.finish(node, anchor);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag, mark, "seq");
                self.open(anchor, mark, FrameKind::Sequence)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag, mark, "map");
                self.open(anchor, mark, FrameKind::Mapping)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn document(&mut self, mark: Mark) -> Result<(), Fatal> {
        self.documents += 1;
        if self.documents > 1 {
            let message = "more than one YAML document in the file";
            return self.fatal(mark, message, "remove the `---`");
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, mark: Mark, kind: FrameKind) -> Result<(), Fatal> {
        self.count(1, mark)?;
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return self.fatal(
                mark,
                message,
                "no key of the configuration is nested that deeply",
            );
        }
        self.stack.push(Frame {
            mark,
            anchor,
            kind,
            nodes: Vec::new(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fatal> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let (mark, anchor) = (frame.mark, frame.anchor);
        let kind = match frame.kind {
            FrameKind::Sequence => Kind::Sequence(frame.nodes),
            FrameKind::Mapping => Kind::Mapping(self.mapping(frame.nodes)?),
        };
        self.finish(Node { mark, kind }, anchor);
        Ok(())
    }

    /// Puts a complete node into its parent, and keeps a copy if it has an anchor. Reports a key
    /// that is not a string.
    fn finish(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        let is_key = frame.kind == FrameKind::Mapping && frame.nodes.len().is_multiple_of(2);
        let refused = is_key && !matches!(node.kind, Kind::Scalar { .. });
        let mark = node.mark;
        frame.nodes.push(node);
        if refused {
            let help = "write `key: value`; quote a key that is really named `null` or `~`";
            self.problem(mark, "keys must be strings", help);
        }
    }

    /// Makes entries of keys and values. Merges what `<<` names below the map's own keys, and
    /// refuses duplicate keys.
    fn mapping(&mut self, nodes: Vec<Node>) -> Result<Vec<Entry>, Fatal> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut own = Vec::with_capacity(nodes.len() / 2);
        let mut merged = Vec::new();
        let mut nodes = nodes.into_iter();
        while let (Some(key), Some(mut value)) = (nodes.next(), nodes.next()) {
            let mark = key.mark;
            let Kind::Scalar { text, plain } = key.kind else {
                continue;
            };
            if value.kind == Kind::Null {
                value.mark = mark;
            }
            if plain && text == "<<" {
                self.merge_source(mark, value, &mut merged);
            } else if let Some(line) = seen.get(&text) {
                let message = format!("duplicate key `{text}`: first on line {line}");
                self.problem(mark, message, "remove one of them");
            } else {
                seen.insert(text.clone(), mark.line);
                let key = Key { text, mark };
                own.push(Entry { key, value });
            }
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

    fn merge_source(&mut self, mark: Mark, value: Node, merged: &mut Vec<Entry>) {
        let sources = match value.kind {
            Kind::Sequence(items) => items,
            _ => vec![value],
        };
        for source in sources {
            match source.kind {
                Kind::Mapping(entries) => merged.extend(entries),
                _ => {
                    let help = "refer to the anchor of a map, as in `<<: *defaults`";
                    self.problem(mark, "`<<` can only merge a map", help);
                }
            }
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Fatal> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            let help = "an alias must not be inside the node that it refers to";
            return self.fatal(mark, "recursive alias", help);
        };
        let (mut node, size) = (node.clone(), *size);
        if !matches!(node.kind, Kind::Sequence(_) | Kind::Mapping(_)) {
            node.mark = mark;
        }
        self.count(size, mark)?;
        self.finish(node, 0);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Node {
        let plain = style == ScalarStyle::Plain;
        let is_text = tag.is_some_and(|tag| {
            let core = tag.is_yaml_core_schema();
            let not_text = core && ["int", "float", "bool", "null"].contains(&tag.suffix.as_str());
            let known = tag.handle.is_empty() && tag.suffix == "!" || core && tag.suffix == "str";
            if !known && !not_text {
                self.unknown_tag(tag, mark);
            }
            !not_text
        });
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

    /// Takes away the line break that the parser adds to a block without lines, and to one that
    /// ends with the file if that does not end with a line break.
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
        let message = format!("YAML tag `{tag}` is not supported");
        self.problem(mark, message, "remove the tag");
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let message =
                format!("the file has more than {MAX_NODES} nodes after its aliases are expanded");
            return self.fatal(mark, message, "use fewer aliases of large nodes");
        }
        Ok(())
    }

    fn scan_error(&mut self, error: &ScanError) {
        let mut mark = self.mark(Span::empty(*error.marker()));
        let line = self.lines.get(mark.line - 1).copied().unwrap_or("");
        let mut indent = line.chars().take_while(|c| c.is_whitespace());
        if let Some(position) = indent.position(|c| c == '\t') {
            (mark.column, mark.length) = (position + 1, 1);
            let help = "use spaces: YAML does not allow tabs here";
            self.problem(mark, "tab used for indentation", help);
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
        let width = self.widths.get(line - 1).copied().unwrap_or_default();
        let rest = width.saturating_sub(span.start.col());
        let length = span.end.index().saturating_sub(span.start.index());
        let length = length.clamp(1, rest.max(1));
        Mark {
            file: self.file,
            line,
            column,
            length,
        }
    }
}

/// Whether a line of a template is in a comment at the end of `before`; tags count for nothing.
pub(super) fn ends_in_comment(before: &str) -> bool {
    let mut rest = before;
    let mut quote = None;
    let mut previous = ' ';
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("<%") {
            rest = rest.split_once("%>").map_or("", |(_, rest)| rest);
            previous = 'x';
            continue;
        }
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' && previous.is_whitespace() => return true,
            None if matches!(c, '"' | '\'')
                && (previous.is_whitespace() || "[{,:".contains(previous)) =>
            {
                quote = Some(c);
            }
            None => {}
        }
        previous = c;
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    false
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
