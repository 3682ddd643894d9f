//! Encrypts the assertions of a finished message, for a service provider that accepts no others.

use saml::keys::Certificate;
use saml::names::ASSERTION;

use crate::KeyTransport;
use crate::document;
use crate::encryptor::{Encryptor, NO_CERTIFICATE, encrypt_element};
use crate::forge::Honest;

/// Encrypts the assertions of a finished message. A signature of the Response covers the assertions
/// and would become invalid, so that is an error.
pub(crate) fn conceal(text: &str, honest: &Honest<'_>) -> Result<String, String> {
    if is_response_signed(text) {
        return Err(
            "encrypting the assertion would break the signature of the Response".to_owned(),
        );
    }
    // The parser passes over a byte order mark, and its positions do not count it.
    let (mark, text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", text),
    };
    let encryptor = Encryptor::new(None, KeyTransport::default(), honest)?;
    let hidden = match encryptor.encrypt_assertions(text) {
        Ok(hidden) => hidden,
        // The fault is that it is not well-formed, or has what no message may have.
        Err(_) => conceal_unparsed(text, honest.recipient.ok_or(NO_CERTIFICATE)?)?,
    };
    if hidden == text {
        return Err("the Response has no assertion to encrypt".to_owned());
    }
    Ok(format!("{mark}{hidden}"))
}

/// True if a signature covers the Response. A fault may also put a signature of the assertion, or none
/// at all, in its place.
fn is_response_signed(text: &str) -> bool {
    let reference = "Response/Signature/SignedInfo/Reference";
    let Ok(uri) = document::value_of(text, reference, "URI") else {
        return false;
    };
    let id = document::value_of(text, "Response", "ID").unwrap_or_default();
    uri.is_empty() || uri == format!("#{id}")
}

/// Encrypts each assertion of a text that cannot be parsed. A document type declaration whose
/// entities an assertion uses is encrypted together with it, and so is an XML declaration with
/// another encoding: outside, they would have no effect on what is decrypted.
fn conceal_unparsed(text: &str, recipient: &Certificate) -> Result<String, String> {
    let (prologue, rest) = split_prologue(text);
    let assertions = find_assertions(rest)?;
    let is_inside = has_other_encoding(prologue)
        || assertions
            .iter()
            .any(|it| uses_entity(&rest[it.start..it.end]));
    let mut out = String::new();
    if !is_inside {
        out.push_str(prologue);
    }
    let mut at = 0;
    for found in assertions {
        let assertion = with_namespace(&rest[found.start..found.end]);
        let is_affected = is_inside && (has_other_encoding(prologue) || uses_entity(&assertion));
        let plain = match is_affected {
            true => format!("{prologue}{assertion}"),
            false => assertion,
        };
        out.push_str(&rest[at..found.start]);
        out.push_str(&encrypt_element(Some(recipient), "Assertion", &plain)?);
        at = found.end;
    }
    out.push_str(&rest[at..]);
    Ok(out)
}

/// Splits off the XML declaration or the document type declaration at the beginning.
fn split_prologue(text: &str) -> (&str, &str) {
    if text.starts_with("<?xml ") {
        let end = text.find("?>").map_or(0, |at| at + 2);
        return text.split_at(end);
    }
    if !text.starts_with("<!DOCTYPE ") {
        return ("", text);
    }
    let (mut quote, mut depth) = (None, 0);
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(open), _) if open == sign => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(sign),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, '>') if depth == 0 => return text.split_at(at + 1),
            _ => {}
        }
    }
    ("", text)
}

fn has_other_encoding(prologue: &str) -> bool {
    prologue.starts_with("<?xml ")
        && prologue.contains("encoding=")
        && !prologue.to_ascii_lowercase().contains("utf-8")
}

/// True if the text refers to an entity that is not one of XML's own.
fn uses_entity(text: &str) -> bool {
    const OWN: [&str; 5] = ["lt", "gt", "amp", "quot", "apos"];
    let names = text.split('&').skip(1).filter_map(|it| it.split_once(';'));
    let mut names = names.map(|(name, _)| name);
    names.any(|name| {
        let is_name = name.chars().all(char::is_alphanumeric);
        is_name && !name.is_empty() && !OWN.contains(&name)
    })
}

/// Returns where the outermost assertions are.
fn find_assertions(text: &str) -> Result<Vec<std::ops::Range<usize>>, String> {
    const OPEN: &str = "<saml:Assertion";
    const CLOSE: &str = "</saml:Assertion>";
    let next = |what: &str, from: usize| text[from..].find(what).map(|at| from + at);
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(start) = next(OPEN, from) {
        let (mut depth, mut at) = (1, start + OPEN.len());
        while depth > 0 {
            let close = next(CLOSE, at).ok_or("an assertion has no end")?;
            match next(OPEN, at).filter(|open| *open < close) {
                Some(open) => (depth, at) = (depth + 1, open + OPEN.len()),
                None => (depth, at) = (depth - 1, close + CLOSE.len()),
            }
        }
        all.push(start..at);
        from = at;
    }
    Ok(all)
}

/// Returns the assertion with the declaration of its own prefix, so that it can be read alone.
fn with_namespace(assertion: &str) -> String {
    let (tag, rest) = assertion.split_once('>').unwrap_or((assertion, ""));
    match tag.contains("xmlns:saml=") {
        true => assertion.to_owned(),
        false => format!("{tag} xmlns:saml=\"{ASSERTION}\">{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_type_declaration_ends_after_its_quotations_and_brackets() {
        for declaration in [
            "<!DOCTYPE Response>",
            "<!DOCTYPE Response SYSTEM 'x\"><!--'>",
            "<!DOCTYPE Response [<!ENTITY a \"]>\"><!ENTITY b \"c\">]>",
            "<?xml version=\"1.0\" encoding=\"UTF-7\"?>",
        ] {
            let text = format!("{declaration}<samlp:Response>");
            assert_eq!(split_prologue(&text), (declaration, "<samlp:Response>"));
        }
        assert_eq!(split_prologue("text<a>").0, "");
    }

    #[test]
    fn an_assertion_may_contain_others() {
        let inner = "<saml:Assertion a='1'><saml:Assertion></saml:Assertion>x</saml:Assertion>";
        let text = format!("<r>{inner}<?y <saml:Assertion></saml:Assertion>?></r>");
        let found = find_assertions(&text).unwrap();
        let found: Vec<&str> = found.into_iter().map(|it| &text[it]).collect();
        assert_eq!(found, [inner, "<saml:Assertion></saml:Assertion>"]);
        assert!(find_assertions("<saml:Assertion>").is_err());
    }

    #[test]
    fn only_entities_of_a_declaration_count() {
        assert!(uses_entity("<a>&who;</a>"));
        assert!(!uses_entity("<a>&amp;&#160; & b;</a>"));
    }
}
