//! What the flaws outside of the assertion consumer service change.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use jiff::SignedDuration;
use rcgen::{CertificateParams, KeyPair};
use saml::binding::{Parameter, redirect};
use saml::keys::Certificate;
use saml::message::{AuthnRequest, NameIdFormat, NameIdPolicy};
use saml::metadata::{Endpoint, SpMetadata};
use saml::names;

use super::own_logout::sign_with_sha1;
use super::{Broken, KEY, Session, Switch, cookie};

/// Returns a certificate that expired in 2020.
fn old_certificate() -> Certificate {
    let mut params = CertificateParams::new(vec!["sp.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Certificate::from_der(certificate.der().to_vec()).unwrap()
}

impl Broken {
    /// True if the service provider has this flaw.
    pub(super) fn is_flawed(&self, name: &str) -> bool {
        let mut all = self.switches.iter();
        all.any(|it| matches!(it, Switch::Flaw(flaw) if *flaw == name))
    }

    /// Returns the `AuthnRequest` as the flaws change it.
    pub(super) fn flawed_request(&self, mut request: AuthnRequest) -> String {
        request.id = self.request_id(request.id);
        if self.is_flawed("request-destination") {
            request.destination = Some("https://someone-else.example/sso".to_owned());
        }
        if self.is_flawed("request-acs") {
            request.acs_url = Some(format!("{}/other", self.base));
        }
        if self.is_flawed("request-issuer") {
            request.issuer = "https://someone-else.example".to_owned();
        }
        if self.is_flawed("request-redirect") {
            request.protocol_binding = Some(names::HTTP_REDIRECT.to_owned());
        }
        if self.is_flawed("request-index") {
            (request.acs_url, request.acs_index) = (None, Some(0));
        }
        for (flaw, format, allow_create) in [
            ("request-create", None, true),
            ("request-no-create", None, false),
            ("request-format", Some(NameIdFormat::EmailAddress), true),
        ] {
            if self.is_flawed(flaw) {
                request.name_id_policy = Some(NameIdPolicy {
                    format,
                    allow_create,
                });
            }
        }
        let xml = request.to_xml();
        if self.is_flawed("request-order") {
            return xml.replace("<saml:Issuer", "<samlp:NameIDPolicy/><saml:Issuer");
        }
        if self.is_flawed("request-local-time") {
            let (head, rest) = xml.split_once("IssueInstant=\"").unwrap();
            let (_, rest) = rest.split_once('"').unwrap();
            let later = self.ambient.now() + SignedDuration::from_hours(2);
            let later = later.strftime("%Y-%m-%dT%H:%M:%S+02:00");
            return format!("{head}IssueInstant=\"{later}\"{rest}");
        }
        xml
    }

    /// Returns the URL that carries an `AuthnRequest` to the identity provider.
    pub(super) fn request_url(&self, xml: &str) -> String {
        let to = &self.idp.sso[0].location;
        let state = self.relay_state();
        if self.is_flawed("request-sha1") {
            return sign_with_sha1(to, Parameter::Request, xml, "state");
        }
        redirect::encode(to, Parameter::Request, xml, state.as_deref(), None).unwrap()
    }

    /// Returns the ID of a request. Without a flaw, this is the ID `good`.
    pub(super) fn request_id(&self, good: String) -> String {
        if self.is_flawed("request-counts") {
            let memory = self.memory.lock().unwrap();
            // Three browsers send a request, one after the other.
            return format!("_request-{:04}", memory.requests.len());
        }
        if self.is_flawed("request-id-again") {
            return "_0123456789abcdef0123456789abcdef".to_owned();
        }
        good
    }

    /// Returns the RelayState of a request.
    pub(super) fn relay_state(&self) -> Option<String> {
        let state = [
            ("relay-state", "a".repeat(80)),
            ("relay-state-long", "a".repeat(81)),
            ("relay-state-address", "/whoami".to_owned()),
        ];
        let mut all = state.into_iter();
        all.find(|(flaw, _)| self.is_flawed(flaw)).map(|(_, it)| it)
    }

    /// Changes the metadata as this flaw does.
    pub(super) fn change_metadata(&self, flaw: &str, metadata: &mut SpMetadata) {
        let slo = |binding: &str| Endpoint::at(binding, &format!("{}/slo", self.base));
        match flaw {
            "announces-signed" => metadata.authn_requests_signed = true,
            "metadata-key" => metadata.certificates = vec![KEY.certificate().clone()],
            "metadata-old-certificate" => metadata.certificates = vec![old_certificate()],
            "decrypts" => metadata.encryption_certificates = vec![KEY.certificate().clone()],
            "logout" => {
                metadata.slo = vec![slo(names::HTTP_POST), slo(names::HTTP_REDIRECT)];
                metadata.certificates = vec![KEY.certificate().clone()];
            }
            "logout-post-only" => {
                metadata.slo = vec![slo(names::HTTP_POST)];
                metadata.certificates = vec![KEY.certificate().clone()];
            }
            _ => {}
        }
    }

    /// Returns the metadata as a document.
    pub(crate) fn document(&self) -> String {
        let document = self.metadata().to_xml();
        let own = format!("Location=\"{}/acs\"", self.base);
        let change = |from: &str, to: &str| {
            assert!(document.contains(from), "{from}: {document}");
            document.replacen(from, to, 1)
        };
        if self.is_flawed("metadata-order") {
            let end = "</md:SPSSODescriptor>";
            return change(
                end,
                &format!("<md:NameIDFormat>urn:x</md:NameIDFormat>{end}"),
            );
        }
        if self.is_flawed("metadata-http") {
            return change(&own, "Location=\"http://sp.example/acs\"");
        }
        if self.is_flawed("metadata-ended") {
            return change("entityID=", "validUntil=\"2020-01-01T00:00:00Z\" entityID=");
        }
        if self.is_flawed("metadata-indexes") {
            let (_, rest) = document.split_once("<md:AssertionConsumerService").unwrap();
            let (one, _) = rest.split_once("</md:AssertionConsumerService>").unwrap();
            let one = format!("<md:AssertionConsumerService{one}</md:AssertionConsumerService>");
            return change(&one, &format!("{one}{one}"));
        }
        if self.is_flawed("metadata-secret") {
            return format!("{document}<!-- BEGIN PRIVATE KEY -->");
        }
        document
    }

    /// Returns the attribute `SameSite` of the cookie of a request.
    pub(super) fn same_site(&self) -> &'static str {
        let find = |it: &Switch| match it {
            Switch::LaxCookies => Some("; SameSite=Lax"),
            Switch::UnsafeCookies => Some("; SameSite=None"),
            _ => None,
        };
        self.switches.iter().find_map(find).unwrap_or_default()
    }

    /// Remembers the IDs of the Response and of its assertions. False if it knows one of them
    /// already.
    pub(super) fn are_new_ids(&self, document: &str) -> bool {
        let mut memory = self.memory.lock().unwrap();
        let starts = document.split("<saml").skip(1);
        let mut are_new = true;
        for start in starts.filter_map(|it| it.split('>').next()) {
            let is_message = start.starts_with("p:Response ") || start.starts_with(":Assertion ");
            let id = start
                .split_once(" ID=\"")
                .and_then(|(_, it)| it.split_once('"'));
            if let Some((id, _)) = id.filter(|_| is_message) {
                are_new &= memory.seen.insert(format!("received {id}"));
            }
        }
        are_new
    }

    /// True if the browser is logged in as another user than this one.
    pub(super) fn is_another(&self, headers: &HeaderMap, user: &str) -> bool {
        let memory = self.memory.lock().unwrap();
        let session = cookie(headers, "session").and_then(|it| memory.sessions.get(it));
        session.is_some_and(|it| it.user != user)
    }

    /// Creates a session; returns its cookie.
    pub(super) fn log_in(&self, headers: &HeaderMap, user: String, document: &str) -> String {
        let quoted = |after: &str| {
            let (_, rest) = document.split_once(after)?;
            Some(rest.split('"').next()?.to_owned())
        };
        let name = document.split_once("<saml:NameID").and_then(|(_, rest)| {
            let (_, value) = rest.split_once('>')?;
            Some(value.split('<').next()?.to_owned())
        });
        let mut memory = self.memory.lock().unwrap();
        let former = cookie(headers, "session").and_then(|it| memory.sessions.remove(it));
        let shown = match former {
            Some(former) if self.is_flawed("merges-users") => {
                format!("{};user={user}", former.shown)
            }
            _ => self.shown_as(&user),
        };
        memory.last = Some(user.clone());
        let session = match cookie(headers, "browser") {
            Some(browser) if self.is_flawed("fixed-session") => browser.to_owned(),
            _ => self.ambient.rng().token(16),
        };
        let made = Session {
            shown,
            user,
            index: quoted("SessionIndex=\"").unwrap_or_default(),
            name: name.unwrap_or_default(),
            format: quoted("<saml:NameID Format=\"").unwrap_or_default(),
            ends: self.session_end(quoted("SessionNotOnOrAfter=\"")),
            number: memory.logins,
        };
        memory.logins += 1;
        memory.sessions.insert(session.clone(), made);
        let mut cookie = format!("session={session}; Path=/");
        if !self.is_flawed("no-http-only") {
            cookie.push_str("; HttpOnly");
        }
        if !self.is_flawed("no-same-site") {
            cookie.push_str("; SameSite=Lax");
        }
        cookie
    }

    /// Returns the redirect after a login.
    pub(super) fn next_page(&self, relay_state: &str) -> Response {
        let home = || Redirect::to("/whoami").into_response();
        let to = |location: &str| match HeaderValue::from_str(location) {
            Ok(value) => {
                let mut answer = home();
                answer.headers_mut().insert(header::LOCATION, value);
                answer
            }
            Err(_) => home(),
        };
        let is_web = relay_state.starts_with("http://") || relay_state.starts_with("https:");
        if self.is_flawed("any-address") && is_web {
            return to(relay_state);
        }
        // Only a path, or a URL that begins with the base URL, is on this site.
        let is_path = relay_state.starts_with('/') && !relay_state[1..].starts_with(['/', '\\']);
        let is_own = relay_state.starts_with(&format!("{}/", self.base));
        if self.is_flawed("own-address") && (is_path || is_own) {
            return to(relay_state);
        }
        if self.is_flawed("any-path") && relay_state.starts_with('/') {
            return to(relay_state);
        }
        if self.is_flawed("script-address") && relay_state.starts_with("javascript:") {
            return Html(format!("<a href=\"{relay_state}\">Continue</a>")).into_response();
        }
        if self.is_flawed("header-of-relay-state")
            && let Some((_, line)) = relay_state.split_once("\r\n")
            && let Some((name, value)) = line.split_once(": ")
        {
            let mut answer = home();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            answer
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
            return answer;
        }
        if self.is_flawed("markup-of-relay-state") && !relay_state.is_empty() {
            return Html(format!("<input value=\"{relay_state}\">")).into_response();
        }
        home()
    }
}
