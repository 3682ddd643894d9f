//! The messages of a recording of `check idp`.

use super::Found;
use crate::check::idp::Recording;
use crate::check::idp::recording::{Ending, Trial};
use crate::inspection::message::{QuerySignature, decode_message, messages};

pub(super) fn of_recording(recording: &Recording) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, trial) in &recording.trials {
        for mut message in messages(&trial.request) {
            message.parameter = Some("SAMLRequest".to_owned());
            message.relay_state.clone_from(&trial.relay_state);
            message.query_signature = signature_in_url(trial, &message.xml);
            let place = format!("trial {name}: request by {}", trial.binding);
            found.push(Found::new(place, message));
        }
        if let Ending::Answer(delivered) = &trial.ending
            && let Some(mut message) = decode_message(&delivered.field)
        {
            message.parameter = Some(delivered.parameter.clone());
            message.relay_state.clone_from(&delivered.relay_state);
            let place = format!("trial {name}: answer to {}", delivered.to);
            found.push(Found::new(place, message));
        }
    }
    found
}

/// Returns the signature of a request that was sent in a URL: `request` of the trial is only the XML
/// document.
fn signature_in_url(trial: &Trial, xml: &str) -> Option<QuerySignature> {
    let urls = trial.pages.iter().map(|page| page.url.as_str());
    let sent = urls.filter(|url| url.contains("SAML")).flat_map(messages);
    sent.filter(|message| message.xml == xml)
        .find_map(|message| message.query_signature)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::check::idp::recording::Page;

    #[test]
    fn a_request_of_a_recording_has_the_signature_of_its_url() {
        let xml = "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>";
        let mut url = url::Url::parse("https://idp.example/sso").unwrap();
        url.query_pairs_mut()
            .append_pair("SAMLRequest", &STANDARD.encode(xml))
            .append_pair(
                "SigAlg",
                "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            )
            .append_pair("Signature", "AAAA");
        let page = Page {
            method: "GET".to_owned(),
            url: url.into(),
            sent: String::new(),
            status: 200,
            media_type: "text/html".to_owned(),
            location: None,
            cache_control: String::new(),
            unframed: false,
            cookies: Vec::new(),
            asks: false,
            body: String::new(),
            retry_after: None,
        };
        let trial = Trial {
            request: xml.to_owned(),
            pages: vec![page],
            ..Trial::not_tried(jiff::Timestamp::UNIX_EPOCH, "")
        };
        let signature = signature_in_url(&trial, xml).unwrap();
        assert!(signature.algorithm.ends_with("rsa-sha256"));
        assert!(signature_in_url(&trial, "<another/>").is_none());
    }
}
