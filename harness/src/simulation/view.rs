//! The simulation page as HTML, in the style of the identity provider's console. It works
//! without JavaScript.

use maud::{DOCTYPE, Markup, html};

use super::controls::{Application, ControlError, FaultCatalogue, FaultEntry};
use super::forms::Refused;
use super::site::Site;
use world::social::Misbehavior;

/// Rules that the console's style sheet does not have.
const OWN_STYLE: &str = "
main.simulation { max-width: 60rem; margin: 0 auto; }
.simulation form { max-width: none; }
.simulation section { scroll-margin-top: 4.5rem; }
.simulation .row { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: end; }
.simulation .row .field { flex: 1 1 10rem; }
.simulation .row .wide { flex-basis: 20rem; }
.simulation .row .buttons { margin: 0 0 1.25rem; }
.simulation table { margin-bottom: 1.25rem; }
.simulation table form { margin: 0; padding: 0; border: 0; box-shadow: none; background: none; }
.jump { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-bottom: 1.25rem; }
.simulation .top a { color: inherit; }
.simulation > .lead, .simulation > dl { margin-bottom: 1.25rem; }
.simulation pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
";

/// A section of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// License keys.
    Keys,
    /// DNS records.
    Dns,
    /// The clock of the parties.
    Clock,
    /// Faults of the identity provider and of the transport.
    Faults,
    /// People who can be chosen at the social identity providers.
    Social,
}

impl Section {
    const ALL: [Self; 5] = [
        Self::Keys,
        Self::Dns,
        Self::Clock,
        Self::Faults,
        Self::Social,
    ];

    /// Returns the id of the section, which is also its anchor.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Dns => "dns",
            Self::Clock => "clock",
            Self::Faults => "faults",
            Self::Social => "social",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Keys => "License keys",
            Self::Dns => "DNS records",
            Self::Clock => "Clock",
            Self::Faults => "Faults",
            Self::Social => "Social identities",
        }
    }
}

/// Returns the style sheet of the page.
pub(super) fn style() -> String {
    format!("{}{OWN_STYLE}", mock_idp::CONSOLE_STYLE)
}

/// Returns the sentence for the word in the URL that says what was done.
pub(super) fn done_message(word: &str) -> Option<&'static str> {
    Some(match word {
        "key" => "The license key is created: register it in the portal.",
        "record" => "The record is published.",
        "removed" => "Removed.",
        "clock" => "The clock was moved forward.",
        "fault-on" => "The fault is on.",
        "fault-off" => "The fault is off.",
        "identity" => "The identity is added.",
        "saved" => "Changes saved.",
        _ => return None,
    })
}

/// Returns the whole page.
pub(super) async fn render_page(site: &Site, done: Option<&str>, refused: &Refused) -> Markup {
    let sections = html! {
        (render_keys(site, refused).await)
        (render_dns(site, refused).await)
        (render_clock(site, refused).await)
        (render_faults(site, refused).await)
        (render_social(site, refused))
    };
    let body = html! {
        div.title { h1 { "Simulation" } }
        @if let Some(done) = done { p.done role="status" { (done) } }
        p.lead { "Controls what the vendor, the DNS administrator and time do in reality." }
        nav.jump aria-label="On this page" {
            @for section in Section::ALL { a href={ "#" (section.id()) } { (section.title()) } }
            a href="/explain" { "Explain a SAML message" }
            a href="/checks" { "Check a server" }
        }
        (sections)
    };
    frame(site, "Simulation", &body)
}

/// Returns a page with head and with links to the parties.
pub(super) fn frame(site: &Site, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Rehearsal" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.top {
                    a.brand href="/" { "Rehearsal simulation" }
                    @if let Some(portal) = &site.controls.portal { a.quiet href=(portal) { "Portal" } }
                    @if let Some(console) = &site.controls.console { a.quiet href=(console) { "Identity Console" } }
                }
                main.simulation id="content" { (body) }
            }
        }
    }
}

fn card(section: Section, lead: &str, refused: &Refused, body: &Markup) -> Markup {
    html! {
        section.card id=(section.id()) aria-labelledby={ (section.id()) "-title" } {
            h2 id={ (section.id()) "-title" } { (section.title()) }
            p.lead { (lead) }
            @if refused.section == Some(section) {
                p.problems role="alert" { (refused.reason) }
            }
            (body)
        }
    }
}

/// Returns a form of the page, with the form token.
pub(super) fn form(site: &Site, action: &str, body: &Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name="form_token" value=(site.form_token);
            (body)
        }
    }
}

/// Returns what was typed into a refused form, or `otherwise`.
fn entered_value<'r>(
    refused: &'r Refused,
    section: Section,
    name: &str,
    otherwise: &'r str,
) -> &'r str {
    let typed = refused.fields.get(name).map(String::as_str);
    match refused.section == Some(section) {
        true => typed.unwrap_or(otherwise),
        false => otherwise,
    }
}

/// Returns what a section shows when its control does not work.
fn unavailable(error: &ControlError) -> Markup {
    html! { p.none { "Not available: " (ambient::error_chain(error)) } }
}

