//! From words to statements.

use std::collections::BTreeSet;

use super::problem::{Problem, Result, Span, over_limit, unsupported, wrong};
use super::syntax::{Arm, Expression, Node};
use super::token::{Token, Word};

/// How deep brackets and statements may be nested.
const MAX_LEVEL: usize = 50;

/// How many levels an expression may have; `a + b + c` has two.
const MAX_DEPTH: usize = 250;

/// Returns the statements of a template.
///
/// # Errors
/// The first problem.
pub(super) fn parse(words: Vec<Token>) -> Result<Vec<Node>> {
    let mut parser = Parser {
        words,
        at: 0,
        level: 0,
        locals: BTreeSet::new(),
        last: 0..0,
    };
    parser.whole()
}

/// Reads words.
pub(super) struct Parser {
    words: Vec<Token>,
    at: usize,
    level: usize,
    /// The variables that an earlier statement assigns, whether or not it runs.
    pub(super) locals: BTreeSet<String>,
    /// The last word that was taken.
    last: Span,
}

impl Parser {
    /// Reads all words as statements.
    fn whole(&mut self) -> Result<Vec<Node>> {
        let statements = self.statements()?;
        match self.peek() {
            None => Ok(statements),
            Some(word) => Err(wrong(
                word.span.clone(),
                format!("unexpected {}", word.kind.shown()),
                "remove it, or open what it closes",
            )),
        }
    }

    /// Reads other words, such as those of a `#{…}`, as statements.
    pub(super) fn nested(&mut self, words: Vec<Token>) -> Result<Vec<Node>> {
        let words = std::mem::replace(&mut self.words, words);
        let at = std::mem::replace(&mut self.at, 0);
        let statements = self.whole();
        self.words = words;
        self.at = at;
        statements
    }

