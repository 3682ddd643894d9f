//! Checks that the identity provider still works after the trials.

use super::{Item, Ruled, breaks, holds, item, not_judged};
use crate::check::Harm;
use crate::check::Level::Should;
use crate::check::idp::reading::Case;
use crate::check::idp::recording::Ending;
use crate::check::idp::trials::VARIANTS;

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Outage;

pub(super) const CHECKS: &[Item] = &[item(
    HARM,
    ("SAML-IDP-DOS-01", Should, "saml-sec-consider §6.4.2"),
    "After every request of the run, ordinary sign-ons still work as before.",
    "after each request of the run, a sign-on that is answered about as fast as before",
    "Look into the log at the time of the named request. Limit the size and depth of what is parsed and the time that a request may take, and make sure that one failed request ends neither the process nor other requests.",
    judge_survival,
)];

fn judge_survival(case: &Case<'_>) -> Ruled {
    let harmed = || {
        let all = case.recording.trials.iter();
        all.filter_map(|(name, trial)| Some((name, trial, trial.harm.as_ref()?)))
    };
    if harmed().next().is_none() {
        let mut trials = case.recording.trials.values();
        return if trials.any(|it| matches!(it.ending, Ending::Answer(_))) {
            holds("they do")
        } else {
            not_judged("no user signed on in this run")
        };
    }
    let harms: Vec<String> = harmed()
        .map(|(name, _, harm)| {
            let variant = VARIANTS.iter().find(|it| it.name == name);
            let about = variant.map_or("a sign-on", |it| it.about);
            format!("denial of service by the request {name:?} ({about}): {harm}")
        })
        .collect();
    let mut ruled = breaks(harms.join("; "));
    for (name, trial, _) in harmed() {
        ruled = ruled.at(name);
        // Checks that had no answer because of this are consequences of it.
        if let Ending::NoAnswer { why } = &trial.ending {
            ruled = ruled.shows(why);
        }
    }
    ruled
}
