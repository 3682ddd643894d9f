//! Identity providers at which sign-on works by HTTP-POST only.

use rehearsal::check::idp::recording::Ending;
use rehearsal::check::idp::{self, Party, Recording};

use super::{Stage, of_verdict};
use rehearsal::check::Verdict;

/// Returns the element that announces the SingleSignOnService for HTTP-Redirect.
fn redirect_endpoint(metadata: &str) -> String {
    let mut elements = metadata.split_inclusive('>');
    let one = elements
        .find(|it| it.contains("SingleSignOnService") && it.contains("bindings:HTTP-Redirect"));
    one.unwrap().trim_start().to_owned()
}

/// Records all trials with a changed element of the HTTP-Redirect endpoint.
async fn record(change: impl Fn(&str) -> String) -> Recording {
    let mut stage = Stage::set().await;
    let party = Party::start(0, None, &stage.ambient).await.unwrap();
    stage
        .world
        .registers("judge", &party.metadata())
        .await
        .unwrap();
    let element = redirect_endpoint(&stage.metadata.body);
    let changed = stage.metadata.body.replace(&element, &change(&element));
    assert_ne!(changed, stage.metadata.body);
    stage.metadata.body = changed;
    stage.gather(&party, |_| true, None).await
}

fn failed_checks(recording: &Recording) -> Vec<String> {
    of_verdict(&idp::judge(recording), Verdict::Fail)
        .iter()
        .filter_map(|it| it.split(':').next())
        .map(str::to_owned)
        .collect()
}

/// True if the request was sent by HTTP-POST and answered.
fn is_answered_by_post(recording: &Recording, name: &str) -> bool {
    let trial = &recording.trials[name];
    trial.binding == "HTTP-POST" && matches!(trial.ending, Ending::Answer(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_for_redirects_every_request_is_sent_by_post() {
    let recording = record(|it| it.replace("HTTP-Redirect", "HTTP-Artifact")).await;
    // The signature of the metadata does not cover the change.
    assert_eq!(
        failed_checks(&recording),
        ["SAML-IDP-MD-11", "SAML-IDP-MD-19"]
    );
    for name in ["post", "session", "acs-second", "logout-still"] {
        assert!(is_answered_by_post(&recording, name), "{name}");
    }
    assert!(recording.trials["post"].asked);
    assert!(!recording.trials["session"].asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_redirects_end_on_an_error_page_the_other_requests_are_sent_by_post() {
    let recording = record(|it| it.replacen("/idp/sso", "/idp/absent", 1)).await;
    let failed = failed_checks(&recording);
    assert!(failed.contains(&"SAML-IDP-REQ-01".to_owned()), "{failed:?}");
    for name in ["post", "session", "acs-second", "logout-still"] {
        assert!(is_answered_by_post(&recording, name), "{name}");
    }
}
