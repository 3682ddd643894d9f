//! Pages Settings → Misbehavior: which faults an application's Responses have, and how often.
//! Faults of the catalogue change the message; transport faults change how the HTTP answer is
//! sent.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use faults::Fault;
use maud::{Markup, html};

use super::form::{Form, capitalize};
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, badge};
use super::session::Submitted;
use crate::Idp;
use crate::misbehavior::{self, Times};
use crate::refusal::{Refused, Result};
use crate::store::resources::{Kind, Resource};
use crate::transport::{self, About, Transport};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/misbehavior", get(list))
        .route("/{env}/misbehavior/{app}", get(show).post(choose))
        .route("/{env}/misbehavior/{app}/remove", post(remove))
}

const TIMES: [(&str, &str, &str); 4] = [
    (
        "once",
        "At the next answer",
        "After that, Responses have no fault.",
    ),
    (
        "third",
        "At every third answer",
        "Counted from now: the third, the sixth, and so on.",
    ),
    (
        "quarter",
        "At a quarter of the answers",
        "Chosen at random; the same seed gives the same choice.",
    ),
    (
        "always",
        "At every answer",
        "Until it is removed here, or the server restarts.",
    ),
];

fn catalogue() -> Result<Vec<Fault>> {
    let mut all = faults::catalogue().map_err(|error| Refused::Internal(error.to_string()))?;
    all.retain(misbehavior::is_ours);
    all.sort_by(|a, b| (family(a), &a.id).cmp(&(family(b), &b.id)));
    Ok(all)
}

