//! An identity provider that crashes at one request and is then restarted: the check names
//! the request, and the run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ambient::Ambient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::idp::{self, Credentials, Fetched, Gathering, Party, Person};
use rehearsal::check::runner::Runner;
use rehearsal::check::{Outcome, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Number of requests without an answer after the deadly one.
const DOWN: usize = 1;

/// A part of a RelayState of 2000 bytes: the ten digits, repeated.
const LONG: &str = "01234567890123456789";

/// Answers every request with an assertion. At the deadly request it closes the connection,
/// and also at the next [`DOWN`] requests.
struct Mortal {
    acs: String,
    /// A part of the first line of the deadly request.
    deadly: &'static str,
    /// How often it is still stopped.
    stops: AtomicUsize,
    down: AtomicUsize,
}

impl Mortal {
    async fn answer(&self, mut stream: TcpStream) {
        let mut asked = Vec::new();
        while !asked.windows(4).any(|it| it == b"\r\n\r\n") {
            if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let asked = String::from_utf8_lossy(&asked);
        let line = asked.lines().next().unwrap_or_default();
        let less = |number: usize| number.checked_sub(1);
        let stops = || {
            let order = Ordering::SeqCst;
            self.stops.fetch_update(order, order, less).is_ok()
        };
        if line.contains(self.deadly) && stops() {
            self.down.store(DOWN, Ordering::SeqCst);
            return;
        }
        let is_down = self
            .down
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        if is_down.is_ok() {
            return;
        }
        let response = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><saml:Assertion/></samlp:Response>";
        let page = format!(
            "<form method=\"post\" action=\"{}\"><input name=\"SAMLResponse\" value=\"{}\"></form>",
            self.acs,
            STANDARD.encode(response)
        );
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// Runs three trials, of which the second is the deadly one, so many times; returns the outcomes.
async fn run_trials(deadly: &'static str, stops: usize) -> Vec<Outcome> {
    let ambient = Ambient::real();
    let party = Party::start(0, None, &ambient).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let mortal = Arc::new(Mortal {
        acs: party.acs[0].clone(),
        deadly,
        stops: stops.into(),
        down: 0.into(),
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mortal = Arc::clone(&mortal);
            tokio::spawn(async move { mortal.answer(stream).await });
        }
    });
    let body = format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{place}\">\
         <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{place}/sso\"/>\
         </IDPSSODescriptor></EntityDescriptor>"
    );
    let gathering = Gathering {
        party: &party,
        ambient: &ambient,
        person: Person::Driven(Credentials {
            name: "grace@lumen.example".to_owned(),
            password: "Corp-2-maple-lantern".to_owned(),
        }),
        disabled: None,
        initiated: None,
        metadata: Fetched {
            place: "metadata.xml".to_owned(),
            media_type: None,
            cache_control: None,
            body,
            at: ambient.now(),
            entity_id: None,
        },
        runner: &Runner::default(),
    };
    let wanted = ["redirect", "relay-state-long", "second-browser"];
    let recording = gathering
        .gather_of(|name| wanted.contains(&name))
        .await
        .unwrap();
    // The run went on after the deadly request.
    let last = &recording.trials["second-browser"].ending;
    assert!(
        matches!(last, idp::recording::Ending::Answer(_)),
        "{last:?}"
    );
    idp::judge(&recording).outcomes
}

fn of<'o>(outcomes: &'o [Outcome], id: &str) -> &'o Outcome {
    outcomes.iter().find(|it| it.check.id == id).unwrap()
}

#[tokio::test]
async fn a_request_at_which_the_identity_provider_dies_is_a_denial_of_service() {
    let outcomes = run_trials(LONG, 2).await;
    let found = of(&outcomes, "SAML-IDP-DOS-01");
    assert_eq!(found.verdict, Verdict::Fail, "{}", found.actual);
    for part in [
        "denial of service by the request \"relay-state-long\"",
        "an honest sign-on failed afterwards",
        "it worked again at attempt 1; when it was repeated, an honest sign-on failed afterwards",
    ] {
        assert!(found.actual.contains(part), "{}", found.actual);
    }
    // Checks without an answer for this reason are folded under the finding.
    let folded = of(&outcomes, "SAML-IDP-REQ-23");
    assert_eq!(folded.verdict, Verdict::Skip, "{}", folded.actual);
    assert_eq!(folded.cause.as_deref(), Some("SAML-IDP-DOS-01"));
}

#[tokio::test]
async fn an_identity_provider_that_was_restarted_for_another_reason_is_not_blamed() {
    let outcomes = run_trials(LONG, 1).await;
    let found = of(&outcomes, "SAML-IDP-DOS-01");
    assert_eq!(found.verdict, Verdict::Pass, "{}", found.actual);
    // The repeated request was answered, so the checks of it are judged.
    let judged = of(&outcomes, "SAML-IDP-REQ-23");
    assert_ne!(judged.verdict, Verdict::Skip, "{}", judged.actual);
}

#[tokio::test]
async fn an_identity_provider_that_still_works_is_not_blamed() {
    let outcomes = run_trials("no request has this", 1).await;
    let found = of(&outcomes, "SAML-IDP-DOS-01");
    assert_eq!(found.verdict, Verdict::Pass, "{}", found.actual);
}
