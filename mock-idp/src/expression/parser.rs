//! Parses tokens into a tree. What PingOne disables in SpEL is refused with an error that names
//! it.

use super::lexer::{Kind, Token};
use super::tree::{Node, Operator, What, Which};
use super::{Result, wrong};

const DEEPEST: usize = 48;
/// Maximum number of operators. A row of operators makes a deep tree, which recursion must be
/// able to walk.
const MOST_OPERATORS: usize = 200;
const LARGEST_ARRAY: i64 = 10_000;
const PRIMITIVES: [&str; 8] = [
    "byte", "short", "int", "long", "float", "double", "char", "boolean",
];
const LIBRARIES: [&str; 6] = ["string", "data", "datetime", "regex", "crypto", "core"];

pub(super) fn parse(tokens: &[Token], end: usize) -> Result<Node> {
    let mut parser = Parser {
        tokens,
        at: 0,
        end,
        depth: 0,
        operators: 0,
    };
    let node = parser.expression()?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => parser.unexpected("the end of the expression", token.column),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    end: usize,
    depth: usize,
    operators: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn column(&self) -> usize {
        self.peek().map_or(self.end, |token| token.column)
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token { kind: Kind::Symbol(s), .. }) if *s == symbol);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.symbol(symbol) {
            return Ok(());
        }
        self.unexpected(&format!("{symbol:?}"), self.column())
    }

    fn unexpected<T>(&self, expected: &str, column: usize) -> Result<T> {
        let got = match self.peek().map(|token| &token.kind) {
            None => "the end".to_owned(),
            Some(Kind::Symbol("=")) => {
                return wrong(
                    column,
                    "assignment is disabled: data can only be read; compare by ==",
                );
            }
            Some(Kind::Symbol("?.")) => {
                return wrong(
                    column,
                    "the operator ?. is disabled: a plain dot is null-safe already",
                );
            }
            Some(Kind::Symbol("++" | "--")) => {
                return wrong(column, "increments are disabled: data can only be read");
            }
            Some(Kind::Name(name)) if name == "instanceof" => {
                return wrong(column, "instanceof is disabled");
            }
            Some(Kind::Symbol(symbol)) => format!("{symbol:?}"),
            Some(Kind::Name(name)) => name.clone(),
            Some(Kind::Variable(name)) => format!("#{name}"),
            Some(Kind::Text(_)) => "text".to_owned(),
            Some(Kind::Int(_) | Kind::Double(_)) => "a number".to_owned(),
        };
        wrong(column, format!("expected {expected}, got {got}"))
    }

    fn deeper<T>(&mut self, what: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEEPEST {
            return wrong(
                self.column(),
                format!("expected at most {DEEPEST} nested levels"),
            );
        }
        self.depth += 1;
        let done = what(self);
        self.depth -= 1;
        done
    }

    fn expression(&mut self) -> Result<Node> {
        self.deeper(Self::ternary)
    }

    fn ternary(&mut self) -> Result<Node> {
        let condition = self.binary(0)?;
        let column = self.column();
        if self.symbol("?:") {
            let other = self.expression()?;
            return Ok(Node {
                column,
                what: What::Elvis(Box::new(condition), Box::new(other)),
            });
        }
        if self.symbol("?") {
            let yes = self.expression()?;
            self.expect(":")?;
            let no = self.expression()?;
            return Ok(Node {
                column,
                what: What::Ternary(Box::new(condition), Box::new(yes), Box::new(no)),
            });
        }
        Ok(condition)
    }

    /// Returns the next binary operator and its precedence; a greater number binds more
    /// tightly.
    fn operator(&self) -> Option<(Operator, u8)> {
        let name;
        let written = match &self.peek()?.kind {
            Kind::Symbol(symbol) => *symbol,
            Kind::Name(word) => {
                name = word.to_ascii_lowercase();
                name.as_str()
            }
            _ => return None,
        };
        Some(match written {
            "or" | "||" => (Operator::Or, 0),
            "and" | "&&" => (Operator::And, 1),
            "==" | "eq" => (Operator::Eq, 2),
            "!=" | "ne" => (Operator::Ne, 2),
            "<" | "lt" => (Operator::Lt, 2),
            "<=" | "le" => (Operator::Le, 2),
            ">" | "gt" => (Operator::Gt, 2),
            ">=" | "ge" => (Operator::Ge, 2),
            "matches" => (Operator::Matches, 2),
            "+" => (Operator::Add, 3),
            "-" => (Operator::Subtract, 3),
            "*" => (Operator::Multiply, 4),
            "/" | "div" => (Operator::Divide, 4),
            "%" | "mod" => (Operator::Remainder, 4),
            _ => return None,
        })
    }

    fn binary(&mut self, least: u8) -> Result<Node> {
        let mut left = self.unary()?;
        while let Some((operator, binds)) = self.operator()
            && binds >= least
        {
            let token = &self.tokens[self.at];
            if !token.space_before || !token.space_after {
                return wrong(
                    token.column,
                    "expected a space on both sides of the operator",
                );
            }
            self.at += 1;
            self.operators += 1;
            if self.operators > MOST_OPERATORS {
                return wrong(
                    token.column,
                    format!("expected at most {MOST_OPERATORS} operators"),
                );
            }
            let right = self.binary(binds + 1)?;
            left = Node {
                column: token.column,
                what: What::Binary(operator, Box::new(left), Box::new(right)),
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node> {
        let column = self.column();
        let not = matches!(self.peek().map(|t| &t.kind), Some(Kind::Name(n)) if n.eq_ignore_ascii_case("not"));
        if not {
            self.at += 1;
        }
        if not || self.symbol("!") {
            let operand = self.deeper(Self::unary)?;
            return Ok(Node {
                column,
                what: What::Not(Box::new(operand)),
            });
        }
        if self.symbol("-") {
            let operand = self.deeper(Self::unary)?;
            return Ok(Node {
                column,
                what: What::Negate(Box::new(operand)),
            });
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Result<Node> {
        let mut node = self.primary()?;
        let mut length = 0;
        loop {
            let column = self.column();
            let what = if self.symbol(".![") {
                What::Project(Box::new(node), Box::new(self.expression()?))
            } else if self.symbol(".?[") {
                What::Select(Box::new(node), Which::All, Box::new(self.expression()?))
            } else if self.symbol(".^[") {
                What::Select(Box::new(node), Which::First, Box::new(self.expression()?))
            } else if self.symbol(".$[") {
                What::Select(Box::new(node), Which::Last, Box::new(self.expression()?))
            } else if self.symbol("[") {
                What::Index(Box::new(node), Box::new(self.expression()?))
            } else if self.symbol(".") {
                let name = self.name("a property after the dot")?;
                if self.symbol("(") {
                    return wrong(
                        column,
                        format!(
                            "methods are disabled: {name}() cannot be called; use #string, #data, #regex …"
                        ),
                    );
                }
                node = Node {
                    column,
                    what: What::Property(Box::new(node), name),
                };
                length += 1;
                self.short(length, column)?;
                continue;
            } else {
                return Ok(node);
            };
            self.expect("]")?;
            node = Node { column, what };
            length += 1;
            self.short(length, column)?;
        }
    }

    /// Limits the length of a path such as `a.b.c`, which also makes a deep tree.
    fn short(&self, length: usize, column: usize) -> Result<()> {
        if length > DEEPEST {
            return wrong(
                column,
                format!("expected at most {DEEPEST} steps in one path"),
            );
        }
        Ok(())
    }

    fn name(&mut self, expected: &str) -> Result<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Name(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => self.unexpected(expected, self.column()),
        }
    }

    fn primary(&mut self) -> Result<Node> {
        let column = self.column();
        let Some(token) = self.peek() else {
            return self.unexpected("an expression", column);
        };
        let what = match &token.kind {
            Kind::Symbol("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Kind::Symbol("{") => {
                self.at += 1;
                self.braces()?
            }
            Kind::Symbol(_) => return self.unexpected("an expression", column),
            Kind::Text(text) => {
                self.at += 1;
                What::Text(text.clone())
            }
            Kind::Int(whole) => {
                self.at += 1;
                What::Int(*whole)
            }
            Kind::Double(double) => {
                self.at += 1;
                What::Double(*double)
            }
            Kind::Variable(name) => {
                self.at += 1;
                self.variable(name, column)?
            }
            Kind::Name(name) => {
                self.at += 1;
                match name.as_str() {
                    "null" => What::Null,
                    "true" => What::Bool(true),
                    "false" => What::Bool(false),
                    "new" => self.array(column)?,
                    "T" if self.symbol("(") => {
                        return wrong(column, "the operator T() is disabled");
                    }
                    "instanceof" => return wrong(column, "instanceof is disabled"),
                    _ if self.symbol("(") => {
                        return wrong(
                            column,
                            format!(
                                "methods are disabled: {name}() cannot be called; use #string, #data, #regex …"
                            ),
                        );
                    }
                    _ => What::Name(name.clone()),
                }
            }
        };
        Ok(Node { column, what })
    }

    fn variable(&mut self, name: &str, column: usize) -> Result<What> {
        match name {
            "root" => return Ok(What::Root),
            "this" => return Ok(What::This),
            _ => {}
        }
        if !LIBRARIES.contains(&name) {
            return wrong(
                column,
                format!(
                    "expected #root, #this, #{}, got #{name}",
                    LIBRARIES.join(", #")
                ),
            );
        }
        self.expect(".")?;
        let function = self.name("a function of the library")?;
        self.expect("(")?;
        let arguments = self.list(")")?;
        Ok(What::Call {
            library: name.to_owned(),
            function,
            arguments,
        })
    }

    fn list(&mut self, close: &str) -> Result<Vec<Node>> {
        let mut items = Vec::new();
        if self.symbol(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.symbol(close) {
                return Ok(items);
            }
            if !self.symbol(",") {
                return self.unexpected(&format!("\",\" or {close:?}"), self.column());
            }
        }
    }

    /// Parses a list or a map, after its opening brace.
    fn braces(&mut self) -> Result<What> {
        if self.symbol("}") {
            return Ok(What::List(Vec::new()));
        }
        if self.symbol(":") {
            self.expect("}")?;
            return Ok(What::Map(Vec::new()));
        }
        let first = self.expression()?;
        if !self.symbol(":") {
            let mut items = vec![first];
            if self.symbol(",") {
                items.extend(self.list("}")?);
            } else {
                self.expect("}")?;
            }
            return Ok(What::List(items));
        }
        let mut members = vec![(first, self.expression()?)];
        while !self.symbol("}") {
            self.expect(",")?;
            let key = self.expression()?;
            self.expect(":")?;
            members.push((key, self.expression()?));
        }
        Ok(What::Map(members))
    }

    /// Parses `new int[4]` or `new int[] {1,2}`, after `new`.
    fn array(&mut self, column: usize) -> Result<What> {
        let kind = self.name("a primitive type after new")?;
        if !PRIMITIVES.contains(&kind.as_str()) {
            return wrong(
                column,
                format!(
                    "new {kind} is disabled: only arrays of {} can be created",
                    PRIMITIVES.join(", ")
                ),
            );
        }
        let float = kind == "float";
        self.expect("[")?;
        if self.symbol("]") {
            self.expect("{")?;
            return Ok(What::Array {
                float,
                items: self.list("}")?,
            });
        }
        let length = self.length(LARGEST_ARRAY)?;
        let zero = match kind.as_str() {
            "boolean" => What::Bool(false),
            "char" => What::Text("\0".into()),
            "float" | "double" => What::Double(0.0),
            _ => What::Int(0),
        };
        let filled = |length: i64, what: &What| {
            let one = |_| Node {
                column,
                what: what.clone(),
            };
            (0..length).map(one).collect::<Vec<_>>()
        };
        if !self.symbol("[") {
            let items = filled(length, &zero);
            return Ok(What::Array { float, items });
        }
        // An array of arrays, which has no literal form.
        let inner = self.length(LARGEST_ARRAY / length.max(1))?;
        let row = What::Array {
            float,
            items: filled(inner, &zero),
        };
        Ok(What::List(filled(length, &row)))
    }

    /// Parses the length of an array and the bracket after it.
    fn length(&mut self, most: i64) -> Result<i64> {
        let length = match self.peek().map(|token| &token.kind) {
            Some(Kind::Int(length)) if (0..=most).contains(length) => *length,
            _ => return self.unexpected(&format!("a length from 0 to {most}"), self.column()),
        };
        self.at += 1;
        self.expect("]")?;
        Ok(length)
    }
}