/// Returns the family of a fault in words: `Signature wrapping` for `SignatureWrapping`.
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
        p.lead { "Errors that this identity provider makes on purpose, so that you can see whether a service provider refuses them." }
        @if applications.is_empty() {
            (parts::empty("You choose faults for an application. Add an application first.",
                &html! { a.button.primary href=(console.at("/applications/new")) { "Add Application" } }))
        } @else {
            table {
                thead { tr { th scope="col" { "Application" } th scope="col" { "Faults" } } }
                tbody {
                    @for application in &applications {
                        @let chosen = chosen(&console, &application.id);
                        tr {
                            th scope="row" { a href=(console.at(&format!("/misbehavior/{}", application.id))) { (application.name) } }
                            td {
                                @if chosen.is_empty() { (badge("good", "No faults")) }
                                @for one in &chosen { (badge("bad", &one.id)) " " }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Misbehavior,
        title: "Misbehavior",
        body,
        ..Sheet::default()
    }))
}

/// A chosen fault, in the form that the page shows.
struct Chosen {
    id: String,
    does: String,
    beside: String,
    times: Times,
}

/// Returns the faults that are switched on for an application: faults of the catalogue, then faults
/// of the transport.
fn chosen(console: &Console, application: &str) -> Vec<Chosen> {
    let (all, env) = (&console.idp.misbehavior, console.env_id());
    let of_catalogue = all.chosen(env, application);
    let of_catalogue = of_catalogue.into_iter().map(|(fault, times)| Chosen {
        id: fault.id,
        does: fault.about,
        beside: fault.spec,
        times,
    });
    let of_transport = all.chosen_transport(env, application);
    let of_transport = of_transport.into_iter().map(|(fault, times)| Chosen {
        does: Transport::about(&fault.id()).map_or_else(String::new, words),
        beside: fault.setting().unwrap_or_default(),
        id: fault.id(),
        times,
    });
    of_catalogue.chain(of_transport).collect()
}

/// Returns a sentence that says what a transport fault does.
fn words(fault: &About) -> String {
    format!("{}.", capitalize(fault.about)).replace('`', "")
}

fn choice(form: &Form, all: &[Fault]) -> Markup {
    let wrong = form.wrong("fault");
    let option = |id: &str, about: &str| {
        html! { option value=(id) selected[form.text("fault") == id] { (id) ": " (about) } }
    };
    html! {
        div.field.wrong[wrong.is_some()] {
            label for="fault" { "Fault" }
            @if let Some(wrong) = &wrong { p.error #fault-error { (wrong) } }
            select id="fault" name="fault" aria-required="true"
                aria-describedby=[wrong.is_some().then_some("fault-error")] {
                option value="" { "Choose a fault" }
                @for group in all.chunk_by(|a, b| a.family == b.family) {
                    optgroup label=(family(&group[0])) { @for fault in group { (option(&fault.id, &fault.about)) } }
                }
                optgroup label="Transport" { @for fault in &transport::ALL { (option(fault.id, &words(fault))) } }
            }
        }
        (Field::new(form, "setting", "Setting")
            .hint("For transport faults only, for example 500 milliseconds. Empty: the default. The list below has the settings.")
            .input("text"))
        (parts::choices(form, "radio", "times", "How often", &TIMES))
    }
}

/// Renders the list of all faults, with what they do.
fn every_fault(all: &[Fault]) -> Markup {
    html! {
        details.catalogue {
            summary { "The catalogue: " (all.len()) " faults, and " (transport::ALL.len()) " transport faults" }
            table {
                thead { tr { th scope="col" { "Fault" } th scope="col" { "Family" } th scope="col" { "What it does" } } }
                tbody {
                    @for fault in all { tr {
                        th scope="row" { code { (fault.id) } }
                        td { (family(fault)) }
                        td { (fault.about) p.small { (fault.spec) } }
                    } }
                    @for fault in &transport::ALL { tr {
                        th scope="row" { code { (fault.id) } }
                        td { "Transport" }
                        td { (words(fault)) @if let Some(setting) = fault.setting { p.small { "Setting: " (setting) } } }
                    } }
                }
            }
        }
    }
}

fn page(console: &Console, application: &Resource, all: &[Fault], form: &Form) -> Response {
    let path = format!("/misbehavior/{}", application.id);
    let chosen = chosen(console, &application.id);
    let body = html! {
        section.card aria-labelledby="chosen" {
            h2 #chosen { "Chosen" }
            @if chosen.is_empty() { p { (badge("good", "No faults")) " Its Responses are correct." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Fault" } th scope="col" { "What it does" } th scope="col" { "How often" } th scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for one in &chosen {
                            tr {
                                th scope="row" { code { (one.id) } }
                                td { (one.does) @if !one.beside.is_empty() { p.small { (one.beside) } } }
                                td { (often(one.times)) }
                                td.actions {
                                    (console.button(&format!("{path}/remove"), &[("fault", &one.id)],
                                        &html! { button type="submit" { "Remove" span.visually-hidden { " " (one.id) } } }))
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
        (every_fault(all))
    };
    console.show(&Sheet {
        here: Here::Misbehavior,
        title: &application.name,
        above: &[("Misbehavior", "/misbehavior")],
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
        Times::Percent(percent) => format!("At {percent} percent of the answers, at random"),
    }
}

async fn find_application(console: &Console, id: &str) -> Result<Resource> {
    console
        .idp
        .get(console.env_id(), Kind::Application, id)
        .await
}

async fn show(console: Console, Path((_, app)): Path<(String, String)>) -> Shown {
    let application = find_application(&console, &app).await?;
    let form = Form::default().with("times", "once");
    Ok(page(&console, &application, &catalogue()?, &form))
}

fn times(form: &Form) -> Result<Times> {
    Ok(match form.text("times") {
        "once" => Times::Once,
        "third" => Times::Every(3),
        "quarter" => Times::Percent(25),
        "always" => Times::Always,
        _ => return Err(Refused::invalid("times", "choose how often from the list")),
    })
}

/// Adds the chosen fault. If it is chosen already, replaces the earlier choice.
fn add(console: &Console, app: &str, all: &[Fault], form: &Form) -> Result<()> {
    let (env, id, times) = (console.env_id(), form.text("fault"), times(form)?);
    let kept = &console.idp.misbehavior;
    if Transport::is_known(id) {
        let fault = Transport::set(id, form.text("setting"))
            .map_err(|error| Refused::invalid("setting", error))?;
        let mut chosen = kept.chosen_transport(env, app);
        chosen.retain(|(other, _)| other.id() != id);
        chosen.push((fault, times));
        kept.choose_transport(env, app, chosen);
        return Ok(());
    }
    let Some(fault) = all.iter().find(|fault| fault.id == id) else {
        return Err(Refused::invalid("fault", "choose a fault from the list"));
    };
    if !form.text("setting").is_empty() {
        return Err(Refused::invalid(
            "setting",
            "expected no setting: only transport faults have one",
        ));
    }
    let mut chosen = kept.chosen(env, app);
    chosen.retain(|(other, _)| other.id != id);
    chosen.push((fault.clone(), times));
    kept.choose(env, app, chosen);
    Ok(())
}

async fn choose(
    console: Console,
    Path((_, app)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let application = find_application(&console, &app).await?;
    let all = catalogue()?;
    let added = add(&console, &app, &all, &form);
    Ok(match form.check_outcome(added)? {
        Ok(()) => console.done(&format!("/misbehavior/{app}"), "added"),
        Err(form) => page(&console, &application, &all, &form),
    })
}

async fn remove(
    console: Console,
    Path((_, app)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let (kept, env, id) = (
        &console.idp.misbehavior,
        console.env_id(),
        form.text("fault"),
    );
    let mut chosen = kept.chosen(env, &app);
    chosen.retain(|(fault, _)| fault.id != id);
    kept.choose(env, &app, chosen);
    let mut chosen = kept.chosen_transport(env, &app);
    chosen.retain(|(fault, _)| fault.id() != id);
    kept.choose_transport(env, &app, chosen);
    Ok(console.done(&format!("/misbehavior/{app}"), "removed"))
}
