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

/// Reads how often a fault is applied.
fn read_times(times: Option<&Value>) -> Result<Times, Refused> {
    let Some(times) = times else {
        return Ok(Times::default());
    };
    match serde_json::from_value(times.clone()) {
        Ok(Times::Every(0)) => Err(Refused::invalid(
            "times",
            "expected every to be a whole number of 1 or more, got 0",
        )),
        Ok(Times::Percent(101..)) => Err(Refused::invalid(
            "times",
            format!("expected percent to be a whole number from 0 to 100, got {times}"),
        )),
        Ok(read) => Ok(read),
        Err(_) => Err(Refused::invalid(
            "times",
            format!("expected always, once, {{\"every\": n}} or {{\"percent\": n}}, got {times}"),
        )),
    }
}

/// Returns the error for a fault that does not exist. There are too many ids to list them.
fn unknown(id: Option<&str>, entry: &Value, known: &[Fault]) -> Refused {
    let list = "GET /control/faults lists the ids";
    let Some(id) = id else {
        let message = format!("expected an id, or an object with id, got {entry}; {list}");
        return Refused::invalid("faults", message);
    };
    let ids = known.iter().map(|fault| fault.id.as_str());
    let ids = ids.chain(transport::ALL.iter().map(|fault| fault.id));
    let nearest = ids
        .min_by_key(|known| distance(known, id))
        .unwrap_or_default();
    let hint = match distance(nearest, id) * 2 <= id.chars().count() {
        true => format!("; the nearest id is {nearest}"),
        false => String::new(),
    };
    Refused::invalid("faults", format!("fault {id:?} not found{hint}; {list}"))
}

/// Returns the number of letters to insert, remove or replace between two words (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (place, wanted) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != wanted);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Parses a choice of faults.
pub(crate) fn read(wanted: &[Value]) -> Result<Choice, Refused> {
    let known = all_faults()?;
    let mut faults = Vec::new();
    let mut of_transport = Vec::new();
    for entry in wanted {
        let id = entry.as_str().or_else(|| entry["id"].as_str());
        let times = read_times(entry.get("times"))?;
        if id.is_some_and(Transport::is_known) {
            let mut settings = entry.as_object().cloned().unwrap_or_default();
            settings.remove("times");
            settings.insert("id".into(), id.into());
            let fault: Transport = serde_json::from_value(settings.into())
                .map_err(|error| Refused::invalid("faults", error.to_string()))?;
            if let Transport::ErrorStatus { status } = fault
                && !(200..=599).contains(&status)
            {
                return Err(Refused::out_of_range("status", 200, 599, &status.into()));
            }
            of_transport.push((fault, times));
            continue;
        }
        let fault = known.iter().find(|fault| Some(fault.id.as_str()) == id);
        let Some(fault) = fault else {
            return Err(unknown(id, entry, &known));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(wanted: Value) -> String {
        match read(&[wanted]) {
            Ok(_) => String::new(),
            Err(refused) => refused.to_string(),
        }
    }

    #[test]
    fn an_unknown_fault_is_answered_with_the_nearest_id() {
        let said = refusal(json!("expird"));
        assert_eq!(
            said,
            "faults: fault \"expird\" not found; the nearest id is expired; GET /control/faults lists the ids"
        );
        assert!(refusal(json!({"id": "latenci"})).contains("the nearest id is latency"));
        assert!(!refusal(json!("zzzzzzzz")).contains("nearest"));
        assert!(refusal(json!(7)).contains("expected an id"));
    }

    #[test]
    fn a_senseless_number_is_refused() {
        for (times, part) in [
            (json!({"every": 0}), "1 or more"),
            (json!({"percent": 110}), "from 0 to 100"),
            (json!({"every": -1}), "expected always, once"),
        ] {
            let said = refusal(json!({"id": "expired", "times": times}));
            assert!(said.contains(part), "{said}");
        }
        for status in [0, 99, 600] {
            let said = refusal(json!({"id": "error-status", "status": status}));
            assert!(said.contains("from 200 to 599"), "{said}");
        }
        for good in [json!({"every": 1}), json!({"percent": 100}), json!("once")] {
            assert_eq!(refusal(json!({"id": "expired", "times": good})), "");
        }
    }
}
