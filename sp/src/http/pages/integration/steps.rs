//! The sections of the seven steps: instructions, values to copy, and forms.

use ::scim::Rules;
use maud::{Markup, html};

use super::super::dashboard::at;
use super::super::form::Attempt;
use super::super::shell::{self, badge, copyable};
use super::{View, saml_step, scim_issuers, to};
use crate::configurator::scim::rules as scim_rules;
use crate::configurator::{Entered, Step, backup_login};
use crate::store::domains::DomainRow;

pub(super) fn section(view: &View<'_>, entered: &Entered, step: Step) -> Markup {
    let attempt = view.attempt(step);
    match step {
        Step::Domains => domains(view, entered, &attempt),
        Step::Application => application(view, entered, &attempt),
        Step::Groups => groups(view, entered, &attempt),
        Step::Saml => saml_step::section(view, entered, &attempt),
        Step::Scim => scim(view, entered, &attempt),
        Step::Users => users(view, entered, &attempt),
        Step::BackupLogin => backup(view, entered, &attempt),
    }
}

fn domains(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    html! {
        p { "The part of your users’ e-mail addresses after the @ sign. Each domain belongs to one business account only, and you prove that it is yours by a TXT record in its DNS." }
        @for row in &entered.domains {
            div.card {
                h3 { (row.domain) " " (badge(&row.status)) }
                @if row.status != "verified" {
                    p { "Add this TXT record at the DNS host of " strong { (row.domain) } ". It may take up to 72 hours to be seen." }
                    (copyable(&format!("txt-name-{}", row.domain), "Name", &row.domain))
                    (copyable(&format!("txt-value-{}", row.domain), "TXT value", &row.txt_value))
                    @match row.checked {
                        Some(checked) => p.hint aria-live="polite" { "Last look-up, " (at(checked)) ": " (row.detail) },
                        None => p.hint.nojs { "Not looked up yet: choose Verify when the record is there." },
                    }
                    p.hint.js-only aria-live="polite" { "Just now: " span data-live=(to(&format!("lookup/{}", row.domain))) { "looking…" } }
                } @else { p.hint { (row.detail) } }
                div.row {
                    form method="post" action=(to("verify")) {
                        (which(view, &row.domain))
                        button.small type="submit" aria-label=(format!("Verify {}", row.domain)) { "Verify" }
                    }
                    (shell::confirmation_form(&to("remove-domain"), &format!("Remove {}", row.domain),
                        &consequence_of_removal(entered, row), &which(view, &row.domain)))
                }
            }
        }
        form method="post" action=(to("domains")) {
            (view.hidden())
            (attempt.alert(&["domain"]))
            (attempt.field("text", "domain", "Domain", "", "Such as example.com"))
            div.row { button type="submit" { "Add Domain" } }
        }
    }
}

/// Returns the hidden fields of a form for one entry of a list.
fn which(view: &View<'_>, id: &str) -> Markup {
    html! { (view.hidden()) input type="hidden" name="which" value=(id); }
}

fn consequence_of_removal(entered: &Entered, row: &DomainRow) -> String {
    let name = &row.domain;
    match (row.status == "verified", entered.tenant.active == 1) {
        (true, true) => format!(
            "Users with an address at {name} can no longer sign in with SSO. To add the domain again, you need a new TXT record and a new verification."
        ),
        (true, false) => {
            format!(
                "{name} is verified. To add it again, you need a new TXT record and a new verification."
            )
        }
        (false, _) => {
            format!("{name} is removed from the list, and its TXT record is no longer valid.")
        }
    }
}

/// Returns the form of steps 2 and 6: "Configuration in the IdP Directory
/// is done".
fn confirmation(view: &View<'_>, act: &str, done: bool, attempt: &Attempt) -> Markup {
    html! {
        form method="post" action=(to(act)) {
            (view.hidden())
            (attempt.alert(&[]))
            label.check { input type="checkbox" name="done" value="1" checked[done]; "Configuration in the IdP Directory is done" }
            div.row { button type="submit" { "Save" } }
        }
    }
}

