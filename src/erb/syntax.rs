//! What a template says: statements and expressions.

use super::problem::Span;
use super::value::Value;

/// A statement or an expression: in Ruby each is both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Expression,
    pub(super) span: Span,
    /// How many levels there are below it.
    pub(super) depth: usize,
}

/// What a node says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// Print the template's text at the node's span.
    Print,
    /// Print the value of the last of these.
    Output(Vec<Node>),
    /// A value that the template has as it is.
    Value(Value),
    /// A text, put together.
    Text(Vec<Segment<Node>>),
    /// What a command prints.
    Command(Vec<Segment<Node>>),
    List(Vec<Node>),
    /// The value of a local variable.
    Local(String),
    Assign(String, Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    /// The first arm whose condition holds, else the last statements.
    If(Vec<Arm>, Vec<Node>),
    /// The value of the last of these.
    Sequence(Vec<Node>),
    /// `ENV["X"]`
    Variable(Box<Node>),
    /// `ENV.fetch("X")`, with its default.
    Fetch(Box<Node>, Option<Box<Node>>),
    /// `ENV.key?("X")`
    IsSet(Box<Node>),
    /// `File.read("x")`
    Read(Box<Node>),
    /// `File.exist?("x")`
    Exists(Box<Node>),
    /// A method of a value.
    Call(Call),
    /// `raise "text"`; the class of the error has no meaning here.
    Raise(Option<Box<Node>>),
}

/// A condition and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arm {
    pub(super) condition: Node,
    pub(super) body: Vec<Node>,
}

/// The call of a method.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) receiver: Box<Node>,
    /// Its name, `[]` for an index.
    pub(super) method: &'static str,
    pub(super) arguments: Vec<Node>,
    pub(super) navigation: Navigation,
}

/// How a method is called on nil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Navigation {
    /// `.`: as on any value.
    Plain,
    /// `&.`: not at all; nil stays nil.
    Safe,
}

/// A segment of a string in double quotes or backticks.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Segment<T> {
    /// As it is.
    Literal(String),
    /// `#{…}`
    Code(Vec<T>),
}
