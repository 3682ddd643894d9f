//! The tree of a parsed expression.

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub column: usize,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Root,
    This,
    /// A property of the current object.
    Name(String),
    List(Vec<Node>),
    /// The elements of a `float[]`, or of another primitive array.
    Array {
        float: bool,
        items: Vec<Node>,
    },
    Map(Vec<(Node, Node)>),
    Property(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Select(Box<Node>, Which, Box<Node>),
    Project(Box<Node>, Box<Node>),
    Call {
        library: String,
        function: String,
        arguments: Vec<Node>,
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Ternary(Box<Node>, Box<Node>, Box<Node>),
    Elvis(Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    First,
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Matches,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
