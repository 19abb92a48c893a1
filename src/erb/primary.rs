//! Reads values, calls of methods, `if` and `raise`.

use super::methods;
use super::parse::{Parser, deepest};
use super::problem::{Problem, Result, Span, unsupported, wrong};
use super::syntax::{Arm, Call, Expression, Navigation, Node, Segment};
use super::token::{Token, Word};
use super::value::Value;

impl Parser {
    /// Reads a value and the methods that are called on it.
    pub(super) fn postfix(&mut self) -> Result<Node> {
        let start = self.here();
        let mut node = self.primary()?;
        loop {
            if self.adjacent("[") {
                let arguments = self.arguments("]", &start)?;
                node = self.call(node, "[]", arguments, Navigation::Plain, &start)?;
            } else if let Some(navigation) = self.dot() {
                node = self.method(node, navigation, &start)?;
            } else {
                return Ok(node);
            }
        }
    }

    /// Takes the `.` or `&.` of a call, which may be on the next line.
    fn dot(&mut self) -> Option<Navigation> {
        let is_break = |ahead: &usize| self.kind(*ahead) == Some(&Word::LineBreak);
        let ahead = (0..).take_while(is_break).count();
        let navigation = match self.kind(ahead) {
            Some(Word::Symbol(".")) => Navigation::Plain,
            Some(Word::Symbol("&.")) => Navigation::Safe,
            _ => return None,
        };
        for _ in 0..=ahead {
            self.next();
        }
        self.skip_lines();
        Some(navigation)
    }

    fn method(&mut self, receiver: Node, navigation: Navigation, start: &Span) -> Result<Node> {
        let Some(Word::Name(name)) = self.kind(0) else {
            return Err(self.refused());
        };
        let Some(method) = methods::known(name) else {
            return Err(unsupported(self.here(), format!("the method `{name}`")));
        };
        self.next();
        let arguments = self.call_arguments(start)?;
        self.call(receiver, method, arguments, navigation, start)
    }

    fn call(
        &self,
        receiver: Node,
        method: &'static str,
        arguments: Vec<Node>,
        navigation: Navigation,
        start: &Span,
    ) -> Result<Node> {
        if !methods::takes(method, arguments.len()) {
            let what = format!("`{method}` with {} arguments", arguments.len());
            return Err(unsupported(self.since(start), what));
        }
        let depth = deepest(&arguments).max(receiver.depth);
        let kind = Expression::Call(Call {
            receiver: Box::new(receiver),
            method,
            arguments,
            navigation,
        });
        self.above(depth, kind, self.since(start))
    }

    /// Reads the arguments of a call: in brackets, or a string after a blank.
    fn call_arguments(&mut self, start: &Span) -> Result<Vec<Node>> {
        if self.adjacent("(") {
            return self.arguments(")", start);
        }
        let mut arguments = Vec::new();
        if matches!(self.kind(0), Some(Word::Quoted(_))) {
            loop {
                arguments.push(self.expression()?);
                if !self.symbol(",") {
                    break;
                }
                self.skip_lines();
            }
        }
        Ok(arguments)
    }

    /// Reads values up to the bracket that closes them.
    fn arguments(&mut self, close: &str, opened: &Span) -> Result<Vec<Node>> {
        let mut arguments = Vec::new();
        loop {
            self.skip_lines();
            if self.symbol(close) {
                return Ok(arguments);
            }
            arguments.push(self.expression()?);
            self.skip_lines();
            if self.symbol(close) {
                return Ok(arguments);
            }
            if !self.symbol(",") {
                return Err(self.not_closed(close, opened));
            }
        }
    }

    /// Returns the error of a missing `close`.
    fn not_closed(&self, close: &str, opened: &Span) -> Problem {
        match self.kind(0) {
            None | Some(Word::End) => {
                let message = format!("missing `{close}`");
                wrong(opened.clone(), message, "close the bracket within the tag")
            }
            Some(_) => self.refused(),
        }
    }

