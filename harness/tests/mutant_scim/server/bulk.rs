//! Bulk requests (RFC 7644 §3.7).

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::check::scim::wire::ScimRequest;
use serde_json::{Value, json};

use super::super::schemas::{KINDS, member};
use super::{Answer, State, TOKEN, answer, error, no};

impl State {
    pub(super) fn bulk(&mut self, body: &Value) -> Answer {
        let urn = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
        let named = member(body, "schemas").and_then(Value::as_array);
        if named.is_none_or(|all| !all.contains(&urn.into())) {
            return no(400, "invalidSyntax", "expected schemas to name BulkRequest");
        }
        let operations = body["Operations"].as_array().cloned().unwrap_or_default();
        if operations.len() > 20 {
            return no(413, "tooMany", "too many operations");
        }
        let most = body["failOnErrors"].as_u64().unwrap_or(u64::MAX);
        let mut ids = BTreeMap::new();
        for operation in &operations {
            if let Some(bulk_id) = operation["bulkId"].as_str() {
                self.last += 1;
                ids.insert(format!("bulkId:{bulk_id}"), format!("bulk-{}", self.last));
            }
        }
        self.promised = ids.values().cloned().collect();
        let (mut out, mut errors) = (Vec::new(), 0);
        for operation in &operations {
            if errors >= most {
                break;
            }
            let answered = self
                .bulk_one(operation, &ids)
                .unwrap_or_else(|refusal| answer(refusal.0, &error(&refusal)));
            let mut said = json!({
                "method": operation["method"],
                "status": answered.status.to_string(),
            });
            if !operation["bulkId"].is_null() {
                said["bulkId"] = operation["bulkId"].clone();
            }
            let body: Value = serde_json::from_str(&answered.text).unwrap_or_default();
            if answered.status >= 400 {
                errors += 1;
                said["response"] = body;
            } else if body["meta"]["location"].is_string() {
                said["location"] = body["meta"]["location"].clone();
            }
            out.push(said);
        }
        let there: BTreeSet<String> = self.all.keys().cloned().collect();
        for kept in self.all.values_mut() {
            if let Some(members) = kept.body.get_mut("members").and_then(Value::as_array_mut) {
                members.retain(|one| one["value"].as_str().is_some_and(|id| there.contains(id)));
            }
        }
        self.promised.clear();
        let urn = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
        Ok(answer(200, &json!({"schemas": [urn], "Operations": out})))
    }

    fn bulk_one(&mut self, operation: &Value, ids: &BTreeMap<String, String>) -> Answer {
        let mut text = operation["data"].to_string();
        for (name, id) in ids {
            text = text.replace(&format!("\"{name}\""), &format!("\"{id}\""));
        }
        let method = operation["method"].as_str().unwrap_or_default();
        let path = operation["path"].as_str().unwrap_or_default();
        let data: Value = serde_json::from_str(&text).unwrap_or_default();
        if method == "POST" {
            let Some(bulk_id) = operation["bulkId"].as_str() else {
                return no(400, "invalidSyntax", "expected a bulkId");
            };
            let kind = KINDS
                .iter()
                .position(|kind| kind.endpoint == path)
                .unwrap_or_default();
            let id = ids.get(&format!("bulkId:{bulk_id}")).cloned();
            return self.create(kind, &data, id, &BTreeMap::new());
        }
        let request = ScimRequest {
            method: method.parse().unwrap_or_default(),
            target: path.to_owned(),
            headers: vec![
                ("authorization".into(), format!("Bearer {TOKEN}")),
                ("content-type".into(), "application/json".into()),
            ],
            body: (method != "DELETE").then_some(text),
        };
        self.answer(&request)
    }
}
