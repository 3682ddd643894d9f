//! `bench sync`: provisions a whole directory from the simulated IdP to the portal, then
//! runs again, when nothing has changed and nothing may be written.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Measured, resident_megabytes};
use world::judge::{Failed, Outcome, text};
use world::organization::Plan;
use world::{Options, World};

/// Number of plain creations that measure the limit.
const BARE: u32 = 300;
/// Maximum duration of one request that waits for the engine, in milliseconds.
const PATIENCE_MS: u32 = 20_000;

/// Provisions this number of users in this number of groups, twice.
///
/// # Errors
/// When a party fails, or the second run writes.
pub async fn measure(users: usize, groups: usize) -> Outcome<Vec<Measured>> {
    let mut world = World::with(Options {
        unrecorded: true,
        ..Options::default()
    })
    .await?;
    world.integration_is_configured(Plan::default()).await?;
    world
        .at_configurator("Ada", Method::POST, "/activate", None)
        .await?
        .succeeded("Activate Integration")?;
    let bare = measure_bare_creations(&mut world).await?;
    let group_ids = fill(&mut world, users, groups).await?;
    world.saves_connection("Bench").await?;
    let subjects = u32::try_from(users + groups).unwrap_or(u32::MAX);
    let start = Instant::now();
    create_rule(&mut world, &group_ids).await?;
    wait_until_idle(&mut world).await?;
    let first = f64::from(subjects) / start.elapsed().as_secs_f64();
    let after_first = read_portal_state(&mut world).await?;
    let expected = u64::try_from(users).unwrap_or_default() + u64::from(BARE);
    if after_first["users"] != expected {
        let got = after_first.to_string();
        return Err(Failed::mismatch(format!("{expected} users"), got));
    }
    let start = Instant::now();
    create_revision(&mut world).await?;
    wait_until_idle(&mut world).await?;
    let second = f64::from(subjects) / start.elapsed().as_secs_f64();
    let after_second = read_portal_state(&mut world).await?;
    if after_first != after_second {
        return Err(Failed::mismatch(
            format!("a second run that writes nothing: {after_first}"),
            after_second.to_string(),
        ));
    }
    let one = |name: String, rate: f64, limit: f64, limit_name: &str| Measured {
        name,
        ops_per_sec: rate,
        limit_ops_per_sec: limit,
        limit_name: limit_name.to_owned(),
        ratio: rate / limit,
        p50_us: 0.0,
        p99_us: 0.0,
        rss_mb: resident_megabytes(),
    };
    Ok(vec![
        one(
            format!("provisioning {users} users and {groups} groups"),
            first,
            bare,
            "plain POST /Users, one after another",
        ),
        one(
            format!("the same again, of which nothing is written ({users} users)"),
            second,
            first,
            "the first run",
        ),
    ])
}

async fn measure_bare_creations(world: &mut World) -> Outcome<f64> {
    let start = Instant::now();
    for number in 0..BARE {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("bare{number}@elsewhere.example"),
        });
        world
            .provider_sends("POST", "/Users", Some(user))
            .await?
            .clone()
            .succeeded("a plain creation")?;
    }
    Ok(f64::from(BARE) / start.elapsed().as_secs_f64())
}

/// Creates users and groups in the IdP; returns the ids of the groups.
async fn fill(world: &mut World, users: usize, groups: usize) -> Outcome<Vec<String>> {
    let mut ids = Vec::new();
    for number in 0..groups {
        let body = json!({"name": format!("Group {number}")});
        ids.push(create(world, "/groups", body).await?);
    }
    for number in 0..users {
        let name = format!("user{number}@lumen.example");
        let mut body = json!({
            "username": name,
            "email": name,
            "name": {"given": "Given", "family": format!("Family{number}")},
        });
        if let Some(population) = &world.directory.population {
            body["population"] = json!({"id": population});
        }
        let id = create(world, "/users", body).await?;
        if let Some(group) = ids.get(number % groups.max(1)) {
            let path = format!("/users/{id}/memberOfGroups");
            world
                .at_management(Method::POST, &path, Some(json!({"id": group})))
                .await?
                .clone()
                .succeeded("joining a group")?;
        }
    }
    Ok(ids)
}

async fn create(world: &mut World, path: &str, body: Value) -> Outcome<String> {
    let answer = world
        .at_management(Method::POST, path, Some(body))
        .await?
        .clone()
        .succeeded(path)?;
    Ok(text(&answer.body, "/id")?.to_owned())
}

async fn create_rule(world: &mut World, groups: &[String]) -> Outcome {
    let plan = create(world, "/propagation/plans", json!({"name": "Everything"})).await?;
    let source = json!({"name": "PingOne Directory", "type": "directory", "status": "ACTIVE", "configuration": {}});
    let source = create(world, "/propagation/stores", source).await?;
    let groups: Vec<Value> = groups.iter().map(|id| json!({"id": id})).collect();
    let rule = json!({
        "name": "Everybody",
        "plan": {"id": plan},
        "sourceStore": {"id": source},
        "targetStore": {"id": world.directory.store},
        "populationExpression": "population.id pr",
        "groups": groups,
        "active": true,
    });
    create(world, &format!("/propagation/plans/{plan}/rules"), rule).await?;
    create_revision(world).await
}

async fn create_revision(world: &mut World) -> Outcome {
    world
        .at_management(Method::POST, "/propagation/revisions", Some(json!({})))
        .await?
        .clone()
        .succeeded("starting the synchronization")?;
    Ok(())
}

async fn wait_until_idle(world: &mut World) -> Outcome {
    let path = format!(
        "/v1/environments/{}/propagation/stores/{}/idle?timeout_ms={PATIENCE_MS}",
        world.directory.environment, world.directory.store
    );
    loop {
        let answer = world
            .ask_idp_control(Method::GET, &path, None)
            .await?
            .clone();
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        if answer.status != 409 {
            return Err(Failed::mismatch("an idle engine", answer.to_string()));
        }
    }
}

/// Returns the number of users and groups at the portal, and when they changed last.
async fn read_portal_state(world: &mut World) -> Outcome<Value> {
    let mut seen = json!({});
    for kind in ["Users", "Groups"] {
        let path = format!(
            "/{kind}?sortBy=meta.lastModified&sortOrder=descending&count=1&attributes=meta"
        );
        let answer = world
            .provider_sends("GET", &path, None)
            .await?
            .clone()
            .succeeded("looking at the directory")?;
        seen[kind.to_lowercase()] = answer.body["totalResults"].clone();
        seen[format!("newest of {kind}")] =
            answer.body["Resources"][0]["meta"]["lastModified"].clone();
    }
    Ok(seen)
}
