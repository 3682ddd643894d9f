//! Configuration as files: seeds, their export, snapshots and their schemas.
#![allow(clippy::unwrap_used)]

mod running;

use std::path::Path;

use jiff::Timestamp;
use running::{Up, client, rehearsal};
use serde_json::{Value, json};
use tokio::process::Command;

/// Runs a command that must succeed; returns its output.
async fn run_command(arguments: &[&str]) -> String {
    let output = Command::from(rehearsal(arguments)).output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

async fn export_set_up(folder: &Path) -> Value {
    let ready = folder.join("ready.json");
    let text = run_command(&["export", "--json", ready.to_str().unwrap()]).await;
    serde_json::from_str(&text).unwrap()
}

async fn complaints(form: &str, value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(&run_command(&["schema", form]).await).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let all = validator.iter_errors(value);
    all.map(|it| format!("{it} at {}", it.instance_path()))
        .collect()
}

/// The administrator at the IdP's management API.
struct Administrator<'u> {
    up: &'u Up,
    client: reqwest::Client,
}

impl Administrator<'_> {
    fn of(up: &Up) -> Administrator<'_> {
        Administrator {
            up,
            client: client(),
        }
    }

    fn idp(&self, name: &str) -> String {
        self.up.ready["idp"][name].as_str().unwrap().to_owned()
    }

    fn environment(&self) -> String {
        let entity_id = self.idp("entity_id");
        entity_id.rsplit('/').next().unwrap().to_owned()
    }

    async fn does(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request
            .bearer_auth(self.idp("admin_token"))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    fn at(&self, path: &str) -> String {
        let base = self.idp("admin_api_url");
        format!("{base}/environments/{}{path}", self.environment())
    }

    async fn id_of(&self, username: &str) -> String {
        let all = self.does(self.client.get(self.at("/users"))).await;
        let all = all["_embedded"]["users"].as_array().unwrap().clone();
        let one = all.iter().find(|it| it["username"] == username).unwrap();
        one["id"].as_str().unwrap().to_owned()
    }

    async fn disables(&self, username: &str) {
        let path = format!("/users/{}/enabled", self.id_of(username).await);
        let body = json!({"enabled": false});
        self.does(self.client.put(self.at(&path)).json(&body)).await;
    }

    async fn deletes(&self, username: &str) {
        let path = format!("/users/{}", self.id_of(username).await);
        self.does(self.client.delete(self.at(&path))).await;
    }
}

