//! The log of a party, on standard error.

use tracing_subscriber::EnvFilter;

/// Format of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text for a person at a terminal.
    #[default]
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

/// Starts the log on standard error. `RUST_LOG` chooses which messages are logged; without it,
/// `default_filter` does (for example `"warn,sp=info"`). Colors are used on a terminal only,
/// and never if `NO_COLOR` is set.
///
/// A second call in the same process changes nothing.
pub fn init(format: LogFormat, default_filter: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    // Collectors of container logs would show escape sequences as text.
    let has_colors = crate::terminal::is_err_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_colors)
        .with_writer(crate::terminal::log);
    // `try_init` fails if a log exists already, as when tests or the harness start several
    // parties.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}
