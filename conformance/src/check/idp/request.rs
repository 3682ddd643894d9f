//! Writes the requests of the trials as text, so that they can also be wrong.

use std::sync::atomic::{AtomicBool, Ordering};

use ambient::Ambient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use saml::binding::{Parameter, redirect};
use saml::keys::SigningKey;
use saml::signature::Signer;

use super::outgoing::Outgoing;
use super::party::Party;
use super::reading::Announced;
use super::trials::{Acs, Amend, Binding, Signing, Variant};

/// The parts of a request, as they will be written.
#[derive(Debug, Clone)]
struct Draft {
    id: String,
    version: String,
    issued: Timestamp,
    destination: String,
    issuer: String,
    /// The text of the Issuer without the entities of `doctype`.
    plain_issuer: String,
    attributes: String,
    acs: Option<String>,
    inner: String,
    doctype: String,
    raw: Option<String>,
    relay_state: String,
}

/// Keys, names and settings for making requests.
pub(super) struct Maker<'m> {
    party: &'m Party,
    ambient: &'m Ambient,
    /// True if ordinary requests are signed, because the metadata requires it or none without a
    /// signature leads to a sign-on.
    signed: AtomicBool,
    /// True if ordinary requests are sent by HTTP-POST, because none by HTTP-Redirect leads to a
    /// sign-on.
    by_post: AtomicBool,
}

/// Returns the base64 text for a RelayState of 80 bytes.
pub(super) fn relay_state(ambient: &Ambient) -> String {
    format!("rehearsal {}", ambient.rng().hex(35))
}

impl<'m> Maker<'m> {
    pub(super) fn new(party: &'m Party, ambient: &'m Ambient, announced: &Announced) -> Self {
        Self {
            party,
            ambient,
            signed: AtomicBool::new(announced.wants_signed),
            by_post: AtomicBool::new(announced.sso_url(Binding::Redirect).is_none()),
        }
    }

    /// Returns the binding by which a variant is sent.
    pub(super) fn binding_of(&self, variant: &Variant) -> Binding {
        let usual = match self.by_post.load(Ordering::Relaxed) {
            true => Binding::Post,
            false => Binding::Redirect,
        };
        variant.binding.unwrap_or(usual)
    }

    /// Sends the requests whose binding does not matter by HTTP-POST from now on.
    pub(super) fn prefer_post(&self) {
        self.by_post.store(true, Ordering::Relaxed);
    }

    /// True if ordinary requests are signed.
    pub(super) fn signs(&self) -> bool {
        self.signed.load(Ordering::Relaxed)
    }

    /// Signs ordinary requests from now on, or not.
    pub(super) fn set_signed(&self, signed: bool) {
        self.signed.store(signed, Ordering::Relaxed);
    }

    /// Makes the request of a variant, for the endpoint of its binding.
    pub(super) fn make(&self, variant: &Variant, endpoint: &str) -> Result<Outgoing, String> {
        let mut draft = Draft {
            id: format!("_{}", self.ambient.rng().hex(20)),
            version: "2.0".to_owned(),
            issued: self.ambient.now(),
            destination: endpoint.to_owned(),
            issuer: self.party.entity_id.clone(),
            plain_issuer: self.party.entity_id.clone(),
            attributes: String::new(),
            acs: Some(self.party.acs[0].clone()),
            inner: String::new(),
            doctype: String::new(),
            raw: None,
            relay_state: relay_state(self.ambient),
        };
        for amend in variant.amends {
            self.amend(&mut draft, amend);
        }
        let key = match variant.signing {
            Signing::Never => None,
            Signing::AsWanted => self.signs().then_some(&self.party.key),
            Signing::Always | Signing::Tampered => Some(&self.party.key),
            Signing::Foreign => Some(&self.party.foreign),
        };
        let tampered = variant.signing == Signing::Tampered;
        match self.binding_of(variant) {
            Binding::Redirect => by_redirect(draft, endpoint, key, tampered),
            Binding::Post => by_post(draft, endpoint, key, tampered),
        }
    }

