//! The checks of a service provider: those of the documents in `fixtures`, and the rows of `beyond`.

use faults::Fault;

use super::{CheckError, beyond};
use crate::check::{Attacker, Check, Harm, Level};

/// Creates the check of a control.
pub(super) fn check_of_control(control: &Fault) -> Check {
    check_of(control, "accepted")
}

/// Creates the check of a fault. Where the specifications permit both answers, the check only
/// demands one.
pub(super) fn check_of_fault(fault: &Fault) -> Check {
    check_of(fault, if fault.is_open { "answered" } else { "refused" })
}

/// Creates the check of a document. `wish` says in the title what a correct service provider does.
fn check_of(fault: &Fault, wish: &str) -> Check {
    Check {
        id: fault.check.clone(),
        level: match fault.level {
            faults::Level::Must => Level::Must,
            faults::Level::Should => Level::Should,
            faults::Level::May => Level::May,
        },
        harm: match fault.harm {
            faults::Harm::IntrusionByAnybody => Harm::Intrusion(Attacker::Anybody),
            faults::Harm::IntrusionByAccount => Harm::Intrusion(Attacker::Account),
            faults::Harm::IntrusionByHolder => Harm::Intrusion(Attacker::Holder),
            faults::Harm::IntrusionByIssuer => Harm::Intrusion(Attacker::Issuer),
            faults::Harm::Protection => Harm::Protection,
            faults::Harm::Leniency => Harm::Leniency,
            faults::Harm::Function => Harm::Function,
        },
        title: format!("{} is {wish}: {}", fault.id, fault.about),
        spec: fault.spec.clone(),
        fix: fault.fix().to_owned(),
    }
}

/// Returns all checks of a service provider, in the order of the report.
///
/// # Errors
/// If the embedded catalogue cannot be read.
pub fn catalogue() -> Result<Vec<Check>, CheckError> {
    let controls = faults::controls().map_err(|error| CheckError::Catalogue(error.to_string()))?;
    let faults = faults::catalogue().map_err(|error| CheckError::Catalogue(error.to_string()))?;
    let of_controls = controls.iter().map(check_of_control);
    let of_faults = faults.iter().map(check_of_fault);
    let mut checks: Vec<Check> = of_controls
        .chain(of_faults)
        .chain(beyond::all_rows().map(beyond::Row::check))
        .collect();
    checks.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(checks)
}

/// Returns the checks that only profiles require. They run only with such a profile or with
/// `--only`.
pub fn profile_catalogue() -> Vec<Check> {
    beyond::demanded_rows().map(beyond::Row::check).collect()
}

/// True if the check is that of a control.
pub(super) fn is_control(check: &Check) -> bool {
    check.id.contains("-GOOD-")
}

/// Returns the sort key of a check: controls first, then by id.
pub(super) fn order(check: &Check) -> (bool, &str) {
    (!is_control(check), check.id.as_str())
}