    fn primary(&mut self) -> Result<Node> {
        let start = self.here();
        match self.kind(0) {
            Some(Word::Keyword("if")) => return self.if_statement(),
            Some(Word::Keyword("unless")) => return self.unless_statement(),
            Some(Word::Name(name)) if name == "raise" => return self.raise(),
            Some(Word::Name(name)) if !self.locals.contains(name) => return Err(self.refused()),
            Some(Word::Constant(name)) if name == "ENV" => return self.environment(),
            Some(Word::Constant(name)) if name == "File" => return self.file(),
            Some(Word::Quoted(_)) => return self.text(),
            Some(Word::Symbol("-")) => return self.negative(),
            Some(
                Word::Integer(_)
                | Word::Command(_)
                | Word::Words(_)
                | Word::Name(_)
                | Word::Keyword("nil" | "true" | "false")
                | Word::Symbol("(" | "["),
            ) => {}
            _ => return Err(self.refused()),
        }
        let Some(Token { kind, .. }) = self.next() else {
            return Err(self.refused());
        };
        let kind = match kind {
            Word::Integer(number) => Expression::Value(Value::Integer(number)),
            Word::Command(pieces) => Expression::Command(self.segments(pieces)?),
            Word::Words(words) => return self.word_list(words, &start),
            Word::Name(name) => Expression::Local(name),
            Word::Keyword(word @ ("true" | "false")) => {
                Expression::Value(Value::Boolean(word == "true"))
            }
            Word::Symbol("[") => Expression::List(self.arguments("]", &start)?),
            Word::Symbol("(") => Expression::Sequence(self.bracketed(&start, ")")?),
            _ => Expression::Value(Value::Nil),
        };
        let depth = match &kind {
            Expression::List(nodes) | Expression::Sequence(nodes) => deepest(nodes),
            Expression::Command(segments) => depth_of(segments),
            _ => 0,
        };
        self.above(depth, kind, self.since(&start))
    }

    fn word_list(&self, words: Vec<String>, start: &Span) -> Result<Node> {
        let span = self.since(start);
        let text = |word| Expression::Text(vec![Segment::Literal(word)]);
        let words: Result<Vec<Node>> = words
            .into_iter()
            .map(|word| self.above(0, text(word), span.clone()))
            .collect();
        self.above(1, Expression::List(words?), span.clone())
    }

    fn negative(&mut self) -> Result<Node> {
        let start = self.here();
        match self.kind(1) {
            Some(Word::Integer(number)) if self.second_is_adjacent() => {
                let kind = Expression::Value(Value::Integer(-number));
                self.next();
                self.next();
                self.above(0, kind, self.since(&start))
            }
            _ => Err(self.refused()),
        }
    }

    /// Reads a string, and those that follow it directly: they are one.
    fn text(&mut self) -> Result<Node> {
        let start = self.here();
        let mut segments = Vec::new();
        while matches!(self.kind(0), Some(Word::Quoted(_))) {
            if let Some(Word::Quoted(pieces)) = self.next().map(|word| word.kind) {
                segments.extend(self.segments(pieces)?);
            }
        }
        let depth = depth_of(&segments);
        self.above(depth, Expression::Text(segments), self.since(&start))
    }

    fn segments(&mut self, pieces: Vec<Segment<Token>>) -> Result<Vec<Segment<Node>>> {
        let segment = |piece| match piece {
            Segment::Literal(text) => Ok(Segment::Literal(text)),
            Segment::Code(words) => self.nested(words).map(Segment::Code),
        };
        pieces.into_iter().map(segment).collect()
    }

    /// Reads the statements within `(…)` or `{…}` after their opening.
    fn bracketed(&mut self, opened: &Span, close: &str) -> Result<Vec<Node>> {
        let statements = self.statements()?;
        match self.symbol(close) {
            true => Ok(statements),
            false => Err(self.not_closed(close, opened)),
        }
    }

    fn if_statement(&mut self) -> Result<Node> {
        let start = self.here();
        self.next();
        let mut arms = Vec::new();
        loop {
            let condition = self.condition()?;
            let body = self.statements()?;
            arms.push(Arm { condition, body });
            if !self.keyword("elsif") {
                return self.conditional(arms, start);
            }
        }
    }

    fn unless_statement(&mut self) -> Result<Node> {
        let start = self.here();
        self.next();
        let condition = self.condition()?;
        let condition = self.negated(condition)?;
        let body = self.statements()?;
        self.conditional(vec![Arm { condition, body }], start)
    }

    /// Reads the rest of a statement that has `arms`: an `else`, and the `end`.
    fn conditional(&mut self, arms: Vec<Arm>, start: Span) -> Result<Node> {
        let mut otherwise = Vec::new();
        if self.keyword("else") {
            otherwise = self.statements()?;
        }
        if !self.keyword("end") {
            return Err(match self.peek() {
                None => wrong(start, "missing `end`", "add `<% end %>`"),
                Some(word) => wrong(
                    word.span.clone(),
                    format!("unexpected {}", word.kind.shown()),
                    "after `if` come any `elsif`, then one `else`, then `end`",
                ),
            });
        }
        let within = arms
            .iter()
            .map(|arm| arm.condition.depth.max(deepest(&arm.body)));
        let depth = within.max().unwrap_or(0).max(deepest(&otherwise));
        self.above(depth, Expression::If(arms, otherwise), self.since(&start))
    }

