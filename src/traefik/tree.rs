//! The document under construction.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

/// A part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A value, as the label has it.
    Text(String),
    /// A number.
    Number(u64),
    /// Named parts.
    Map(BTreeMap<String, Node>),
    /// Numbered parts; holes are closed.
    List(BTreeMap<usize, Node>),
}

/// One element of a path through the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A name.
    Key(String),
    /// A place in a list.
    Index(usize),
}

impl Node {
    /// Returns a map without parts.
    pub(super) fn map() -> Self {
        Node::Map(BTreeMap::new())
    }

    /// Returns a value.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Node::Text(text.into())
    }

    /// Returns a list of `nodes`.
    pub(super) fn list(nodes: impl IntoIterator<Item = Node>) -> Self {
        Node::List(nodes.into_iter().enumerate().collect())
    }

    /// Puts `node` at the path of names `keys`; a part that is in the way is replaced.
    pub(super) fn put(&mut self, keys: &[&str], node: Node) {
        let path = keys.iter().map(|key| Segment::Key((*key).to_owned()));
        self.set(&Vec::from_iter(path), node);
    }

    /// Puts `node` at `path`; a part that is in the way is replaced.
    pub(super) fn set(&mut self, path: &[Segment], node: Node) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        match (first, &*self) {
            (Segment::Key(_), Node::Map(_)) | (Segment::Index(_), Node::List(_)) => {}
            (Segment::Key(_), _) => *self = Node::map(),
            (Segment::Index(_), _) => *self = Node::list([]),
        }
        let child = match (first, self) {
            (Segment::Key(key), Node::Map(map)) => map.entry(key.clone()).or_insert_with(Node::map),
            (Segment::Index(at), Node::List(list)) => list.entry(*at).or_insert_with(Node::map),
            _ => return,
        };
        child.set(rest, node);
    }

    /// Returns the part at the path of names `keys`.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| match node {
            Node::Map(map) => map.get(*key),
            _ => None,
        })
    }

    /// Returns the value at the path of names `keys`.
    pub(super) fn get_text(&self, keys: &[&str]) -> Option<&str> {
        match self.get(keys) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns a value or a number as text.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Node::Text(text) => Some(text.clone()),
            Node::Number(number) => Some(number.to_string()),
            Node::Map(_) | Node::List(_) => None,
        }
    }

    /// Returns the values of a list.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let nodes = match self {
            Node::List(list) => Some(list.values()),
            _ => None,
        };
        nodes.into_iter().flatten().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Takes the part named `key` out of a map.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        match self {
            Node::Map(map) => map.remove(key),
            _ => None,
        }
    }

    /// Returns a document that was read. Traefik reads values from text as well.
    pub(super) fn from_yaml(value: &Value) -> Self {
        match value {
            Value::Mapping(map) => {
                let entries = map.iter();
                let entries = entries.filter_map(|(key, value)| Some((key.as_str()?, value)));
                let entries = entries.map(|(key, value)| (key.to_owned(), Self::from_yaml(value)));
                Node::Map(entries.collect())
            }
            Value::Sequence(list) => Node::list(list.iter().map(Self::from_yaml)),
            Value::String(text) => Node::text(text),
            Value::Bool(yes) => Node::text(yes.to_string()),
            Value::Number(number) => Node::text(number.to_string()),
            Value::Tagged(tagged) => Self::from_yaml(&tagged.value),
            Value::Null => Node::text(""),
        }
    }

    /// Returns the document for the printer.
    pub(super) fn into_yaml(self) -> Value {
        match self {
            Node::Text(text) => Value::String(text),
            Node::Number(number) => Value::Number(number.into()),
            Node::Map(map) => {
                let entries = map.into_iter();
                let entries = entries.map(|(key, node)| (Value::String(key), node.into_yaml()));
                Value::Mapping(entries.collect::<Mapping>())
            }
            Node::List(list) => Value::Sequence(list.into_values().map(Node::into_yaml).collect()),
        }
    }
}
