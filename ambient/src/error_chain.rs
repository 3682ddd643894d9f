//! Formats an error and its causes as one line.

use std::error::Error;
use std::io::ErrorKind;

/// Joins the text of an error and of its sources with `: `. Leaves out a source whose text is
/// already part of the line, because many libraries repeat the text of their source.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let exchange = error.downcast_ref::<reqwest::Error>();
        let text = exchange.map_or_else(|| error.to_string(), http_error_text);
        if line.is_empty() {
            line = text;
        } else if !line.contains(text.trim()) {
            line.push_str(": ");
            line.push_str(&text);
        }
        // The causes of a failed exchange are in its text.
        next = error.source().filter(|_| exchange.is_none());
    }
    line
}

/// Says why an HTTP exchange failed. The texts of `reqwest` and of the libraries below it repeat the
/// URL and each other; the last cause is the message of the operating system or of the TLS library.
pub fn http_error_text(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let (what, last) = http_error_cause(error);
    match crate::explain(&last) {
        _ if error.is_builder() => format!("the request cannot be made: {last}"),
        Some(known) => format!("{what}: {} ({last})", known.meaning),
        None => format!("{what}: {last}"),
    }
}

/// Returns at which point an HTTP exchange failed, and the last cause.
pub fn http_error_cause(error: &reqwest::Error) -> (&'static str, String) {
    let mut last: &dyn Error = error;
    while let Some(deeper) = last.source() {
        last = deeper;
    }
    let what = if error.is_connect() {
        "cannot connect"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the connection broke"
    };
    (what, last.to_string())
}

/// True if the server accepted the connection and closed it before it began its answer.
pub fn is_closed_without_answer(error: &reqwest::Error) -> bool {
    if error.is_connect() || error.is_timeout() || error.is_body() || error.is_decode() {
        return false;
    }
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        let http = cause.downcast_ref::<hyper::Error>();
        let io = cause.downcast_ref::<std::io::Error>();
        if http.is_some_and(hyper::Error::is_incomplete_message) || io.is_some_and(is_close) {
            return true;
        }
        next = cause.source();
    }
    false
}

fn is_close(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::UnexpectedEof
    )
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

    #[tokio::test]
    async fn a_refused_connection_is_said_in_few_words() {
        // Nothing listens at the port of a listener that was closed.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let error = reqwest::Client::new().get(url).send().await.unwrap_err();
        let line = error_chain(&error);
        assert!(line.starts_with("cannot connect: "), "{line}");
        assert!(!line.contains("error sending request"), "{line}");
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
