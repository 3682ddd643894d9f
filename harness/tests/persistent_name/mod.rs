//! `check sp` at Rehearsal's own portal, for a user with a persistent NameID.

use regex::Regex;
use rehearsal::Options;
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Variants};
use saml::message::NameIdFormat;

use super::{not_passed, portal_target, start_portal};

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_knows_a_user_with_another_mail_address_by_the_identifier() {
    let (mut world, ambient, provider) = start_portal(Options::default()).await;
    // The id of Grace's account does not change with her address.
    world.signs_in_by_sso("Grace").await.unwrap();
    let whoami = world.at_api("Grace", reqwest::Method::GET, "/whoami", None);
    let id = whoami.await.unwrap().body["user"].clone();
    world.trusts("Ada", &provider.metadata()).await.unwrap();
    let mut target = portal_target(&world.ready().to_json()).await;
    target.expect = Regex::new(&format!("\"user\": ?{id}")).unwrap().into();
    let mut person = Person::of_the_guide("grace@lumen.example");
    person.name_id.format = NameIdFormat::Persistent.uri().to_owned();
    person.name_id.value = "pairwise-{user}".to_owned();
    let mut attributes = person.attributes.iter_mut();
    let identifier = attributes.find(|it| it.name == "objectidentifier").unwrap();
    identifier.values = vec![world.user_id("Grace").unwrap()];
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let judge = Judge {
        target,
        provider,
        person,
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&["SAML-SP-JIT-05".to_owned()], &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    let report = judge.judge().await.unwrap();
    assert_eq!(not_passed(&report), Vec::<String>::new());
    world.rehearsal.shutdown().await;
}
