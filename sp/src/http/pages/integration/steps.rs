//! The seven sections: instructions, values to copy, and a form each.

use maud::{Markup, html};

use super::super::form::Attempt;
use super::super::shell::{badge, copyable};
use super::{PAGE, View, saml_step};
use crate::configurator::{Entered, Step, backup_login};

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

pub(super) fn to(act: &str) -> String {
    format!("{PAGE}/{act}")
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
                    p.hint aria-live="polite" { "Last look-up: " (row.detail) }
                    p.hint.js-only aria-live="polite" { "Just now: " span data-live=(to(&format!("lookup/{}", row.domain))) { "looking…" } }
                } @else { p.hint { (row.detail) } }
                div.row {
                    @for (act, label, class) in [("verify", "Verify", "small"), ("remove-domain", "Remove", "plain small")] {
                        form method="post" action=(to(act)) {
                            (view.hidden())
                            input type="hidden" name="which" value=(row.domain);
                            button class=(class) type="submit" aria-label=(format!("{label} {}", row.domain)) { (label) }
                        }
                    }
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

/// "Configuration in the IdP Directory is done", of steps 2 and 6.
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
            (attempt.alert(&["users_name"]))
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

fn scim(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let tenant = &entered.tenant;
    let sp = view.portal.service_provider(&tenant.id);
    html! {
        p { "SCIM keeps the users here in constant sync with your directory. In PingOne: " strong { "Connections → Provisioning → + → New connection" } ". If your IdP doesn’t support SCIM, turn the option off." }
        (copyable("scim-base-url", "SCIM Base URL", &sp.scim_base_url))
        @match (&view.token, &entered.token) {
            (Some(token), _) => {
                p.say.warn { "Copy the bearer token now: it is shown this once, and only its hash is kept." }
                (copyable("scim-token", "Bearer Token", token))
            },
            (None, Some(token)) => {
                div.label { "Bearer Token" }
                p { code { "••••••••" (token.hint) } @if let Some(used) = token.last_used { span.hint { " last used " (super::super::dashboard::at(used)) } } }
            },
            (None, None) => { div.label { "Bearer Token" } p.hint { "None yet." } },
        }
        (view.button("scim-token", if entered.token.is_some() { "Replace Bearer Token" } else { "Make Bearer Token" }, "plain"))
        form method="post" action=(to("scim")) {
            (view.hidden())
            (attempt.alert(&[]))
            label.check { input type="checkbox" name="enabled" value="1" checked[tenant.scim_enabled == 1]; "SCIM Support" }
            label.check { input type="checkbox" name="done" value="1" checked[tenant.scim_done == 1]; "Configuration in the IdP Directory is done" }
            div.row { button type="submit" { "Save" } }
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
    let shown = backup_login::shown(entered);
    let typed = attempt.typed.given("backup_login").unwrap_or(shown);
    html! {
        p { "Who can enter this business account with a password when single sign-on is out of order. To choose somebody else, add them on the " a href="/profile/business/users?role=All&status=All" { "Users" } " page first; they must have signed in here once." }
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
