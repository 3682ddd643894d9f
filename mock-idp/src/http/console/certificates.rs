//! Pages Settings → Certificates & Key Pairs: the keys that sign Responses; create, import,
//! rotate, make default, download, delete.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::applications::attachment;
use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, badge, named_value, plus, value_with_button};
use super::session::Submitted;
use crate::Idp;
use crate::applications::keys::signer;
use crate::directory::Document;
use crate::refusal::Result;
use crate::store::keys::KeyRow;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/certificates", get(list))
        .route("/{env}/certificates/new", get(new).post(create))
        .route("/{env}/certificates/{id}", get(show))
        .route("/{env}/certificates/{id}/certificate.pem", get(download))
        .route("/{env}/certificates/{id}/default", post(make_default))
        .route("/{env}/certificates/{id}/rotate", post(rotate))
        .route("/{env}/certificates/{id}/delete", post(delete))
}

/// The data of a key's certificate that the page shows.
struct Described {
    kind: String,
    subject: String,
    fingerprint: String,
    starts: String,
    ends: String,
    expired: bool,
}

fn describe_key(console: &Console, key: &KeyRow) -> Result<Described> {
    let decoded = signer(key)?;
    let certificate = decoded.certificate();
    Ok(Described {
        kind: certificate.key().to_owned(),
        subject: certificate.subject().to_owned(),
        fingerprint: certificate.fingerprint_sha256(),
        starts: certificate.not_before().strftime("%F").to_string(),
        ends: certificate.not_after().strftime("%F").to_string(),
        expired: console.idp.now() > certificate.not_after(),
    })
}

async fn list(console: Console) -> Shown {
    let keys = console.idp.list_keys(console.env_id()).await?;
    let mut rows = Vec::new();
    for key in &keys {
        rows.push((key, describe_key(&console, key)?));
    }
    let body = html! {
        table {
            thead { tr { th scope="col" { "Key Pair" } th scope="col" { "Algorithm" } th scope="col" { "Expires" } th scope="col" { "State" } } }
            tbody {
                @for (key, described) in &rows {
                    tr {
                        th scope="row" { a href=(console.at(&format!("/certificates/{}", key.id))) { (key.name) } }
                        td { (described.kind) }
                        td data-name="Expires" { (described.ends) }
                        td {
                            @if described.expired { (badge("bad", "Expired")) } @else { (badge("good", "Valid")) }
                            @if key.is_default { " " (badge("wait", "Default")) }
                        }
                    }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Certificates,
        title: "Certificates & Key Pairs",
        actions: plus(&console.at("/certificates/new"), "Add Key Pair"),
        body,
        ..Sheet::default()
    }))
}

fn new_page(console: &Console, form: &Form) -> Response {
    let fields = html! {
        (Field::new(form, "name", "Name").required().input("text"))
        (parts::choices(form, "radio", "by", "Key Pair", &[
            ("hand", "Create", "A new key with a self-signed certificate."),
            ("file", "Import", "A private key and its certificate, both in PEM."),
        ]))
        div.when-hand {
            (Field::new(form, "algorithm", "Algorithm").required().select(&[("RSA", "RSA 2048"), ("EC", "EC P-256")]))
            (Field::new(form, "validityPeriod", "Validity Period").required().hint("In days, 1 to 3650.").input("number"))
        }
        div.when-file {
            (Field::new(form, "privateKey", "Private Key").required().hint("PKCS#8 in PEM.").area(4))
            (Field::new(form, "certificate", "Certificate").required().hint("X.509 in PEM.").area(4))
        }
        (parts::checkbox(form, "default", "Make it the default", "It signs for all applications that have no key of their own."))
        (parts::save("Save", &console.at("/certificates")))
    };
    console.show(&Sheet {
        here: Here::Certificates,
        title: "Add Key Pair",
        above: &[("Certificates & Key Pairs", "/certificates")],
        body: console.form("/certificates/new", &fields),
        form: Some(form),
        ..Sheet::default()
    })
}

async fn new(console: Console) -> Response {
    let form = Form::default()
        .with("by", "hand")
        .with("validityPeriod", "365");
    new_page(&console, &form)
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let mut document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("default".to_owned(), form.has("default").into()),
    ]);
    if form.text("by") == "file" {
        for key in ["privateKey", "certificate"] {
            document.insert(key.to_owned(), form.text(key).into());
        }
    } else {
        document.insert("algorithm".into(), form.text("algorithm").into());
        let days: i64 = form.text("validityPeriod").parse().unwrap_or_default();
        document.insert("validityPeriod".into(), days.into());
    }
    let made = console.idp.create_key(console.env_id(), &document).await;
    Ok(match form.check_outcome(made)? {
        Ok(key) => console.done(&format!("/certificates/{}", key.id), "created"),
        Err(form) => new_page(&console, &form),
    })
}

async fn render_page(console: &Console, key: &KeyRow, form: Option<&Form>) -> Shown {
    let id = &key.id;
    let described = describe_key(console, key)?;
    let body = html! {
        section.card aria-labelledby="about" {
            h2 #about { "Key Pair" }
            dl {
                (named_value("Name", &key.name))
                (named_value("Algorithm", &described.kind))
                (named_value("Subject", &described.subject))
                (value_with_button("fingerprint", "SHA-256 Fingerprint", &described.fingerprint))
                (named_value("Valid", &format!("{} to {}", described.starts, described.ends)))
                dt { "State" }
                dd {
                    @if described.expired { (badge("bad", "Expired")) } @else { (badge("good", "Valid")) }
                    @if key.is_default { " " (badge("wait", "Default")) }
                }
            }
            div.buttons {
                a.button href=(console.at(&format!("/certificates/{id}/certificate.pem"))) download { "Download Certificate" }
                @if !key.is_default {
                    (console.button(&format!("/certificates/{id}/default"), &[], &html! { button type="submit" { "Make Default" } }))
                }
                (console.button(&format!("/certificates/{id}/rotate"), &[], &html! { button type="submit" { "Rotate" } }))
            }
            p.hint { "Rotate replaces this key by a new one of the same kind, in every application that uses it. Service providers then need the new certificate." }
        }
        @if !key.is_default {
            (console.deletion(&format!("/certificates/{id}/delete"), "Delete Key Pair",
                "Service providers that have its certificate can still verify what it signed."))
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Certificates,
        title: &key.name,
        above: &[("Certificates & Key Pairs", "/certificates")],
        body,
        form,
        ..Sheet::default()
    }))
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let key = console.idp.get_key(console.env_id(), &id).await?;
    render_page(&console, &key, None).await
}

async fn download(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let key = console.idp.get_key(console.env_id(), &id).await?;
    Ok(attachment(
        "application/x-pem-file",
        "certificate.pem",
        key.certificate,
    ))
}

async fn make_default(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    let document = Document::from_iter([("default".to_owned(), true.into())]);
    console
        .idp
        .change_key(console.env_id(), &id, &document)
        .await?;
    Ok(console.done(&format!("/certificates/{id}"), "saved"))
}

async fn rotate(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    let key = console.idp.rotate_key(console.env_id(), &id).await?;
    Ok(console.done(&format!("/certificates/{}", key.id), "created"))
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let key = console.idp.get_key(console.env_id(), &id).await?;
    let deleted = console.idp.delete_key(console.env_id(), &id).await;
    match form.check_outcome(deleted)? {
        Ok(()) => Ok(console.done("/certificates", "deleted")),
        Err(form) => render_page(&console, &key, Some(&form)).await,
    }
}
