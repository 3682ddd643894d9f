//! Rehearsal's image as a test container. Needs the image `rehearsal:local`
//! (`docker build -t rehearsal:local .` in Rehearsal's folder) and Linux, where
//! a container can share the host's network.

use std::error::Error;

use serde_json::Value;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};
use tokio::io::AsyncBufReadExt as _;

/// Start Rehearsal; returns its addresses and credentials, too. It stops when
/// the container is dropped.
async fn start_rehearsal() -> Result<(ContainerAsync<GenericImage>, Value), Box<dyn Error>> {
    let image = GenericImage::new("rehearsal", "local");
    let container = image.with_network("host").with_cmd(["rehearsal", "up"]).start().await?;
    let (mut ready, mut lines) = (String::new(), container.stdout(true).lines());
    while let Some(line) = lines.next_line().await? {
        ready += &line;
        if line == "}" {
            break;
        }
    }
    Ok((container, serde_json::from_str(&ready)?))
}

#[tokio::test]
async fn our_client_lists_the_users() -> Result<(), Box<dyn Error>> {
    if std::env::var_os("DOCKER_HOST").is_none() && !std::fs::exists("/var/run/docker.sock")? {
        println!("skipped: no Docker engine");
        return Ok(());
    }
    let (_rehearsal, ready) = start_rehearsal().await?;
    let text = |pointer| ready.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let users: Value = reqwest::Client::new()
        .get(format!("{}/Users", text("/sp/scim_base_url")))
        .bearer_auth(text("/sp/scim_bearer_token"))
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(users["totalResults"], 2); // Ada and Grace
    Ok(())
}