    /// Returns the next word.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.words.get(self.at)
    }

    /// Returns the kind of the word that is `ahead` words further on.
    pub(super) fn kind(&self, ahead: usize) -> Option<&Word> {
        self.words.get(self.at + ahead).map(|word| &word.kind)
    }

    /// Takes the next word.
    pub(super) fn next(&mut self) -> Option<Token> {
        let word = self.words.get_mut(self.at)?;
        let kind = std::mem::replace(&mut word.kind, Word::End);
        self.at += 1;
        self.last = word.span.clone();
        Some(Token {
            kind,
            span: word.span.clone(),
            spaced: word.spaced,
        })
    }

    /// Takes `symbol` if it comes next.
    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.kind(0), Some(Word::Symbol(next)) if *next == symbol);
        found && self.next().is_some()
    }

    /// Takes a bracket if it comes next without a blank before it.
    pub(super) fn adjacent(&mut self, symbol: &str) -> bool {
        self.peek().is_some_and(|word| !word.spaced) && self.symbol(symbol)
    }

    /// Returns whether there is no blank between the next two words.
    pub(super) fn second_is_adjacent(&self) -> bool {
        self.words.get(self.at + 1).is_some_and(|word| !word.spaced)
    }

    /// Takes `keyword` if it comes next.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.kind(0), Some(Word::Keyword(next)) if *next == keyword);
        found && self.next().is_some()
    }

    /// Takes line breaks.
    pub(super) fn skip_lines(&mut self) {
        while self.kind(0) == Some(&Word::LineBreak) {
            self.next();
        }
    }

    /// Returns what stretches from `start` to the last word that was taken.
    pub(super) fn since(&self, start: &Span) -> Span {
        start.start..self.last.end.max(start.end)
    }

    /// Returns the place of the next word.
    pub(super) fn here(&self) -> Span {
        match self.peek() {
            Some(word) => word.span.clone(),
            None => self.last.end..self.last.end,
        }
    }

    /// Returns the refusal of the next word.
    pub(super) fn refused(&self) -> Problem {
        match self.peek().filter(|word| !word.kind.ends_statement()) {
            Some(word) => unsupported(word.span.clone(), word.kind.shown()),
            None => {
                let help = "finish it within the tag";
                wrong(self.here(), "incomplete expression", help)
            }
        }
    }

    /// Returns a node above others, the deepest of which has `depth` levels.
    pub(super) fn above(&self, depth: usize, kind: Expression, span: Span) -> Result<Node> {
        if depth >= MAX_DEPTH {
            return Err(over_limit(span, "the expression is too long"));
        }
        Ok(Node {
            kind,
            span,
            depth: depth + 1,
        })
    }

    /// Reads statements up to what ends them.
    pub(super) fn statements(&mut self) -> Result<Vec<Node>> {
        let mut statements = Vec::new();
        while !self.closes() {
            let start = self.here();
            match self.kind(0) {
                Some(Word::End | Word::LineBreak) => drop(self.next()),
                Some(Word::Text) => {
                    self.next();
                    statements.push(self.above(0, Expression::Print, start)?);
                }
                Some(Word::Output(_)) => {
                    let Some(Word::Output(words)) = self.next().map(|word| word.kind) else {
                        continue;
                    };
                    let body = self.nested(words)?;
                    statements.push(self.above(deepest(&body), Expression::Output(body), start)?);
                }
                _ => {
                    statements.push(self.statement()?);
                    let ends = self.kind(0).is_none_or(|word| {
                        word.ends_statement() || matches!(word, Word::Text | Word::Output(_))
                    });
                    if !ends && !self.closes() {
                        return Err(self.refused());
                    }
                }
            }
        }
        Ok(statements)
    }

    /// Whether the next word closes statements.
    fn closes(&self) -> bool {
        matches!(
            self.kind(0),
            None | Some(Word::Keyword("end" | "else" | "elsif") | Word::Symbol(")" | "}"))
        )
    }

    /// Reads a statement with the `if` or `unless` behind it.
    fn statement(&mut self) -> Result<Node> {
        let start = self.here();
        let mut statement = self.low()?;
        loop {
            let condition = if self.keyword("if") {
                self.low()?
            } else if self.keyword("unless") {
                let condition = self.low()?;
                self.negated(condition)?
            } else {
                return Ok(statement);
            };
            let depth = condition.depth.max(statement.depth);
            let arm = Arm {
                condition,
                body: vec![statement],
            };
            let kind = Expression::If(vec![arm], Vec::new());
            statement = self.above(depth, kind, self.since(&start))?;
        }
    }

    pub(super) fn negated(&self, node: Node) -> Result<Node> {
        let (depth, span) = (node.depth, node.span.clone());
        self.above(depth, Expression::Not(Box::new(node)), span)
    }

    /// Negates `node` so many times; two times more or less give the same value.
    fn negated_times(&self, times: usize, mut node: Node) -> Result<Node> {
        for _ in 0..times.min(2 + times % 2) {
            node = self.negated(node)?;
        }
        Ok(node)
    }

    /// Reads an expression with `and` and `or`, which bind equally.
    pub(super) fn low(&mut self) -> Result<Node> {
        let start = self.here();
        let mut left = self.low_operand()?;
        loop {
            let kind = if self.keyword("and") {
                Expression::And
            } else if self.keyword("or") {
                Expression::Or
            } else {
                return Ok(left);
            };
            self.skip_lines();
            let right = self.low_operand()?;
            left = self.joined(kind, left, right, &start)?;
        }
    }

    /// Returns the node that `kind` makes of two others.
    fn joined(
        &self,
        kind: impl FnOnce(Box<Node>, Box<Node>) -> Expression,
        left: Node,
        right: Node,
        start: &Span,
    ) -> Result<Node> {
        let depth = left.depth.max(right.depth);
        let kind = kind(Box::new(left), Box::new(right));
        self.above(depth, kind, self.since(start))
    }

    fn low_operand(&mut self) -> Result<Node> {
        let negations = std::iter::from_fn(|| self.keyword("not").then_some(())).count();
        let node = self.expression()?;
        self.negated_times(negations, node)
    }

    /// Reads an expression, assignments included.
    pub(super) fn expression(&mut self) -> Result<Node> {
        if self.level == MAX_LEVEL {
            return Err(over_limit(self.here(), "the code is nested too deeply"));
        }
        self.level += 1;
        let node = match (self.kind(0), self.kind(1)) {
            (Some(Word::Name(name)), Some(Word::Symbol("=" | "+=" | "-=" | "||=" | "&&=")))
                if !name.ends_with(['?', '!']) =>
            {
                self.assignment()
            }
            _ => self.ternary(),
        };
        self.level -= 1;
        node
    }

    fn assignment(&mut self) -> Result<Node> {
        let start = self.here();
        let mut next = || self.next().map(|word| word.kind);
        let (Some(Word::Name(name)), Some(Word::Symbol(operator))) = (next(), next()) else {
            return Err(self.refused());
        };
        self.skip_lines();
        self.locals.insert(name.clone());
        let right = self.expression()?;
        let assigned = |parser: &Self, value: Node| {
            let depth = value.depth;
            let kind = Expression::Assign(name.clone(), Box::new(value));
            parser.above(depth, kind, parser.since(&start))
        };
        let old = self.above(0, Expression::Local(name.clone()), start.clone())?;
        let right = match operator {
            "||=" => return self.joined(Expression::Or, old, assigned(self, right)?, &start),
            "&&=" => return self.joined(Expression::And, old, assigned(self, right)?, &start),
            "+=" => self.binary_of("+", old, right, &start)?,
            "-=" => self.binary_of("-", old, right, &start)?,
            _ => right,
        };
        assigned(self, right)
    }

    fn ternary(&mut self) -> Result<Node> {
        let start = self.here();
        let condition = self.binary(0)?;
        if !self.symbol("?") {
            return Ok(condition);
        }
        self.skip_lines();
        let yes = self.expression()?;
        self.skip_lines();
        if !self.symbol(":") {
            return Err(self.refused());
        }
        self.skip_lines();
        let no = self.expression()?;
        let depth = deepest([&condition, &yes, &no]);
        let arm = Arm {
            condition,
            body: vec![yes],
        };
        let kind = Expression::If(vec![arm], vec![no]);
        self.above(depth, kind, self.since(&start))
    }

    /// Reads operators that bind at least as tightly as those of `level`.
    fn binary(&mut self, level: usize) -> Result<Node> {
        let Some(operators) = OPERATORS.get(level) else {
            return self.unary();
        };
        let start = self.here();
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.symbol(operator)) {
            self.skip_lines();
            let right = self.binary(level + 1)?;
            left = self.binary_of(operator, left, right, &start)?;
            if *operators == EQUALITY {
                break;
            }
        }
        Ok(left)
    }

    fn binary_of(
        &self,
        operator: &'static str,
        left: Node,
        right: Node,
        start: &Span,
    ) -> Result<Node> {
        let kind = |left, right| match operator {
            "&&" => Expression::And(left, right),
            "||" => Expression::Or(left, right),
            _ => Expression::Binary(operator, left, right),
        };
        self.joined(kind, left, right, start)
    }

    fn unary(&mut self) -> Result<Node> {
        let negations = std::iter::from_fn(|| self.symbol("!").then_some(())).count();
        let node = self.postfix()?;
        self.negated_times(negations, node)
    }
}

const EQUALITY: &[&str] = &["==", "!="];

/// The operators, those that bind least first. Equality has no side: `a == b == c` is wrong in Ruby.
const OPERATORS: [&[&str]; 5] = [
    &["||"],
    &["&&"],
    EQUALITY,
    &["<", ">", "<=", ">="],
    &["+", "-"],
];

/// Returns how many levels the deepest of `nodes` has.
pub(super) fn deepest<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> usize {
    nodes.into_iter().map(|node| node.depth).max().unwrap_or(0)
}
