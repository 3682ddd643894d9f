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
    let node = parser.parse_expression()?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => parser.reject_token("the end of the expression", token.column),
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

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token { kind: Kind::Symbol(s), .. }) if *s == symbol);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        self.reject_token(&format!("{symbol:?}"), self.column())
    }

    fn reject_token<T>(&self, expected: &str, column: usize) -> Result<T> {
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

    fn parse_nested<T>(&mut self, what: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
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

    fn parse_expression(&mut self) -> Result<Node> {
        self.parse_nested(Self::parse_ternary)
    }

    fn parse_ternary(&mut self) -> Result<Node> {
        let condition = self.parse_binary(0)?;
        let column = self.column();
        if self.take_symbol("?:") {
            let other = self.parse_expression()?;
            return Ok(Node {
                column,
                what: What::Elvis(Box::new(condition), Box::new(other)),
            });
        }
        if self.take_symbol("?") {
            let yes = self.parse_expression()?;
            self.expect(":")?;
            let no = self.parse_expression()?;
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

    fn parse_binary(&mut self, least: u8) -> Result<Node> {
        let mut left = self.parse_unary()?;
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
            let right = self.parse_binary(binds + 1)?;
            left = Node {
                column: token.column,
                what: What::Binary(operator, Box::new(left), Box::new(right)),
            };
        }
        Ok(left)
    }

    fn parse_unary(&mut self) -> Result<Node> {
        let column = self.column();
        let not = matches!(self.peek().map(|t| &t.kind), Some(Kind::Name(n)) if n.eq_ignore_ascii_case("not"));
        if not {
            self.at += 1;
        }
        if not || self.take_symbol("!") {
            let operand = self.parse_nested(Self::parse_unary)?;
            return Ok(Node {
                column,
                what: What::Not(Box::new(operand)),
            });
        }
        if self.take_symbol("-") {
            let operand = self.parse_nested(Self::parse_unary)?;
            return Ok(Node {
                column,
                what: What::Negate(Box::new(operand)),
            });
        }
        self.parse_postfix()
    }

    fn parse_postfix(&mut self) -> Result<Node> {
        let mut node = self.parse_primary()?;
        let mut length = 0;
        loop {
            let column = self.column();
            let what = if self.take_symbol(".![") {
                What::Project(Box::new(node), Box::new(self.parse_expression()?))
            } else if self.take_symbol(".?[") {
                What::Select(
                    Box::new(node),
                    Which::All,
                    Box::new(self.parse_expression()?),
                )
            } else if self.take_symbol(".^[") {
                What::Select(
                    Box::new(node),
                    Which::First,
                    Box::new(self.parse_expression()?),
                )
            } else if self.take_symbol(".$[") {
                What::Select(
                    Box::new(node),
                    Which::Last,
                    Box::new(self.parse_expression()?),
                )
            } else if self.take_symbol("[") {
                What::Index(Box::new(node), Box::new(self.parse_expression()?))
            } else if self.take_symbol(".") {
                let name = self.take_name("a property after the dot")?;
                if self.take_symbol("(") {
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
                self.check_path_length(length, column)?;
                continue;
            } else {
                return Ok(node);
            };
            self.expect("]")?;
            node = Node { column, what };
            length += 1;
            self.check_path_length(length, column)?;
        }
    }

    /// Limits the length of a path such as `a.b.c`, which also makes a deep tree.
    fn check_path_length(&self, length: usize, column: usize) -> Result<()> {
        if length > DEEPEST {
            return wrong(
                column,
                format!("expected at most {DEEPEST} steps in one path"),
            );
        }
        Ok(())
    }

    fn take_name(&mut self, expected: &str) -> Result<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Name(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => self.reject_token(expected, self.column()),
        }
    }

    fn parse_primary(&mut self) -> Result<Node> {
        let column = self.column();
        let Some(token) = self.peek() else {
            return self.reject_token("an expression", column);
        };
        let what = match &token.kind {
            Kind::Symbol("(") => {
                self.at += 1;
                let inner = self.parse_expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Kind::Symbol("{") => {
                self.at += 1;
                self.parse_braces()?
            }
            Kind::Symbol(_) => return self.reject_token("an expression", column),
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
                self.parse_variable(name, column)?
            }
            Kind::Name(name) => {
                self.at += 1;
                match name.as_str() {
                    "null" => What::Null,
                    "true" => What::Bool(true),
                    "false" => What::Bool(false),
                    "new" => self.parse_array(column)?,
                    "T" if self.take_symbol("(") => {
                        return wrong(column, "the operator T() is disabled");
                    }
                    "instanceof" => return wrong(column, "instanceof is disabled"),
                    _ if self.take_symbol("(") => {
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

    fn parse_variable(&mut self, name: &str, column: usize) -> Result<What> {
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
        let function = self.take_name("a function of the library")?;
        self.expect("(")?;
        let arguments = self.parse_list(")")?;
        Ok(What::Call {
            library: name.to_owned(),
            function,
            arguments,
        })
    }

    fn parse_list(&mut self, close: &str) -> Result<Vec<Node>> {
        let mut items = Vec::new();
        if self.take_symbol(close) {
            return Ok(items);
        }
        loop {
            items.push(self.parse_expression()?);
            if self.take_symbol(close) {
                return Ok(items);
            }
            if !self.take_symbol(",") {
                return self.reject_token(&format!("\",\" or {close:?}"), self.column());
            }
        }
    }

    /// Parses a list or a map, after its opening brace.
    fn parse_braces(&mut self) -> Result<What> {
        if self.take_symbol("}") {
            return Ok(What::List(Vec::new()));
        }
        if self.take_symbol(":") {
            self.expect("}")?;
            return Ok(What::Map(Vec::new()));
        }
        let first = self.parse_expression()?;
        if !self.take_symbol(":") {
            let mut items = vec![first];
            if self.take_symbol(",") {
                items.extend(self.parse_list("}")?);
            } else {
                self.expect("}")?;
            }
            return Ok(What::List(items));
        }
        let mut members = vec![(first, self.parse_expression()?)];
        while !self.take_symbol("}") {
            self.expect(",")?;
            let key = self.parse_expression()?;
            self.expect(":")?;
            members.push((key, self.parse_expression()?));
        }
        Ok(What::Map(members))
    }

    /// Parses `new int[4]` or `new int[] {1,2}`, after `new`.
    fn parse_array(&mut self, column: usize) -> Result<What> {
        let kind = self.take_name("a primitive type after new")?;
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
        if self.take_symbol("]") {
            self.expect("{")?;
            return Ok(What::Array {
                float,
                items: self.parse_list("}")?,
            });
        }
        let length = self.parse_array_length(LARGEST_ARRAY)?;
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
        if !self.take_symbol("[") {
            let items = filled(length, &zero);
            return Ok(What::Array { float, items });
        }
        // An array of arrays, which has no literal form.
        let inner = self.parse_array_length(LARGEST_ARRAY / length.max(1))?;
        let row = What::Array {
            float,
            items: filled(inner, &zero),
        };
        Ok(What::List(filled(length, &row)))
    }

    /// Parses the length of an array and the bracket after it.
    fn parse_array_length(&mut self, most: i64) -> Result<i64> {
        let length = match self.peek().map(|token| &token.kind) {
            Some(Kind::Int(length)) if (0..=most).contains(length) => *length,
            _ => return self.reject_token(&format!("a length from 0 to {most}"), self.column()),
        };
        self.at += 1;
        self.expect("]")?;
        Ok(length)
    }
}
