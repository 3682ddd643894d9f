//! Writes reports for GitHub and GitLab.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use rehearsal::check::CheckReport;
use serde_json::Value;

use super::outputs::Outputs;
use super::write;

/// Writes a report whose results refer to lines of the list of checks, and that list next
/// to it: `report.sarif` and `report.checks.txt`.
pub(crate) fn write_located(
    outputs: &mut Outputs,
    path: Option<&Path>,
    report: &CheckReport,
    form: fn(&CheckReport, &str) -> Value,
) {
    let Some(path) = path else { return };
    let list = path.with_extension("checks.txt");
    let here = std::env::current_dir().unwrap_or_default();
    let value = form(report, &relative(&list, &here));
    let written =
        write(&list, &report.check_list()).and_then(|()| write(path, &format!("{value:#}")));
    outputs.note(path, written);
}

/// Returns the path relative to `root`, as a URI reference; only the file name if the file
/// is not below `root`.
fn relative(path: &Path, root: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let inside = if inside.is_absolute() {
        inside.file_name().map_or(inside, Path::new)
    } else {
        inside
    };
    let parts = inside.components().filter_map(|it| match it {
        std::path::Component::Normal(part) => Some(part.to_string_lossy().replace(' ', "%20")),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// In a GitHub workflow, writes the job summary and an annotation for each of the first
/// findings. Annotations go to standard error, which the runner reads too, because standard
/// output may be JSON.
pub(crate) fn write_for_github(report: &CheckReport) -> anyhow::Result<()> {
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|it| !it.is_empty()) {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        file.write_all(report.step_summary().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|it| it == "true") {
        write!(ambient::terminal::err(), "{}", report.annotations())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_named_from_the_root_of_the_repository() {
        let root = Path::new("/repository");
        let of = |path: &str| relative(Path::new(path), root);
        assert_eq!(of("a.checks.txt"), "a.checks.txt");
        assert_eq!(of("./out/a b.checks.txt"), "out/a%20b.checks.txt");
        assert_eq!(of("/repository/out/a.checks.txt"), "out/a.checks.txt");
        assert_eq!(of("/tmp/a.checks.txt"), "a.checks.txt");
    }
}
