//! G-08 to G-11 and G-13: what the IdP administrator does, and the values that Ada copies.

use std::collections::BTreeMap;

use cucumber::gherkin::Step;
use cucumber::{given, then, when};
use serde_json::json;

use world::World;
use world::actions::GUIDE_MAPPINGS;
use world::judge::{Failed, Outcome, holds, list, same, text};
use world::organization::PRODUCT_USERS;

#[given(expr = "{word} is a user in the product users group")]
async fn product_user(world: &mut World, given: String) -> Outcome {
    world.creates_user(&given).await?;
    let group = world.directory.product_users.clone();
    world.joins_group(&given, &group).await?;
    world.directory_is_in_sync().await
}

#[given(expr = "{word} is a user in the admins group")]
async fn admin_user(world: &mut World, given: String) -> Outcome {
    world.creates_user(&given).await?;
    let group = world.directory.admins.clone();
    world.joins_group(&given, &group).await?;
    world.directory_is_in_sync().await
}

#[given(expr = "{word} is a user in no group")]
async fn plain_user(world: &mut World, given: String) -> Outcome {
    world.creates_user(&given).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator creates the SAML application {string}")]
async fn creates_application(world: &mut World, name: String) -> Outcome {
    world.creates_application(&name).await
}

#[when(
    expr = "the IdP administrator creates the SAML application {string} from the portal's metadata URL"
)]
async fn imports_application(world: &mut World, name: String) -> Outcome {
    let url = world.given_by_portal("/service_provider/metadata_url")?;
    world.imports_application(&name, &url).await
}

#[when(expr = "the IdP administrator creates the groups {string} and {string}")]
async fn creates_groups(world: &mut World, admins: String, users: String) -> Outcome {
    world.has_groups(&admins, &users).await
}

#[when("the IdP administrator adds the attribute mappings of the guide")]
async fn adds_mappings(world: &mut World) -> Outcome {
    for (name, expression) in GUIDE_MAPPINGS {
        world.adds_mapping(name, expression).await?;
    }
    Ok(())
}

#[when("the IdP administrator gives the application the portal's entity ID and ACS URL")]
async fn edits_application(world: &mut World) -> Outcome {
    let changes = json!({
        "spEntityId": world.given_by_portal("/service_provider/entity_id")?,
        "acsUrls": [world.given_by_portal("/service_provider/acs_url")?],
    });
    world.edits_application(changes).await
}

#[when("the IdP administrator turns the application off")]
async fn turns_off(world: &mut World) -> Outcome {
    world
        .edits_application(serde_json::json!({"enabled": false}))
        .await
}

#[then("the IdP refuses on a page of its own")]
async fn idp_refuses(world: &mut World) -> Outcome {
    let page = world.page()?;
    holds(
        "a page of the IdP that refuses",
        world.is_at_idp(&page.url) && page.status >= 400 && page.saml_form().is_none(),
        format!("{} {} {}", page.status, page.url, page.text()),
    )
}

#[when("the IdP administrator turns the application on")]
async fn turns_application_on(world: &mut World) -> Outcome {
    world.edits_application(json!({"enabled": true})).await
}

