//! Runs the statements of a template.

use std::collections::BTreeMap;

use super::meter::Meter;
use super::operand::Operation;
use super::output::{Evaluated, Origin};
use super::problem::{Result, Span, over_limit, wrong};
use super::syntax::{Call, Expression, Navigation, Node, Segment};
use super::value::Value;
use super::world::{Need, World};
use super::{methods, operators};
use crate::secret::{Secret, Secrets};

/// The longest text that a template may render to, in bytes.
const MAX_OUTPUT: usize = 8 << 20;

/// The state of a template that runs.
pub(super) struct Run<'w> {
    source: &'w str,
    world: &'w mut dyn World,
    meter: Meter,
    locals: BTreeMap<String, Value>,
    output: Evaluated,
    /// What the environment and commands gave: it is kept out of messages.
    known: Secrets,
}

impl<'w> Run<'w> {
    pub(super) fn new(source: &'w str, world: &'w mut dyn World) -> Self {
        Self {
            source,
            world,
            meter: Meter::new(),
            locals: BTreeMap::new(),
            output: Evaluated::of(source),
            known: Secrets::new(),
        }
    }

    /// Returns what was printed.
    pub(super) fn into_output(self) -> Evaluated {
        self.output
    }

    /// Returns what messages must not show.
    pub(super) fn known(&self) -> &Secrets {
        &self.known
    }

    /// Runs statements and returns the value of the last.
    pub(super) fn all(&mut self, nodes: &[Node]) -> Result<Value> {
        let mut last = Value::Nil;
        for node in nodes {
            last = self.value(node)?;
        }
        Ok(last)
    }

