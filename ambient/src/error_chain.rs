//! Formats an error and its causes as one line.

use std::error::Error;

/// Joins the text of an error and of its sources with `: `. Leaves out a source whose text is
/// already part of the line, because many libraries repeat the text of their source.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if line.is_empty() {
            line = text;
        } else if !line.contains(text.trim()) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl std::fmt::Display for Link {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|link| link as _)
        }
    }

    #[test]
    fn each_cause_is_said_once() {
        let os = || Some(Box::new(Link("address in use", None)));
        let repeated = Link(
            "cannot start",
            Some(Box::new(Link("cannot listen: address in use", os()))),
        );
        assert_eq!(
            error_chain(&repeated),
            "cannot start: cannot listen: address in use"
        );
        let plain = Link("cannot start", os());
        assert_eq!(error_chain(&plain), "cannot start: address in use");
    }
}
