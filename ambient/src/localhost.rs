//! Recognizes the names of this machine.

/// True if a name is `localhost` or below it (RFC 6761 §6.3). Expects the name without a dot at
/// its end.
pub fn is_localhost(name: &str) -> bool {
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    last.eq_ignore_ascii_case("localhost")
}
