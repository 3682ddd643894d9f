//! Checks that only profiles require: what our identity provider does by default, what it does when
//! it is set up for such a profile, and a deviation for each check.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::CheckReport;
use rehearsal::check::idp::recording::{Delivered, Ending};
use rehearsal::check::idp::{self, Party, Recording};
use reqwest::Method;
use serde_json::json;

use super::deviations::edits::{delivered, logout_response, metadata, page};
use super::{Stage, findings};

/// What is done otherwise, the edit, the check that finds it, and the requirement that fails.
type Deviation = (&'static str, fn(&mut Recording), &'static str, &'static str);

/// What our identity provider does not do by default, because the portal of the guide needs
/// something else.
pub(crate) const BY_DEFAULT: [(&str, &str); 3] = [
    ("SAML-IDP-PROFILE-01", "saml2int SDP-IDP09"),
    ("SAML-IDP-PROFILE-02", "saml2int SDP-IDP12"),
    ("SAML-IDP-PROFILE-03", "saml2int SDP-IDP18"),
];

#[rustfmt::skip]
pub(crate) const DEVIATIONS: &[Deviation] = &[
    (
        "a value is an element",
        |it| edit_answer(it, "</saml:AttributeValue>", "<saml:NameID>x</saml:NameID></saml:AttributeValue>"),
        "SAML-IDP-PROFILE-04",
        "saml2int SDP-IDP19",
    ),
    (
        "the LogoutResponse is sent by HTTP-POST",
        |it| {
            // A form has the message uncompressed.
            logout_response(it, "<samlp:LogoutResponse", "<samlp:LogoutResponse");
            delivered(it, "logout").binding = "HTTP-POST".to_owned();
        },
        "SAML-IDP-PROFILE-05",
        "saml2int SDP-IDP28",
    ),
    (
        "a name of 300 letters",
        |it| edit_answer(it, "</saml:NameID>", &format!("{}</saml:NameID>", "x".repeat(300))),
        "SAML-IDP-PROFILE-06",
        "saml2int SDP-G02",
    ),
    (
        "the metadata demands signed requests",
        |it| metadata(it, "<md:IDPSSODescriptor ", "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"true\" "),
        "SAML-IDP-PROFILE-07",
        "saml2int SDP-IDP04",
    ),
    (
        "what cannot be met is answered with a page",
        |it| page(it, "name-impossible", 400, "The format is not supported."),
        "SAML-IDP-PROFILE-08",
        "fedinterop IIP-IDP05",
    ),
    (
        "persistent NameIDs are refused",
        |it| {
            let refusal = delivered(it, "name-impossible").clone();
            it.trials.get_mut("name-persistent").unwrap().ending = Ending::Answer(refusal);
        },
        "SAML-IDP-PROFILE-09",
        "fedinterop IIP-SSO05",
    ),
];

/// Replaces a text in the answer to the first request.
fn edit_answer(recording: &mut Recording, from: &str, to: &str) {
    let answer: &mut Delivered = delivered(recording, "redirect");
    let xml = String::from_utf8(STANDARD.decode(&answer.field).unwrap()).unwrap();
    assert!(xml.contains(from), "{from} isn't in {xml}");
    answer.field = STANDARD.encode(xml.replacen(from, to, 1));
}

fn judge_all(recording: &Recording) -> CheckReport {
    idp::judge_also(recording, |_| true)
}

fn of_profiles(report: &CheckReport) -> BTreeSet<String> {
    let mut found = findings(report);
    found.retain(|id| id.contains("-PROFILE-"));
    found
}

/// Asserts that each check finds its deviation, and that only the checks of [`BY_DEFAULT`] fail
/// without one.
pub(crate) fn each_check_finds_its_deviation(recording: &Recording) {
    let by_default: BTreeSet<String> = BY_DEFAULT.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(of_profiles(&judge_all(recording)), by_default);
    for (what, edit, id, _) in DEVIATIONS {
        let mut edited = recording.clone();
        edit(&mut edited);
        let mut found = of_profiles(&judge_all(&edited));
        found.retain(|id| !by_default.contains(id));
        assert_eq!(found, BTreeSet::from([(*id).to_owned()]), "{what}");
    }
}

impl Stage {
    /// Returns the report about our identity provider, with the results of an application that is
    /// set up as saml2int requires it for the checks of [`BY_DEFAULT`].
    pub(crate) async fn judge_for_profiles(&mut self, recording: &Recording) -> CheckReport {
        let party = Party::start(0, None, &self.ambient).await.unwrap();
        let application = json!({
            "name": "deployment",
            "enabled": true,
            "protocol": "SAML",
            "type": "WEB_APP",
            "spMetadata": party.metadata(),
            "responseSigned": true,
            "nameIdFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        });
        let id = self.world.registers_as(application, &[]).await.unwrap();
        let mapping = json!({
            "name": "urn:oid:0.9.2342.19200300.100.1.3",
            "value": "${user.email}",
            "nameFormat": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
            "required": false,
        });
        let path = format!("/applications/{id}/attributes");
        let added = self
            .world
            .at_management(Method::POST, &path, Some(mapping))
            .await
            .unwrap();
        assert_eq!(added.status, 201);
        let set_up = self.gather(&party, |name| name == "redirect", None).await;
        let set_up = judge_all(&set_up);
        assert_eq!(of_profiles(&set_up), BTreeSet::new());
        let mut report = judge_all(recording);
        for (id, _) in BY_DEFAULT {
            let of = |report: &CheckReport| {
                let mut all = report.outcomes.iter();
                all.position(|it| it.check.id == id).unwrap()
            };
            let at = of(&report);
            report.outcomes[at] = set_up.outcomes[of(&set_up)].clone();
        }
        report
    }
}