/// Returns the badge of a key's state.
fn key_state(state: &str) -> Markup {
    match state {
        "valid" => html! { span.badge.good { "Valid" } },
        "registered" => html! { span.badge { "Registered" } },
        "expired" => html! { span.badge.bad { "Expired" } },
        _ => html! { span.badge.bad { "Cancelled" } },
    }
}

async fn render_keys(site: &Site, refused: &Refused) -> Markup {
    let section = Section::Keys;
    let (known, error) = match site.controls.list_keys().await {
        Ok(known) => (known, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let kind = entered_value(refused, section, "kind", "per-user");
    let body = html! {
        @if let Some(error) = &error { (unavailable(error)) }
        @if !known.is_empty() {
            table {
                thead { tr { th scope="col" { "Key" } th scope="col" { "License" } th scope="col" { "Seats" } th scope="col" { "State" } } }
                tbody {
                    @for key in &known {
                        tr {
                            th scope="row" { code { (key.key) } }
                            td { (key.licensing) }
                            td data-name="Seats" { (key.seats) }
                            td { (key_state(&key.state)) }
                        }
                    }
                }
            }
        }
        (form(site, "/keys", &html! {
            div.row {
                div.field {
                    label for="kind" { "License" }
                    select id="kind" name="kind" {
                        option value="per-user" selected[kind == "per-user"] { "Per user (Business Edition)" }
                        option value="per-device" selected[kind == "per-device"] { "Per device" }
                    }
                }
                div.field {
                    label for="seats" { "Seats" }
                    input id="seats" name="seats" type="number" min="1" required value=(entered_value(refused, section, "seats", "5"));
                }
                div.field {
                    label for="expires" { "Last day " span.optional { "(optional; a day in the past makes an expired key)" } }
                    input id="expires" name="expires" type="date" value=(entered_value(refused, section, "expires", ""));
                }
                div.buttons { button.primary type="submit" { "Create License Key" } }
            }
        }))
    };
    card(
        section,
        "Create a key as the vendor's shop does, then register it in the portal under Register Key. Without a last day it ends in a year.",
        refused,
        &body,
    )
}

async fn render_dns(site: &Site, refused: &Refused) -> Markup {
    let section = Section::Dns;
    let body = match site.controls.zones.list_txt_records().await {
        Err(error) => unavailable(&error.into()),
        Ok(records) => html! {
            @if records.is_empty() { p.none { "There are no records yet." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "TXT value" } th.actions scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for record in &records {
                            tr {
                                th scope="row" { (record.name) }
                                td { code { (record.value) } }
                                td.actions {
                                    (form(site, "/dns/remove", &html! {
                                        input type="hidden" name="name" value=(record.name);
                                        input type="hidden" name="value" value=(record.value);
                                        button type="submit" aria-label={ "Remove the record of " (record.name) } { "Remove" }
                                    }))
                                }
                            }
                        }
                    }
                }
            }
            (form(site, "/dns", &html! {
                div.row {
                    div.field {
                        label for="name" { "Name" }
                        input id="name" name="name" placeholder="lumen.example" required autocapitalize="off" spellcheck="false" value=(entered_value(refused, section, "name", ""));
                    }
                    div.field.wide {
                        label for="value" { "TXT value" }
                        input id="value" name="value" required autocapitalize="off" spellcheck="false" value=(entered_value(refused, section, "value", ""));
                    }
                    div.buttons { button.primary type="submit" { "Add Record" } }
                }
            }))
        },
    };
    card(
        section,
        "The portal verifies a domain by a TXT record. It shows the value in step 1 of IdP Integration; publish it here.",
        refused,
        &body,
    )
}