async fn fetch_scim_status(ready: &Value) -> u16 {
    let url = format!("{}/Users", ready["sp"]["scim_base_url"].as_str().unwrap());
    let token = ready["sp"]["scim_bearer_token"].as_str().unwrap();
    let answer = client().get(url).bearer_auth(token).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_seed_is_applied_and_its_export_gives_the_same_set_up() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/seed.toml");
    let up = Up::start_in(folder.path(), &["--seed", seed]).await;
    // The portal knows the members of the groups.
    let planted = export_set_up(folder.path()).await;
    assert_eq!(planted["organization"]["seats"], 25);
    assert_eq!(
        planted["organization"]["domains"],
        json!(["lumen-works.example"])
    );
    let user = |seed: &Value, name: &str| {
        let all = seed["users"].as_array().unwrap();
        all.iter().find(|it| it["username"] == name).cloned()
    };
    let barbara = user(&planted, "barbara@lumen.example").unwrap();
    assert_eq!(
        barbara["groups"],
        json!(["Contractors", "Parallels Desktop Users"])
    );
    // A filter in the seed does not change the other members of a group.
    let answer = Administrator::of(&up);
    let answer = answer.does(answer.client.get(answer.at("/groups"))).await;
    for group in answer["_embedded"]["groups"].as_array().unwrap() {
        assert_eq!(group["description"], "for the product", "{group}");
    }
    let group = |name: &str| {
        let all = planted["groups"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).cloned().unwrap()
    };
    assert_eq!(group("Contractors")["groups"], json!(["Outside staff"]));
    assert_eq!(group("Outside staff")["groups"], Value::Null);
    assert_eq!(group("Liskovs")["filter"], r#"name.family eq "Liskov""#);
    let edsger = user(&planted, "edsger@lumen.example").unwrap();
    assert_eq!(edsger["enabled"], false);
    assert_eq!(
        planted["applications"],
        json!([{
            "name": "Wiki",
            "entity_id": "https://wiki.lumen.example/saml",
            "acs_urls": ["https://wiki.lumen.example/saml/acs"],
            "enabled": true,
            "faults": [{"id": "expired", "times": {"every": 3}}],
            "mappings": {"mail": "${user.email}"},
        }])
    );
    // After changes, the state is exported and applied to other parties.
    let administrator = Administrator::of(&up);
    administrator.disables("barbara@lumen.example").await;
    administrator.deletes("grace@lumen.example").await;
    let before = export_set_up(folder.path()).await;
    assert_ne!(before, planted);
    assert_eq!(complaints("seed", &before).await, Vec::<String>::new());
    let toml = folder.path().join("exported.toml");
    let ready = folder.path().join("ready.json");
    let text = run_command(&["export", ready.to_str().unwrap()]).await;
    std::fs::write(&toml, text).unwrap();
    up.kill().await;
    let second = Up::start_in(other.path(), &["--seed", toml.to_str().unwrap()]).await;
    assert_eq!(export_set_up(other.path()).await, before);
    second.kill().await;
}

#[tokio::test]
async fn parties_go_back_to_a_snapshot_also_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let up = Up::start_in(folder.path(), &[]).await;
    let before = export_set_up(folder.path()).await;
    let taken = run_command(&["snapshot", &path("ready.json")]).await;
    std::fs::write(path("state.json"), &taken).unwrap();
    let taken: Value = serde_json::from_str(&taken).unwrap();
    assert_eq!(complaints("snapshot", &taken).await, Vec::<String>::new());

    // Change the state and move the clocks.
    let administrator = Administrator::of(&up);
    administrator.deletes("grace@lumen.example").await;
    let control = administrator.idp("control_url");
    let late: Timestamp = "2040-01-01T00:00:00Z".parse().unwrap();
    let body = json!({"now": late.to_string()});
    let put = client().put(format!("{control}/sim/clock")).json(&body);
    assert!(put.send().await.unwrap().status().is_success());
    assert_ne!(export_set_up(folder.path()).await, before);

    run_command(&["restore", &path("ready.json"), &path("state.json")]).await;
    assert_eq!(export_set_up(folder.path()).await, before);
    let answer = client().get(format!("{control}/sim/clock")).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    let now: Timestamp = answer["now"].as_str().unwrap().parse().unwrap();
    assert!(now < late, "{now}");
    let ready = |folder: &Path| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join("ready.json")).unwrap()).unwrap()
    };
    assert_eq!(ready(folder.path()), up.ready);

    // Parties with another URL refuse the snapshot, with a reason.
    let other = tempfile::tempdir().unwrap();
    let second = Up::start_in(other.path(), &[]).await;
    let elsewhere = other.path().join("ready.json");
    let mut command = rehearsal(&["restore", elsewhere.to_str().unwrap()]);
    command.arg(path("state.json"));
    let output = Command::from(command).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("start the portal at that address"), "{said}");
    second.kill().await;

    // Parties with the same URLs accept it, and the credentials are restored.
    let port = |party: &str| {
        let url = up.ready[party]["base_url"].as_str().unwrap();
        url.rsplit(':').next().unwrap().to_owned()
    };
    let (sp_port, idp_port) = (port("sp"), port("idp"));
    up.kill().await;
    let third = Up::start_in(
        folder.path(),
        &["--empty", "--sp-port", &sp_port, "--idp-port", &idp_port],
    )
    .await;
    // Without the name of a ready file it finds the running parties, and restores the
    // credentials in the ready file and in the file of the running `up`.
    let mut restore = rehearsal(&["restore", &path("state.json")]);
    restore.env("XDG_RUNTIME_DIR", folder.path());
    restore.env_remove("REHEARSAL_TARGET");
    let output = Command::from(restore).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut export = rehearsal(&["export"]);
    export.env("XDG_RUNTIME_DIR", folder.path());
    export.env_remove("REHEARSAL_TARGET");
    let output = Command::from(export).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        found.trim_end(),
        run_command(&["export", &path("ready.json")])
            .await
            .trim_end()
    );
    assert_eq!(export_set_up(folder.path()).await, before);
    assert_eq!(fetch_scim_status(&ready(folder.path())).await, 200);
    third.kill().await;
}
