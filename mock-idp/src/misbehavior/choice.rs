//! Reads and writes a choice of faults in JSON: each entry is an id, or an object with `id`,
//! `times` and, for a transport fault, its settings.

use faults::Fault;
use serde_json::{Value, json};

use super::{Misbehavior, Times, is_ours};
use crate::refusal::Refused;
use crate::transport::{self, Transport};

/// The faults to choose for an application.
pub(crate) struct Choice {
    faults: Vec<(Fault, Times)>,
    transport: Vec<(Transport, Times)>,
}

/// Returns the faults of the catalogue that an identity provider can play.
pub(crate) fn all_faults() -> Result<Vec<Fault>, Refused> {
    let all = faults::catalogue().map_err(|error| Refused::Internal(error.to_string()))?;
    Ok(all.into_iter().filter(is_ours).collect())
}

/// Parses a choice of faults.
pub(crate) fn read(wanted: &[Value]) -> Result<Choice, Refused> {
    let known = all_faults()?;
    let mut faults = Vec::new();
    let mut of_transport = Vec::new();
    for entry in wanted {
        let id = entry.as_str().or_else(|| entry["id"].as_str());
        let times = match entry.get("times") {
            None => Times::default(),
            Some(times) => serde_json::from_value(times.clone()).map_err(|_| {
                Refused::invalid(
                    "times",
                    format!(
                        "expected always, once, {{\"every\": n}} or {{\"percent\": n}}, got {times}"
                    ),
                )
            })?,
        };
        if id.is_some_and(Transport::is_known) {
            let mut settings = entry.as_object().cloned().unwrap_or_default();
            settings.remove("times");
            settings.insert("id".into(), id.into());
            let fault: Transport = serde_json::from_value(settings.into())
                .map_err(|error| Refused::invalid("faults", error.to_string()))?;
            of_transport.push((fault, times));
            continue;
        }
        let fault = known.iter().find(|fault| Some(fault.id.as_str()) == id);
        let Some(fault) = fault else {
            let mut ids: Vec<&str> = known.iter().map(|fault| fault.id.as_str()).collect();
            ids.extend(transport::ALL.iter().map(|fault| fault.id));
            return Err(Refused::invalid(
                "faults",
                format!("expected one of the ids {}, got {entry}", ids.join(", ")),
            ));
        };
        faults.push((fault.clone(), times));
    }
    Ok(Choice {
        faults,
        transport: of_transport,
    })
}

impl Choice {
    /// Replaces the chosen faults of the application with this choice.
    pub(crate) fn takes_effect(self, misbehavior: &Misbehavior, env: &str, app: &str) {
        misbehavior.choose(env, app, self.faults);
        misbehavior.choose_transport(env, app, self.transport);
    }
}

/// Returns the chosen faults of an application as JSON.
pub(crate) fn faults_to_json(misbehavior: &Misbehavior, env: &str, app: &str) -> Vec<Value> {
    let chosen = misbehavior.chosen(env, app);
    let mut faults: Vec<Value> = chosen
        .iter()
        .map(|(fault, times)| json!({"id": fault.id, "times": times}))
        .collect();
    for (fault, times) in misbehavior.chosen_transport(env, app) {
        let mut chosen = json!(fault);
        chosen["times"] = json!(times);
        faults.push(chosen);
    }
    faults
}