    fn condition(&mut self) -> Result<Node> {
        let condition = self.low()?;
        let then = |word: &Word| word.ends_statement() || *word == Word::Keyword("then");
        if !self.kind(0).is_none_or(then) {
            return Err(self.refused());
        }
        self.skip_lines();
        self.keyword("then");
        Ok(condition)
    }

    /// Reads `raise`, with a string, a class of error, or both.
    fn raise(&mut self) -> Result<Node> {
        let start = self.here();
        self.next();
        let bracket = self.adjacent("(");
        let ends = |word: &Word| {
            word.ends_statement() || matches!(word, Word::Keyword(_) | Word::Symbol(")" | "}"))
        };
        let mut message = None;
        if let Some(Word::Constant(_)) = self.kind(0) {
            message = Some(self.error_class()?);
            if self.symbol(",") {
                self.skip_lines();
                message = Some(self.expression()?);
            }
        } else if !self.kind(0).is_none_or(ends) {
            message = Some(self.expression()?);
        }
        if bracket && !self.symbol(")") {
            return Err(self.not_closed(")", &start));
        }
        let depth = deepest(&message);
        let kind = Expression::Raise(message.map(Box::new));
        self.above(depth, kind, self.since(&start))
    }

    /// Reads the name of a class, which is also what such an error says when nothing else is given.
    fn error_class(&mut self) -> Result<Node> {
        let start = self.here();
        let mut name = String::new();
        loop {
            match self.next().map(|word| word.kind) {
                Some(Word::Constant(part)) if part != "ENV" => name.push_str(&part),
                _ => return Err(unsupported(self.since(&start), "this form of `raise`")),
            }
            if !self.symbol("::") {
                break;
            }
            name.push_str("::");
        }
        let kind = Expression::Text(vec![Segment::Literal(name)]);
        self.above(0, kind, self.since(&start))
    }

    /// Reads what is asked of a file.
    fn file(&mut self) -> Result<Node> {
        let start = self.here();
        self.next();
        let refused = |parser: &Self| unsupported(parser.since(&start), "this use of `File`");
        let asked = match (self.dot(), self.kind(0)) {
            (Some(Navigation::Plain), Some(Word::Name(name)))
                if matches!(name.as_str(), "read" | "exist?") =>
            {
                name.clone()
            }
            _ => return Err(refused(self)),
        };
        self.next();
        let mut arguments = self.call_arguments(&start)?.into_iter();
        let (Some(path), None) = (arguments.next(), arguments.next()) else {
            return Err(refused(self));
        };
        let depth = path.depth;
        let path = Box::new(path);
        let kind = match asked.as_str() {
            "read" => Expression::Read(path),
            _ => Expression::Exists(path),
        };
        self.above(depth, kind, self.since(&start))
    }

    /// Reads what is asked of the environment.
    fn environment(&mut self) -> Result<Node> {
        let start = self.here();
        self.next();
        let asked = if self.adjacent("[") {
            "[]".to_owned()
        } else {
            match (self.dot(), self.next().map(|word| word.kind)) {
                (Some(Navigation::Plain), Some(Word::Name(name))) => name,
                _ => return Err(unsupported(self.since(&start), "this use of `ENV`")),
            }
        };
        let mut arguments = match asked.as_str() {
            "[]" => self.arguments("]", &start)?,
            _ => self.call_arguments(&start)?,
        };
        if asked == "fetch" && arguments.len() == 1 && self.symbol("{") {
            let body = self.bracketed(&start, "}")?;
            let depth = deepest(&body);
            arguments.push(self.above(depth, Expression::Sequence(body), self.since(&start))?);
        }
        let depth = deepest(&arguments);
        let mut arguments = arguments.into_iter().map(Box::new);
        let mut next = || arguments.next();
        let kind = match (asked.as_str(), next(), next(), next()) {
            ("[]", Some(name), None, None) => Expression::Variable(name),
            ("fetch", Some(name), default, None) => Expression::Fetch(name, default),
            ("key?" | "has_key?" | "include?" | "member?", Some(name), None, None) => {
                Expression::IsSet(name)
            }
            _ => return Err(unsupported(self.since(&start), "this use of `ENV`")),
        };
        self.above(depth, kind, self.since(&start))
    }
}

fn depth_of(segments: &[Segment<Node>]) -> usize {
    let depths = segments.iter().map(|segment| match segment {
        Segment::Literal(_) => 0,
        Segment::Code(nodes) => deepest(nodes),
    });
    depths.max().unwrap_or(0)
}
