//! An identity provider that refuses unsigned requests, and whose metadata does not say so.

use rehearsal::check::Verdict;
use rehearsal::check::idp::recording::Ending;
use rehearsal::check::idp::{self, Party};

use super::{Stage, of_verdict};

/// Where the metadata of a service provider says whether it signs its requests.
const ROLE: &str = "<md:SPSSODescriptor ";

#[tokio::test(flavor = "multi_thread")]
async fn if_unsigned_requests_are_refused_the_other_requests_are_signed() {
    let mut stage = Stage::set().await;
    let party = Party::start(0, None, &stage.ambient).await.unwrap();
    let metadata = party.metadata();
    assert!(!metadata.contains("AuthnRequestsSigned=\"true\""));
    let metadata = metadata.replace(" AuthnRequestsSigned=\"false\"", "");
    let signs = format!("{ROLE}AuthnRequestsSigned=\"true\" ");
    let metadata = metadata.replacen(ROLE, &signs, 1);
    assert!(metadata.contains(&signs));
    stage.world.registers("judge", &metadata).await.unwrap();

    let recording = stage.gather(&party, |_| true, None).await;

    for name in ["redirect", "session", "acs-second", "logout-still"] {
        let trial = &recording.trials[name];
        assert!(trial.signed, "{name}");
        assert!(matches!(trial.ending, Ending::Answer(_)), "{name}");
    }
    let report = idp::judge(&recording);
    let failed = of_verdict(&report, Verdict::Fail);
    let [only] = failed.as_slice() else {
        panic!("one finding expected: {failed:#?}");
    };
    assert!(only.starts_with("SAML-IDP-REQ-02"), "{only}");
    let unjudged = of_verdict(&report, Verdict::Skip);
    let by_post = unjudged.iter().find(|it| it.starts_with("SAML-IDP-REQ-04"));
    assert!(by_post.unwrap().contains("SAML-IDP-REQ-02"), "{by_post:?}");
}
