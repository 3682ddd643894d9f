//! Standard output and standard error without control characters.
//!
//! What a checked server answers is quoted in reports, progress and errors. Printed as it is, it
//! could clear the screen, hide a finding, change the title of the window, or make the terminal
//! type (OSC and CSI sequences, ECMA-48). Every command writes through [`out`], [`out_json`] and
//! [`err`]; `clippy.toml` refuses the functions of the standard library.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

/// Returns the text with `U+FFFD` in place of each control character, except line breaks and tabs, and
/// of each invisible character that misleads. A line break of two characters becomes one.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let safe = |sign: char| match is_unsafe(sign) {
        true => char::REPLACEMENT_CHARACTER,
        false => sign,
    };
    Cow::Owned(text.chars().map(safe).collect())
}

fn is_unsafe(sign: char) -> bool {
    sign.is_control() && !matches!(sign, '\n' | '\t') || misleads(sign)
}

/// True for characters that nobody sees and that change what is seen: they turn the direction of the
/// text around (Unicode annex 9), or make two names look alike.
fn misleads(sign: char) -> bool {
    matches!(
        sign,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Returns standard output for text.
pub fn out() -> Terminal<io::Stdout> {
    Terminal::new(standard_out(), Form::Text)
}

/// Returns standard output for JSON: control characters are escaped, so that the values stay the
/// same.
pub fn out_json() -> Terminal<io::Stdout> {
    Terminal::new(standard_out(), Form::Json)
}

/// Returns standard output without a filter: for a report that is [`printable`] except for its colors,
/// and for a file that the user named `/dev/stdout`.
#[allow(clippy::disallowed_methods)] // the only way to print a color
pub fn out_colored() -> io::Stdout {
    io::stdout()
}

/// Returns standard error.
#[allow(clippy::disallowed_methods)] // filtered here
pub fn err() -> Terminal<io::Stderr> {
    Terminal::new(io::stderr(), Form::Text)
}

/// Returns standard error without a filter: for the log, because `tracing-subscriber` escapes the
/// control characters of its values and writes colors, and for a file that is named `/dev/stderr`.
#[allow(clippy::disallowed_methods)] // escaped by the caller
pub(crate) fn log() -> io::Stderr {
    io::stderr()
}

/// True if terminals show colors: everywhere but on a console of Windows that cannot be told to.
pub fn has_colors() -> bool {
    crate::platform::terminals_have_colors()
}

/// True if standard output is a terminal.
pub fn is_out_terminal() -> bool {
    standard_out().is_terminal()
}

/// True if standard error is a terminal.
pub fn is_err_terminal() -> bool {
    log().is_terminal()
}

#[allow(clippy::disallowed_methods)] // filtered by the callers
fn standard_out() -> io::Stdout {
    io::stdout()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// Writes text without its control characters. Each call must get whole characters, as `write!` and
/// `serde_json` give them.
#[derive(Debug)]
pub struct Terminal<W> {
    inner: W,
    form: Form,
}

impl<W: Write> Terminal<W> {
    fn new(inner: W, form: Form) -> Self {
        Self { inner, form }
    }

    /// Writes text in the color of an SGR code, such as `31`.
    ///
    /// # Errors
    ///
    /// The stream is closed.
    pub fn write_colored(&mut self, code: u8, text: &str) -> io::Result<()> {
        let text = printable(text);
        write!(self.inner, "\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = match self.form {
            Form::Text => printable(&text),
            Form::Json => escaped(&text),
        };
        self.inner.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Escapes the control characters that JSON allows in a string (RFC 8259 §7): U+007F to U+009F.
fn escaped(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for sign in json.chars() {
        match is_unsafe(sign) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(sign))),
            false => out.push(sign),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_turn_the_text_around_are_shown() {
        let name = "ann\u{202e}moc.live\u{2066}\u{200b}@example.com";
        assert_eq!(
            printable(name),
            "ann\u{fffd}moc.live\u{fffd}\u{fffd}@example.com"
        );
        assert_eq!(escaped("\"a\u{202e}b\""), "\"a\\u202eb\"");
        assert_eq!(
            printable("Zoë نام\u{200c}ها 👩\u{200d}🚀"),
            "Zoë نام\u{200c}ها 👩\u{200d}🚀"
        );
    }

    fn written(form: Form, text: &str) -> String {
        let mut terminal = Terminal::new(Vec::new(), form);
        write!(terminal, "{text}").unwrap();
        String::from_utf8(terminal.inner).unwrap()
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let hostile = "a\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{8}\r\nb\tc\rd\u{7f}";
        let safe = "a\u{fffd}[2J\u{fffd}]0;title\u{fffd}\u{fffd}31m\u{fffd}\nb\tc\u{fffd}d\u{fffd}";
        assert_eq!(written(Form::Text, hostile), safe);
        assert_eq!(written(Form::Text, "Jörg — ✓\n"), "Jörg — ✓\n");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({ "a": "\u{1b}[2J\u{9b}31m\u{7f}ö" });
        let text = written(Form::Json, &value.to_string());
        assert!(!text.chars().any(is_unsafe), "{text:?}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, value);
    }
}