    fn value(&mut self, node: &Node) -> Result<Value> {
        let span = &node.span;
        self.meter.spend(1, span)?;
        Ok(match &node.kind {
            Expression::Print => {
                let source = self.source;
                let text = source.get(span.clone()).unwrap_or_default();
                self.print(text, Origin::Text(span.start), span)?
            }
            Expression::Output(body) => {
                let text = self.all(body)?.printed();
                self.print(&text, Origin::Expression(span.clone()), span)?
            }
            Expression::Value(value) => value.clone(),
            Expression::Text(segments) => Value::String(self.text(segments, span)?),
            Expression::Command(segments) => self.command(segments, span)?,
            Expression::List(items) => {
                let items: Result<Vec<Value>> = items.iter().map(|item| self.value(item)).collect();
                Value::list(items?, span)?
            }
            Expression::Local(name) => self.local(name, span)?,
            Expression::Assign(name, value) => {
                let value = self.value(value)?;
                self.meter.spend(value.cost(), span)?;
                self.locals.insert(name.clone(), value.clone());
                value
            }
            Expression::Not(value) => Value::Boolean(!self.value(value)?.is_true()),
            Expression::And(left, right) => match self.value(left)? {
                left if left.is_true() => self.value(right)?,
                left => left,
            },
            Expression::Or(left, right) => match self.value(left)? {
                left if left.is_true() => left,
                _ => self.value(right)?,
            },
            Expression::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                operators::apply(operator, left, right, &mut self.operation(span))?
            }
            Expression::If(arms, otherwise) => {
                for arm in arms {
                    if self.value(&arm.condition)?.is_true() {
                        return self.all(&arm.body);
                    }
                }
                self.all(otherwise)?
            }
            Expression::Sequence(body) => self.all(body)?,
            Expression::Variable(name) => {
                let (_, value) = self.variable(name)?;
                value.map_or(Value::Nil, Value::String)
            }
            Expression::Fetch(name, default) => self.fetch(name, default.as_deref(), span)?,
            Expression::IsSet(name) => Value::Boolean(self.variable(name)?.1.is_some()),
            Expression::Read(path) => self.read(path, span)?,
            Expression::Exists(path) => Value::Boolean(self.file(path)?.1.is_some()),
            Expression::Call(call) => self.call(call, span)?,
            Expression::Raise(message) => return self.raise(message.as_deref(), span),
        })
    }

    fn print(&mut self, text: &str, origin: Origin, span: &Span) -> Result<Value> {
        self.meter.spend(text.len(), span)?;
        if self.output.text.len() + text.len() > MAX_OUTPUT {
            let message = format!("the rendered template exceeds {MAX_OUTPUT} bytes");
            return Err(over_limit(span.clone(), message));
        }
        self.output.push(text, origin);
        Ok(Value::Nil)
    }

    fn text(&mut self, segments: &[Segment<Node>], span: &Span) -> Result<String> {
        let mut text = String::new();
        for segment in segments {
            let piece = match segment {
                Segment::Literal(literal) => literal.clone(),
                Segment::Code(body) => self.all(body)?.printed(),
            };
            self.meter.spend(piece.len() + 1, span)?;
            text.push_str(&piece);
        }
        Ok(text)
    }

    fn local(&mut self, name: &str, span: &Span) -> Result<Value> {
        let Some(value) = self.locals.get(name) else {
            return Ok(Value::Nil);
        };
        self.meter.spend(value.cost(), span)?;
        Ok(value.clone())
    }

    fn call(&mut self, call: &Call, span: &Span) -> Result<Value> {
        let receiver = self.value(&call.receiver)?;
        if call.navigation == Navigation::Safe && receiver == Value::Nil {
            return Ok(Value::Nil);
        }
        let arguments = call.arguments.iter().map(|argument| self.value(argument));
        let arguments = arguments.collect::<Result<Vec<Value>>>()?;
        let operation = &mut self.operation(span);
        methods::call(receiver, call.method, &arguments, operation)
    }

    fn operation<'o>(&'o mut self, span: &'o Span) -> Operation<'o> {
        let meter = &mut self.meter;
        Operation { span, meter }
    }

    /// Keeps a value out of messages.
    fn learn(&mut self, value: &str) {
        let number = self.known.len().to_string();
        self.known.insert(number, Secret::new(value));
    }

    /// Fails if the world refuses what the template needs.
    fn ask(&self, need: &Need<'_>, span: &Span) -> Result<()> {
        match self.world.refusal(need) {
            None => Ok(()),
            Some(refusal) => Err(wrong(span.clone(), refusal.message, refusal.help)),
        }
    }

    fn string(&mut self, node: &Node) -> Result<String> {
        match self.value(node)? {
            Value::String(text) => Ok(text),
            other => Err(self
                .operation(&node.span)
                .wrong_argument(&other, "a string")),
        }
    }

    /// Returns the path of a file, and its text if it is there.
    fn file(&mut self, path: &Node) -> Result<(String, Option<String>)> {
        let shown = self.string(path)?;
        self.ask(&Need::File(&shown), &path.span)?;
        let text = self.world.file(&shown).map_err(|failure| {
            let message = format!("cannot read `{shown}`: {}", failure.how);
            wrong(path.span.clone(), message, failure.said)
        })?;
        if let Some(text) = &text {
            self.meter.spend(text.len(), &path.span)?;
            self.learn(text.trim());
        }
        Ok((shown, text))
    }

    fn read(&mut self, path: &Node, span: &Span) -> Result<Value> {
        match self.file(path)? {
            (_, Some(text)) => Ok(Value::String(text)),
            (path, None) => {
                let message = format!("no such file or directory: `{path}`");
                let help =
                    "create it, or remove the tag; paths are relative to the current directory";
                Err(wrong(span.clone(), message, help))
            }
        }
    }

    /// Returns the name of a variable of the environment, and its value.
    fn variable(&mut self, name: &Node) -> Result<(String, Option<String>)> {
        let text = self.string(name)?;
        self.ask(&Need::Variable(&text), &name.span)?;
        let value = self.world.variable(&text);
        if let Some(value) = &value {
            self.meter.spend(value.len(), &name.span)?;
            self.learn(value);
        }
        Ok((text, value))
    }

    fn fetch(&mut self, name: &Node, default: Option<&Node>, span: &Span) -> Result<Value> {
        match (self.variable(name)?, default) {
            ((_, Some(value)), _) => Ok(Value::String(value)),
            ((_, None), Some(default)) => self.value(default),
            ((name, None), None) => {
                let message = format!("the environment variable `{name}` is not set");
                let help = "set it, or add a default: `ENV.fetch(\"NAME\", \"…\")`";
                Err(wrong(span.clone(), message, help))
            }
        }
    }

    fn command(&mut self, segments: &[Segment<Node>], span: &Span) -> Result<Value> {
        self.ask(&Need::Command, span)?;
        let command = self.text(segments, span)?;
        self.output.ran(span.clone());
        match self.world.command(&command) {
            Ok(printed) => {
                self.meter.spend(printed.len(), span)?;
                self.learn(printed.trim());
                Ok(Value::String(printed))
            }
            Err(failure) => {
                let message = match program(segments) {
                    Some(program) => format!("`{program}` {}", failure.how),
                    None => format!("the command {}", failure.how),
                };
                let todo = "run the command by itself; add `|| true` to it to ignore a failure";
                let help = match failure.said.trim() {
                    "" => todo.to_owned(),
                    said => format!("standard error: {said}\n{todo}"),
                };
                Err(wrong(span.clone(), message, help))
            }
        }
    }

    fn raise(&mut self, message: Option<&Node>, span: &Span) -> Result<Value> {
        let message = match message {
            Some(message) => self.value(message)?.printed(),
            None => String::new(),
        };
        let message = match message.as_str() {
            "" => "the template raised an error".to_owned(),
            said => format!("the template raised an error: {said}"),
        };
        let help = "`raise` in the template says so; check the condition around it";
        Err(wrong(span.clone(), message, help))
    }
}

/// Returns the program that a command begins with, if the template names it literally. Nothing else of a command is shown.
fn program(segments: &[Segment<Node>]) -> Option<&str> {
    let Some(Segment::Literal(literal)) = segments.first() else {
        return None;
    };
    let literal = literal.trim_start();
    let ends = segments.len() == 1 || literal.contains(char::is_whitespace);
    let program = literal.split_whitespace().next().filter(|_| ends)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    program.chars().all(is_name).then_some(program)
}