    fn amend(&self, draft: &mut Draft, amend: &Amend) {
        let set = |draft: &mut Draft, name: &str, value: &str| {
            draft.attributes.push_str(&format!(" {name}=\"{value}\""));
        };
        match amend {
            Amend::Set(name, value) => set(draft, name, value),
            Amend::NameId(format) => draft.inner.push_str(&format!(
                "<samlp:NameIDPolicy Format=\"{format}\" AllowCreate=\"true\"/>"
            )),
            Amend::Context(class) => draft.inner.push_str(&format!(
                "<samlp:RequestedAuthnContext Comparison=\"exact\"><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
            )),
            Amend::Acs(acs) => draft.acs = self.acs(acs),
            Amend::AcsIndex(index) => {
                draft.acs = None;
                set(draft, "AssertionConsumerServiceIndex", &index.to_string());
            }
            Amend::Issuer(issuer) => (*issuer).clone_into(&mut draft.issuer),
            Amend::Destination(url) => (*url).clone_into(&mut draft.destination),
            Amend::Version(version) => (*version).clone_into(&mut draft.version),
            Amend::Later(seconds) => {
                let by = SignedDuration::from_secs(*seconds);
                draft.issued = draft.issued.saturating_add(by).unwrap_or(draft.issued);
            }
            Amend::Padding(bytes) => {
                draft.inner = format!(
                    "<samlp:Extensions><x:padding xmlns:x=\"urn:rehearsal\">{}</x:padding></samlp:Extensions>{}",
                    "0".repeat(*bytes),
                    draft.inner
                );
            }
            Amend::InternalEntity => {
                draft.doctype =
                    format!("<!DOCTYPE r [<!ENTITY issuer \"{}\">]>", draft.issuer);
                "&issuer;".clone_into(&mut draft.issuer);
            }
            Amend::ExternalEntity => {
                draft.doctype = format!(
                    "<!DOCTYPE r [<!ENTITY outside SYSTEM \"{}\">]>",
                    self.party.external_entity_url()
                );
                draft.issuer.push_str("&outside;");
            }
            Amend::Raw(text) => draft.raw = Some((*text).to_owned()),
            Amend::RelayState(text) => (*text).clone_into(&mut draft.relay_state),
            Amend::LongRelayState(bytes) => {
                draft.relay_state = "0123456789".repeat(bytes.div_ceil(10));
                draft.relay_state.truncate(*bytes);
            }
        }
    }

    fn acs(&self, acs: &Acs) -> Option<String> {
        let first = &self.party.acs[0];
        match acs {
            Acs::None => None,
            Acs::Second => Some(self.party.acs[1].clone()),
            Acs::Attacker => Some("https://attacker.example/acs".to_owned()),
            Acs::BeginsAlike => Some(format!("{first}.attacker.example")),
            Acs::UserInfo => {
                let rest = first.split_once("://").map_or("", |(_, rest)| rest);
                let host = rest.split('/').next().unwrap_or_default();
                Some(format!("https://{host}@attacker.example/acs"))
            }
            Acs::OtherPath => Some(format!("{first}/../unregistered")),
        }
    }
}