#[when(expr = "the IdP administrator adds the user {word}")]
async fn adds_user(world: &mut World, given: String) -> Outcome {
    world.creates_user(&given).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator puts {word} in the {word} group")]
async fn puts_in_admins(world: &mut World, given: String, which: String) -> Outcome {
    let group = group_named(world, &which)?;
    world.joins_group(&given, &group).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator puts {word} in the product users group")]
async fn puts_in_users(world: &mut World, given: String) -> Outcome {
    let group = world.directory.product_users.clone();
    world.joins_group(&given, &group).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator takes {word} out of the {word} group")]
async fn takes_out_of_admins(world: &mut World, given: String, which: String) -> Outcome {
    let group = group_named(world, &which)?;
    world.leaves_group(&given, &group).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator takes {word} out of the product users group")]
async fn takes_out_of_users(world: &mut World, given: String) -> Outcome {
    let group = world.directory.product_users.clone();
    world.leaves_group(&given, &group).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "{word} enters both groups with their ids")]
async fn enters_groups(world: &mut World, given: String) -> Outcome {
    let (admins, users) = group_names(world);
    let (admins_id, users_id) = (world.group_id(&admins)?, world.group_id(&users)?);
    world
        .enters_groups(&given, (&admins, &admins_id), (&users, &users_id))
        .await?
        .succeeded("entering the groups")?;
    Ok(())
}

#[when(expr = "{word} enters the admins group as {string}")]
async fn enters_admins_as(world: &mut World, given: String, name: String) -> Outcome {
    let (admins, users) = group_names(world);
    let (admins_id, users_id) = (world.group_id(&admins)?, world.group_id(&users)?);
    world
        .enters_groups(&given, (&name, &admins_id), (&users, &users_id))
        .await?;
    Ok(())
}

#[when(expr = "{word} enters the admins group for both")]
async fn enters_one_group_twice(world: &mut World, given: String) -> Outcome {
    let (admins, _) = group_names(world);
    let id = world.group_id(&admins)?;
    world
        .enters_groups(&given, (&admins, &id), (&admins, &id))
        .await?;
    Ok(())
}

#[when(expr = "{word} gives the portal the IdP's metadata file")]
async fn metadata_file(world: &mut World, given: String) -> Outcome {
    let xml = world.idp_metadata().await?;
    world
        .enters_saml(&given, json!({"metadata_xml": xml}))
        .await?
        .succeeded("taking the metadata file")?;
    Ok(())
}

#[when(expr = "{word} gives the portal the IdP's metadata URL")]
async fn metadata_url(world: &mut World, given: String) -> Outcome {
    let url = world.idp_metadata_url()?;
    world
        .enters_saml(&given, json!({"metadata_url": url}))
        .await?
        .succeeded("taking the metadata URL")?;
    Ok(())
}

#[when(expr = "{word} gives the portal the IdP's entity ID, SSO URL and certificate one by one")]
async fn one_by_one(world: &mut World, given: String) -> Outcome {
    let certificate = world.signing_certificate().await?;
    types_in(world, &given, &certificate).await?;
    world.answer()?.clone().succeeded("taking the values")?;
    Ok(())
}

#[when(expr = "{word} pastes the IdP's certificate without armor and with stray white space")]
async fn bare_certificate(world: &mut World, given: String) -> Outcome {
    let certificate = world.signing_certificate().await?;
    let bare: Vec<&str> = certificate
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let strayed = format!("\r\n  {} \t\n", bare.join(" \n\t"));
    types_in(world, &given, &strayed).await?;
    world.answer()?.clone().succeeded("taking the values")?;
    Ok(())
}

#[when(expr = "{word} pastes {string} as the IdP's certificate")]
async fn no_certificate(world: &mut World, given: String, pasted: String) -> Outcome {
    types_in(world, &given, &pasted).await
}

#[then("the application is turned off")]
async fn application_is_off(world: &mut World) -> Outcome {
    let application = world.application().await?;
    same("enabled", Some(false), application["enabled"].as_bool())
}

#[then("the application has the portal's entity ID and ACS URL")]
async fn application_has_values(world: &mut World) -> Outcome {
    let application = world.application().await?;
    same(
        "spEntityId",
        world.given_by_portal("/service_provider/entity_id")?,
        text(&application, "/spEntityId")?.to_owned(),
    )?;
    same(
        "the first of acsUrls",
        world.given_by_portal("/service_provider/acs_url")?,
        text(&application, "/acsUrls/0")?.to_owned(),
    )
}

#[then("the application has the attribute mappings of the guide beside saml_subject")]
async fn application_has_mappings(world: &mut World) -> Outcome {
    let path = format!("/applications/{}/attributes", world.directory.application);
    let answer = world
        .at_management(reqwest::Method::GET, &path, None)
        .await?
        .clone()
        .succeeded("listing the attribute mappings")?;
    let shown: BTreeMap<&str, &str> = list(&answer.body, "/_embedded/attributes")?
        .iter()
        .filter_map(|row| Some((row["name"].as_str()?, row["value"].as_str()?)))
        .collect();
    let mut expected: BTreeMap<&str, &str> = GUIDE_MAPPINGS.into_iter().collect();
    expected.insert("saml_subject", "${user.id}");
    same("the attribute mappings", expected, shown)
}

#[then("the portal has the IdP's entity ID, SSO URL and certificate")]
async fn portal_has_values(world: &mut World) -> Outcome {
    let (entity_id, sso_url) = idp_values(world)?;
    let shown = &world.configurator["identity_provider"];
    same("entity_id", entity_id.as_str(), text(shown, "/entity_id")?)?;
    same("sso_url", sso_url.as_str(), text(shown, "/sso_url")?)?;
    let certificates = list(shown, "/certificates")?;
    same("the number of certificates", 1, certificates.len())?;
    same("expired", Some(false), certificates[0]["expired"].as_bool())
}

#[then("the assertion has these attributes")]
async fn assertion_has(world: &mut World, step: &Step) -> Outcome {
    let xml = world.response_xml()?;
    let rows = step.table.iter().flat_map(|table| &table.rows);
    for row in rows {
        let [name, value] = row.as_slice() else {
            return Err(Failed::Unknown("a row of two cells".to_owned()));
        };
        let expected = match value.as_str() {
            "the id of the product users group" => world.group_id(PRODUCT_USERS)?,
            "Grace's id" => world.user_id("Grace")?,
            other => other.to_owned(),
        };
        let shown = attribute(&xml, name);
        holds(
            format!("the attribute {name} with the value {expected:?}"),
            shown.as_deref() == Some(expected.as_str()),
            format!("{shown:?} in {xml}"),
        )?;
    }
    Ok(())
}

/// Returns the first value of an attribute. It searches the text, because the harness must
/// not rely on a party's XML parser, and generated documents always have the same form.
fn attribute(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("Name=\"{name}\""))?;
    let rest = &xml[start..];
    let value = &rest[rest.find("AttributeValue")?..];
    let value = &value[value.find('>')? + 1..];
    Some(value[..value.find('<')?].to_owned())
}

async fn types_in(world: &mut World, given: &str, certificate: &str) -> Outcome {
    let (entity_id, sso_url) = idp_values(world)?;
    let values = json!({
        "entity_id": entity_id,
        "sso_url": sso_url,
        "certificate": certificate,
    });
    world.enters_saml(given, values).await?;
    Ok(())
}

/// Returns Issuer ID and Single Signon Service, as the console shows them.
fn idp_values(world: &World) -> Outcome<(String, String)> {
    let issuer = world
        .rehearsal
        .idp_url()
        .join(&format!("/{}", world.directory.environment))?;
    Ok((issuer.to_string(), format!("{issuer}/saml20/idp/sso")))
}

fn group_names(world: &World) -> (String, String) {
    (
        world.directory.admins.clone(),
        world.directory.product_users.clone(),
    )
}

fn group_named(world: &World, which: &str) -> Outcome<String> {
    match which {
        "admins" => Ok(world.directory.admins.clone()),
        _ => Err(Failed::Unknown(format!("the {which} group"))),
    }
}