fn application(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    html! {
        p { "In your IdP, register a custom enterprise application for Parallels. In PingOne: " strong { "Connections → Applications → +" } ", a name, " strong { "SAML Application" } ", Save, and turn it on." }
        (confirmation(view, "application", entered.tenant.application_done == 1, attempt))
    }
}

fn groups(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let tenant = &entered.tenant;
    let stored = |value: &Option<String>| value.clone().unwrap_or_default();
    html! {
        p { "In your IdP, create two groups (" strong { "Identities → Groups → +" } ") and copy each one’s name and ID. Names must match precisely, letter case included." }
        form method="post" action=(to("groups")) {
            (view.hidden())
            (attempt.alert(&["admins_name", "admins_id", "users_name", "users_id"]))
            h3 { "Parallels Business Account Admins" }
            (attempt.field("text", "admins_name", "Name of the admins group", &stored(&tenant.admins_group_name), ""))
            (attempt.field("text", "admins_id", "ID of the admins group", &stored(&tenant.admins_group_id), ""))
            h3 { "Parallels Desktop Users" }
            (attempt.field("text", "users_name", "Name of the users group", &stored(&tenant.users_group_name), ""))
            (attempt.field("text", "users_id", "ID of the users group", &stored(&tenant.users_group_id), ""))
            div.row { button type="submit" { "Save" } }
        }
        h3 { "Attribute mappings of the application" }
        p { "Names are case-sensitive." }
        div.scroll tabindex="0" role="region" aria-label="Attribute mappings" { table {
            thead { tr { th { "Application attribute" } th { "PingOne user attribute" } } }
            tbody {
                tr { td { code { "displayname" } } td { "Expression: " code { "${user.name.given + ' ' + user.name.family}" } } }
                tr { td { code { "groups" } } td { "Group IDs" } }
                tr { td { code { "name" } } td { "Username" } }
                tr { td { code { "objectidentifier" } } td { "User ID" } }
            }
        } }
    }
}

/// The rules by which SCIM requests are read, with their names for people.
const RULES: [(Rules, &str); 2] = [
    (Rules::Rfc7644, "RFC 7644"),
    (Rules::Strict, "strict: interoperability profile, IPSIE"),
];

fn scim(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let tenant = &entered.tenant;
    let sp = view.portal.service_provider(&tenant.id);
    html! {
        p { "SCIM keeps the users here in constant sync with your directory. In PingOne: " strong { "Connections → Provisioning → + → New connection" } ". If your IdP doesn’t support SCIM, turn the option off." }
        (copyable("scim-base-url", "SCIM Base URL", &sp.scim_base_url))
        @match shown_token(view, entered) {
            Some((token, hint)) => {
                p.say.warn { (hint) }
                (copyable("scim-token", "Bearer Token", token))
            },
            None => @match &entered.token {
                Some(token) => {
                    div.label { "Bearer Token" }
                    p { code { "••••••••" (token.hint) } }
                },
                None => { div.label { "Bearer Token" } p.hint { "None yet." } },
            },
        }
        (tokens(view))
        @if entered.token.is_some() {
            (shell::confirmation_form(&to("scim-token"), "Replace Bearer Token",
                &format!("You get a new token to copy to your identity provider. The current one works for another {}, unless you end it before.", overlap(view)),
                &view.hidden()))
        } @else {
            (view.button("scim-token", "Make Bearer Token", "plain"))
        }
        (scim_issuers::section(view, &sp, attempt))
        (last_call(view))
        form method="post" action=(to("scim")) {
            (view.hidden())
            (attempt.alert(&scim_issuers::FIELDS))
            label.check { input type="checkbox" name="enabled" value="1" checked[tenant.scim_enabled == 1]; "SCIM Support" }
            label for="scim-rules" { "Rules" }
            select id="scim-rules" name="rules" aria-describedby="scim-rules-hint" {
                @for (value, text) in RULES {
                    option value=(value.name()) selected[value == scim_rules(tenant)] { (text) }
                }
            }
            p.hint id="scim-rules-hint" { "By the strict rules, unknown attributes and operations without a path are refused, and there are no passwords. Okta, Google and older clients of Entra ID need the rules of RFC 7644." }
            label.check { input type="checkbox" name="done" value="1" checked[tenant.scim_done == 1]; "Configuration in the IdP Directory is done" }
            div.row { button type="submit" { "Save" } }
        }
    }
}

