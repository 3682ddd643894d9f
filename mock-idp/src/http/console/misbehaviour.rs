//! Settings → Misbehaviour: which faults of the catalogue an application's
//! answers have, and how often.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use faults::Fault;
use maud::{Markup, html};

use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, badge};
use super::session::Submitted;
use crate::Idp;
use crate::misbehaviour::{self, Times};
use crate::refusal::{Refused, Result};
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/misbehaviour", get(list))
        .route("/{env}/misbehaviour/{app}", get(show).post(choose))
        .route("/{env}/misbehaviour/{app}/remove", post(remove))
}

const TIMES: [(&str, &str, &str); 4] = [
    ("once", "At the next answer", "Then it is honest again."),
    (
        "third",
        "At every third answer",
        "The first of them is the third from now.",
    ),
    (
        "quarter",
        "At a quarter of the answers",
        "Which ones is left to the seeded chance.",
    ),
    (
        "always",
        "At every answer",
        "Until it is removed here, or the server restarts.",
    ),
];

fn catalogue() -> Result<Vec<Fault>> {
    let mut all = faults::catalogue().map_err(|error| Refused::Internal(error.to_string()))?;
    all.retain(misbehaviour::is_ours);
    all.sort_by(|a, b| (a.family, &a.id).cmp(&(b.family, &b.id)));
    Ok(all)
}

/// A name of the catalogue (`SignatureWrapping`) as words.
fn family(fault: &Fault) -> String {
    let mut words = String::new();
    for letter in format!("{:?}", fault.family).chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

async fn list(console: Console) -> Shown {
    let applications = console
        .idp
        .list(console.env_id(), Kind::Application, None)
        .await?;
    let body = html! {
        p.lead { "What this identity provider gets wrong on purpose, so that a service provider can be seen to refuse it." }
        @if applications.is_empty() {
            (parts::empty("Misbehaviour is chosen for an application: add one first.",
                &html! { a.button.primary href=(console.at("/applications/new")) { "Add Application" } }))
        } @else {
            table {
                thead { tr { th scope="col" { "Application" } th scope="col" { "Faults" } } }
                tbody {
                    @for application in &applications {
                        @let chosen = console.idp.misbehaviour.chosen(console.env_id(), &application.id);
                        tr {
                            th scope="row" { a href=(console.at(&format!("/misbehaviour/{}", application.id))) { (application.name) } }
                            td {
                                @if chosen.is_empty() { (badge("good", "Honest")) }
                                @for (fault, _) in &chosen { (badge("bad", &fault.id)) " " }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Misbehaviour,
        title: "Misbehaviour",
        body,
        ..Sheet::default()
    }))
}

fn choice(form: &Form, all: &[Fault]) -> Markup {
    let wrong = form.wrong("fault");
    html! {
        div.field.wrong[wrong.is_some()] {
            label for="fault" { "Fault" }
            @if let Some(wrong) = &wrong { p.error #fault-error { (wrong) } }
            select id="fault" name="fault" aria-required="true"
                aria-describedby=[wrong.is_some().then_some("fault-error")] {
                option value="" { "Choose a fault" }
                @for group in all.chunk_by(|a, b| a.family == b.family) {
                    optgroup label=(family(&group[0])) {
                        @for fault in group {
                            option value=(fault.id) selected[form.text("fault") == fault.id] { (fault.id) }
                        }
                    }
                }
            }
        }
        (parts::choices(form, "radio", "times", "How often", &TIMES))
    }
}

fn page(console: &Console, application: &Resource, all: &[Fault], form: &Form) -> Response {
    let path = format!("/misbehaviour/{}", application.id);
    let chosen = console
        .idp
        .misbehaviour
        .chosen(console.env_id(), &application.id);
    let body = html! {
        section.card aria-labelledby="chosen" {
            h2 #chosen { "Chosen" }
            @if chosen.is_empty() { p { (badge("good", "Honest")) " Its answers are right." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Fault" } th scope="col" { "What it does" } th scope="col" { "How often" } th scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for (fault, times) in &chosen {
                            tr {
                                th scope="row" { code { (fault.id) } }
                                td { (fault.about) p.small { (fault.spec) } }
                                td { (often(*times)) }
                                td.actions {
                                    (console.button(&format!("{path}/remove"), &[("fault", &fault.id)],
                                        &html! { button type="submit" { "Remove" span.visually-hidden { " " (fault.id) } } }))
                                }
                            }
                        }
                    }
                }
            }
        }
        section.card aria-labelledby="choosing" {
            h2 #choosing { "Choose a fault" }
            (console.form(&path, &html! {
                (choice(form, all))
                button.primary type="submit" { "Misbehave" }
            }))
        }
        details.catalogue {
            summary { "The catalogue: " (all.len()) " faults" }
            table {
                thead { tr { th scope="col" { "Fault" } th scope="col" { "Family" } th scope="col" { "What it does" } } }
                tbody { @for fault in all { tr {
                    th scope="row" { code { (fault.id) } }
                    td { (family(fault)) }
                    td { (fault.about) p.small { (fault.spec) } }
                } } }
            }
        }
    };
    console.show(&Sheet {
        here: Here::Misbehaviour,
        title: &application.name,
        above: &[("Misbehaviour", "/misbehaviour")],
        body,
        form: Some(form),
        ..Sheet::default()
    })
}

fn often(times: Times) -> String {
    match times {
        Times::Always => "At every answer".into(),
        Times::Once => "At the next answer".into(),
        Times::Every(nth) => format!("At one answer of {nth}"),
        Times::Percent(percent) => format!("At {percent} of 100 answers, by chance"),
    }
}

async fn found(console: &Console, id: &str) -> Result<Resource> {
    console
        .idp
        .get(console.env_id(), Kind::Application, id)
        .await
}

async fn show(console: Console, Path((_, app)): Path<(String, String)>) -> Shown {
    let application = found(&console, &app).await?;
    let form = Form::default().with("times", "once");
    Ok(page(&console, &application, &catalogue()?, &form))
}

async fn choose(
    console: Console,
    Path((_, app)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let application = found(&console, &app).await?;
    let all = catalogue()?;
    let Some(fault) = all.iter().find(|fault| fault.id == form.text("fault")) else {
        let wrong = Refused::invalid("fault", "choose a fault of the list");
        return Ok(page(&console, &application, &all, &form.refused(wrong)?));
    };
    let times = match form.text("times") {
        "once" => Times::Once,
        "third" => Times::Every(3),
        "quarter" => Times::Percent(25),
        _ => Times::Always,
    };
    let mut chosen = console.idp.misbehaviour.chosen(console.env_id(), &app);
    chosen.retain(|(other, _)| other.id != fault.id);
    chosen.push((fault.clone(), times));
    console
        .idp
        .misbehaviour
        .choose(console.env_id(), &app, chosen);
    Ok(console.done(&format!("/misbehaviour/{app}"), "added"))
}

async fn remove(
    console: Console,
    Path((_, app)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let mut chosen = console.idp.misbehaviour.chosen(console.env_id(), &app);
    chosen.retain(|(fault, _)| fault.id != form.text("fault"));
    console
        .idp
        .misbehaviour
        .choose(console.env_id(), &app, chosen);
    Ok(console.done(&format!("/misbehaviour/{app}"), "removed"))
}
