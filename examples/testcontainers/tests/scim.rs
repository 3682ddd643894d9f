//! A test of a SCIM client, with Rehearsal's image as its server.

use std::error::Error;

use rehearsal_testcontainers::Rehearsal;
use serde_json::Value;

#[tokio::test]
async fn our_client_lists_the_users() -> Result<(), Box<dyn Error + Send + Sync>> {
    if std::env::var_os("DOCKER_HOST").is_none() && !std::fs::exists("/var/run/docker.sock")? {
        println!("skipped: no Docker engine");
        return Ok(());
    }
    let rehearsal = Rehearsal::start().await?;
    let (scim, token) = rehearsal.scim();
    let client = reqwest::Client::new();
    let users = client
        .get(format!("{scim}/Users"))
        .bearer_auth(token)
        .send()
        .await?;
    let users: Value = users.json().await?;
    assert_eq!(users["totalResults"], 2); // Ada and Grace
    let metadata = client.get(rehearsal.idp_metadata_url()).send().await?;
    assert!(metadata.text().await?.contains("EntityDescriptor"));
    Ok(())
}
