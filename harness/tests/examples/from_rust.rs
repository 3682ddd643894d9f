//! The examples of docs/from-rust.md, as they are there.

#[tokio::test]
async fn our_client_lists_the_users() -> Result<(), Box<dyn std::error::Error>> {
    let rehearsal = rehearsal::start().await?;
    let scim = rehearsal.sp().scim();
    let users = reqwest::Client::new().get(format!("{}/Users", scim.base_url));
    let users: serde_json::Value = users.bearer_auth(scim.token).send().await?.json().await?;
    assert_eq!(users["totalResults"], 2); // Ada and Grace
    assert_eq!(rehearsal.idp().login().username, "grace@lumen.example");
    rehearsal.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_expired_response_is_refused_and_sessions_end() -> Result<(), Box<dyn std::error::Error>> {
    let mut rehearsal = rehearsal::start().await?;
    let client = reqwest::Client::new();
    let control = rehearsal.ready().idp.control_url.clone().ok_or("no control port")?;
    let directory = &rehearsal.world.directory;
    let (environment, application) = (&directory.environment, &directory.application);
    let faults = format!("{control}/control/environments/{environment}/applications/{application}/faults");
    let expired = serde_json::json!({"faults": [{"id": "expired", "times": "once"}]});
    client.put(faults).json(&expired).send().await?.error_for_status()?;

    rehearsal.world.signs_in_by_sso("Grace").await?;
    assert_eq!(rehearsal.world.page()?.status, 403); // the portal's page with the refusal
    rehearsal.world.signs_in_by_sso("Grace").await?;
    assert_eq!(rehearsal.world.page()?.status, 200);

    let a_day = serde_json::json!({"advance_seconds": 86_400});
    client.put(format!("{control}/sim/clock")).json(&a_day).send().await?.error_for_status()?;
    rehearsal.world.opens("Grace", "/whoami").await?;
    assert_eq!(rehearsal.world.page()?.status, 401); // the session ended
    rehearsal.shutdown().await;
    Ok(())
}
