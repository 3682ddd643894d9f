//! Runs axe-core (npm) in the page; findings that it rates serious or critical fail the
//! test. `scripts/install.sh` installs it below `target/npm`, never in git.

use std::fmt::Write as _;

use anyhow::{bail, ensure};
use serde::Deserialize;
use std::sync::OnceLock;

use crate::Outcome;
use crate::page::Page;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/npm/node_modules/axe-core/axe.min.js"
);

/// Returns the source of axe-core, if it is installed.
fn source() -> Option<&'static str> {
    static SOURCE: OnceLock<Option<String>> = OnceLock::new();
    SOURCE
        .get_or_init(|| std::fs::read_to_string(SCRIPT).ok())
        .as_deref()
}

const RUN: &str = "
// On a phone the content is the same: run only the rules that depend on the layout.
const PHONE = ['target-size', 'scrollable-region-focusable', 'link-name', 'button-name', 'label'];
const [phone, done] = arguments;
const rules = phone && {runOnly: PHONE};
axe.run(document, {resultTypes: ['violations'], elementRef: false, ...rules}).then(result => done(result.violations.map(found => ({
  id: found.id, impact: found.impact || '', help: found.help,
  at: found.nodes.map(node => node.target.join(' ') + ': ' + node.failureSummary),
}))), error => done([{id: 'axe', impact: 'critical', help: String(error), at: []}]));
";

#[derive(Deserialize)]
struct Finding {
    id: String,
    impact: String,
    help: String,
    at: Vec<String>,
}

impl Page {
    /// Fails when axe-core finds something serious or critical on the page. On a phone,
    /// runs only the rules that depend on the layout.
    pub(crate) async fn is_accessible(&self, name: &str, phone: bool) -> Outcome {
        let Some(source) = source() else {
            let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
            ensure!(
                !is_ci,
                "axe-core not found at {SCRIPT}; install npm where CI is set"
            );
            println!("skipped: no axe-core");
            return Ok(());
        };
        // The script is half a megabyte: load it once for each page.
        let there = self
            .driver
            .execute("return !!window.axe", Vec::new())
            .await?;
        if !there.convert::<bool>()? {
            self.driver.execute(source, Vec::new()).await?;
        }
        let found = self.driver.execute_async(RUN, vec![phone.into()]).await?;
        let found: Vec<Finding> = found.convert()?;
        let mut bad = String::new();
        for finding in found {
            if matches!(finding.impact.as_str(), "serious" | "critical") {
                let _ = writeln!(bad, "{} ({}): {}", finding.id, finding.impact, finding.help);
                for at in finding.at {
                    let _ = writeln!(bad, "  {}", at.replace('\n', "\n  "));
                }
            }
        }
        if bad.is_empty() {
            return Ok(());
        }
        bail!("{name}: expected no serious accessibility finding, came\n{bad}")
    }
}