/// Returns the bearer token in clear text, if it may still be shown, and the
/// hint for it.
fn shown_token<'v>(view: &'v View<'_>, entered: &'v Entered) -> Option<(&'v str, &'static str)> {
    if let Some(token) = &view.token {
        return Some((
            token,
            "Copy the bearer token now: it is shown only once, and only its hash is stored.",
        ));
    }
    let current = entered.token.as_ref()?;
    Some((
        current.clear_text.as_deref()?,
        "Copy the bearer token to your identity provider. It is shown until your identity provider uses it or you save this step as done.",
    ))
}

/// Returns how long a replaced token stays valid, in words.
fn overlap(view: &View<'_>) -> String {
    let span = view.portal.config.scim_token_overlap;
    match (span.as_hours(), span.as_mins()) {
        (1, _) => "hour".to_owned(),
        (0, minutes) => format!("{minutes} minutes"),
        (hours, _) => format!("{hours} hours"),
    }
}

/// Returns the table of valid tokens.
fn tokens(view: &View<'_>) -> Markup {
    html! {
        @if !view.tokens.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Valid bearer tokens" { table.stack {
                caption { "Valid bearer tokens" }
                thead { tr { th { "Token" } th { "Valid" } th { "Last used" } th { "" } } }
                tbody { @for row in &view.tokens { tr {
                    td { code { "…" (row.hint) } }
                    td data-name="Valid" {
                        @match row.expires {
                            None => "until you replace it",
                            Some(end) => { "replaced; until " (at(end)) },
                        }
                    }
                    td data-name="Last used" { @match row.last_used { Some(used) => (at(used)), None => "never" } }
                    td { @if row.expires.is_some() {
                        (shell::confirmation_form(&to("end-token"), "End it now",
                            &format!("The token …{} stops working at once. If your identity provider still uses it, provisioning stops until it has the new one.", row.hint),
                            &which(view, crate::configurator::scim::token_id(row))))
                    } }
                } } }
            } }
        }
    }
}

/// Returns the last SCIM request, and a hint if SCIM has not written
/// anything yet.
fn last_call(view: &View<'_>) -> Markup {
    html! {
        div.label { "Last call from your identity provider" }
        @match &view.last_call {
            Some(row) => p {
                (at(row.happened)) ": " code { (row.method) " " (row.path) } " "
                span class=(if row.status < 400 { "badge green" } else { "badge red" }) { (row.status) }
                " " a href="/scim-log" { "SCIM Sync Log" }
            },
            None => p { "Never." },
        }
        @if !view.provisioned {
            p { "No user has been sent. Your identity provider sends nothing until the connection has a rule that is turned on and names the users and groups to provision. In PingOne: " strong { "Connections → Provisioning → + → New rule" } "." }
        }
    }
}

fn users(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    html! {
        p { "In your IdP, create the users (" strong { "Identities → Users" } ") and add them to the two groups of step 3. You may also do that later." }
        (confirmation(view, "users", entered.tenant.users_done == 1, attempt))
    }
}

fn backup(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let shown = backup_login::email_to_show(entered);
    let typed = attempt.typed.given("backup_login").unwrap_or(shown);
    html! {
        p { "Who can enter this business account with a password when single sign-on does not work. To choose another person, add them on the " a href="/profile/business/users?role=All&status=All" { "Users" } " page first; they must have signed in here once." }
        form method="post" action=(to("backup-login")) {
            (view.hidden())
            (attempt.alert(&[]))
            label for="backup_login" { "Backup login" }
            select id="backup_login" name="backup_login" {
                @for email in &view.members { option value=(email) selected[email == typed] { (email) } }
            }
            div.row { button type="submit" { "Save" } }
        }
    }
}