impl Draft {
    fn xml(&self) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let acs = self.acs.as_ref().map_or_else(String::new, |acs| {
            format!(" AssertionConsumerServiceURL=\"{acs}\"")
        });
        let binding = if self.attributes.contains("ProtocolBinding=") || self.acs.is_none() {
            ""
        } else {
            " ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\""
        };
        let issued = self.issued.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!(
            "{}<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" Version=\"{}\" IssueInstant=\"{issued}\" Destination=\"{}\"{acs}{binding}{}><saml:Issuer>{}</saml:Issuer>{}</samlp:AuthnRequest>",
            self.doctype,
            self.id,
            self.version,
            escape(&self.destination),
            self.attributes,
            self.issuer,
            self.inner,
        )
    }

    /// Returns the same request without a DTD and its entities.
    fn without_doctype(&self) -> Self {
        let mut plain = self.clone();
        if !plain.doctype.is_empty() {
            plain.doctype.clear();
            plain.issuer.clone_from(&plain.plain_issuer);
        }
        plain
    }

    fn into_outgoing(self, xml: String, signed: bool, url: String) -> Outgoing {
        Outgoing {
            id: self.id,
            xml,
            signed,
            relay_state: self.relay_state,
            url,
            fields: Vec::new(),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

fn by_redirect(
    draft: Draft,
    endpoint: &str,
    key: Option<&SigningKey>,
    tampered: bool,
) -> Result<Outgoing, String> {
    let encode = |xml: &str, key| {
        redirect::encode(
            endpoint,
            Parameter::Request,
            xml,
            Some(&draft.relay_state),
            key,
        )
        .map_err(|error| error.to_string())
    };
    let xml = draft.xml();
    let mut url = encode(&xml, key)?;
    let mut sent = xml;
    if tampered {
        // Combine the message of one request with the signature of another.
        sent = sent.replacen(
            "<samlp:AuthnRequest ",
            "<samlp:AuthnRequest ForceAuthn=\"true\" ",
            1,
        );
        let signature = url.find("&SigAlg=").map(|at| url[at..].to_owned());
        url = encode(&sent, None)? + &signature.unwrap_or_default();
    }
    Ok(draft.clone().into_outgoing(sent, key.is_some(), url))
}

fn by_post(
    draft: Draft,
    endpoint: &str,
    key: Option<&SigningKey>,
    tampered: bool,
) -> Result<Outgoing, String> {
    let mut xml = draft.xml();
    if let Some(key) = key {
        let signer = Signer {
            key: key.clone(),
            response: false,
            assertion: false,
            algorithm: key.algorithm(),
        };
        let plain = draft.without_doctype();
        xml = signer
            .sign_document(&plain.xml())
            .map_err(|error| error.to_string())?;
        if !draft.doctype.is_empty() {
            // The signature is valid if the receiver expands the entities.
            let issuer = |text: &str| format!("<saml:Issuer>{text}</saml:Issuer>");
            xml = xml.replacen(&issuer(&plain.issuer), &issuer(&draft.issuer), 1);
            xml.insert_str(0, &draft.doctype);
        }
    }
    if tampered {
        xml = xml.replacen(
            "<samlp:AuthnRequest ",
            "<samlp:AuthnRequest ForceAuthn=\"true\" ",
            1,
        );
    }
    let fields = vec![
        ("SAMLRequest".to_owned(), STANDARD.encode(&xml)),
        ("RelayState".to_owned(), draft.relay_state.clone()),
    ];
    let mut out = draft.into_outgoing(xml, key.is_some(), endpoint.to_owned());
    out.fields = fields;
    Ok(out)
}

/// Makes a LogoutRequest for a session, signed or unsigned, for HTTP-Redirect (saml-profiles §4.4).
pub(super) fn logout(
    maker: &Maker<'_>,
    endpoint: &str,
    name_id: (&str, Option<&str>),
    session: Option<&str>,
    signed: bool,
) -> Result<Outgoing, String> {
    let id = format!("_{}", maker.ambient.rng().hex(20));
    let format = name_id
        .1
        .map_or_else(String::new, |it| format!(" Format=\"{}\"", escape(it)));
    let session = session.map_or_else(String::new, |it| {
        format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(it))
    });
    let xml = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{}\"><saml:Issuer>{}</saml:Issuer><saml:NameID{format}>{}</saml:NameID>{session}</samlp:LogoutRequest>",
        maker.ambient.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        escape(endpoint),
        maker.party.entity_id,
        escape(name_id.0),
    );
    let key = signed.then_some(&maker.party.key);
    let relay_state = relay_state(maker.ambient);
    let url = redirect::encode(endpoint, Parameter::Request, &xml, Some(&relay_state), key)
        .map_err(|error| error.to_string())?;
    Ok(Outgoing {
        id,
        xml,
        signed,
        relay_state,
        url,
        fields: Vec::new(),
    })
}