async fn render_clock(site: &Site, refused: &Refused) -> Markup {
    let section = Section::Clock;
    let clocks = async {
        Ok::<_, ControlError>((
            site.controls.read_portal_clock().await?,
            site.controls.read_idp_clock().await?,
        ))
    };
    let body = match clocks.await {
        Err(error) => unavailable(&error),
        Ok((portal, idp)) => html! {
            dl {
                dt { "Portal" } dd { time datetime=(portal.now) { (portal.now.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
                dt { "Identity provider" } dd { time datetime=(idp.now) { (idp.now.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
            }
            @if portal.simulated && idp.simulated {
                (form(site, "/clock", &html! {
                    @let unit = entered_value(refused, section, "unit", "days");
                    div.row {
                        div.field {
                            label for="amount" { "Move forward by" }
                            input id="amount" name="amount" type="number" min="1" required value=(entered_value(refused, section, "amount", "1"));
                        }
                        div.field {
                            label for="unit" { "Unit" }
                            select id="unit" name="unit" {
                                @for name in ["minutes", "hours", "days"] {
                                    option value=(name) selected[unit == name] { (name) }
                                }
                            }
                        }
                        div.buttons { button.primary type="submit" { "Move Clock Forward" } }
                    }
                }))
            } @else {
                p.none { "The parties follow the machine's clock. To move it, start them with SP_CLOCK=simulated and MOCK_IDP_SIMULATED_CLOCK=true." }
            }
        },
    };
    card(
        section,
        "Moves the clocks of both parties. Sessions, licenses, certificates and tokens expire accordingly.",
        refused,
        &body,
    )
}

async fn render_faults(site: &Site, refused: &Refused) -> Markup {
    let found = async {
        let catalogue = site.controls.read_fault_catalogue().await?;
        Ok::<_, ControlError>((catalogue, site.controls.list_applications().await?))
    };
    let body = match found.await {
        Err(error) => unavailable(&error),
        Ok((_, applications)) if applications.is_empty() => html! {
            p.none { "The identity provider has no application yet: faults are switched on for an application." }
        },
        Ok((catalogue, applications)) => html! {
            @for (number, application) in applications.iter().enumerate() {
                (render_application_faults(site, &catalogue, application, number))
            }
        },
    };
    card(
        Section::Faults,
        "Deliberate errors of the identity provider: in the content of its Responses, and in the transport.",
        refused,
        &body,
    )
}

fn render_application_faults(
    site: &Site,
    catalogue: &FaultCatalogue,
    application: &Application,
    number: usize,
) -> Markup {
    let place = html! {
        input type="hidden" name="environment" value=(application.environment);
        input type="hidden" name="application" value=(application.id);
    };
    let about = |id: &str| {
        let mut all = catalogue.faults.iter().chain(&catalogue.transport);
        all.find(|entry| entry.id == id)
            .map_or(String::new(), |entry| entry.about.clone())
    };
    let options = |entries: &[FaultEntry]| {
        html! {
            @for entry in entries { option value=(entry.id) { (entry.id) ": " (entry.about) } }
        }
    };
    html! {
        h3 { (application.name) }
        @if application.faults.is_empty() { p { span.badge.good { "No fault is on" } } }
        @else {
            table {
                thead { tr { th scope="col" { "Fault" } th scope="col" { "What it does" } th.actions scope="col" { span.visually-hidden { "Actions" } } } }
                tbody {
                    @for fault in &application.faults {
                        @let id = fault["id"].as_str().unwrap_or_default();
                        tr {
                            th scope="row" { (id) }
                            td { (about(id)) }
                            td.actions {
                                (form(site, "/faults/off", &html! {
                                    (place)
                                    input type="hidden" name="fault" value=(id);
                                    button type="submit" aria-label={ "Switch off " (id) } { "Switch Off" }
                                }))
                            }
                        }
                    }
                }
            }
        }
        (form(site, "/faults", &html! {
            (place)
            div.row {
                div.field.wide {
                    label for={ "fault-" (number) } { "Fault" }
                    select id={ "fault-" (number) } name="fault" {
                        optgroup label="In the answer" { (options(&catalogue.faults)) }
                        optgroup label="In the transport" { (options(&catalogue.transport)) }
                    }
                }
                div.field {
                    label for={ "times-" (number) } { "When" }
                    select id={ "times-" (number) } name="times" {
                        option value="always" { "At every answer" }
                        option value="once" { "At the next answer only" }
                    }
                }
                div.buttons { button.primary type="submit" { "Switch On" } }
            }
        }))
    }
}

fn render_social(site: &Site, refused: &Refused) -> Markup {
    let section = Section::Social;
    let body = match &site.social {
        None => html! {
            p.none { "The social identity providers of this portal are not part of this simulation." }
        },
        Some(social) => html! {
            table {
                thead { tr { th scope="col" { "E-mail" } th scope="col" { "E-mail verified" } th.actions scope="col" { span.visually-hidden { "Actions" } } } }
                tbody {
                    @for identity in social.identities() {
                        tr {
                            th scope="row" { (identity.email) }
                            td data-name="E-mail verified" {
                                @if identity.verified { span.badge.good { "Yes" } } @else { span.badge.wait { "No" } }
                            }
                            td.actions {
                                (form(site, "/social-identities/remove", &html! {
                                    input type="hidden" name="email" value=(identity.email);
                                    button type="submit" aria-label={ "Remove " (identity.email) } { "Remove" }
                                }))
                            }
                        }
                    }
                }
            }
            (form(site, "/social-identities", &html! {
                div.row {
                    div.field.wide {
                        label for="email" { "E-mail" }
                        input id="email" name="email" type="email" required value=(entered_value(refused, section, "email", ""));
                    }
                    div.field { div.choice {
                        input id="verified" name="verified" type="checkbox" value="yes" checked;
                        label for="verified" { "E-mail verified" }
                    } }
                    div.buttons { button.primary type="submit" { "Add Identity" } }
                }
            }))
            (form(site, "/social-identities/fault", &html! {
                @let current = social.misbehavior();
                div.row {
                    div.field.wide {
                        label for="social-fault" { "Fault of the providers" }
                        select id="social-fault" name="fault" {
                            @for (id, about, fault) in Misbehavior::ALL {
                                option value=(id) selected[fault == current] { (about) }
                            }
                        }
                    }
                    div.buttons { button type="submit" { "Save" } }
                }
            }))
        },
    };
    card(
        section,
        "The people who can be chosen on the pages of Apple, Google and Facebook, to which the portal's login page leads.",
        refused,
        &body,
    )
}
