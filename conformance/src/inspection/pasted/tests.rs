//! One row for each thing that people paste: what is read, and by which repairs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// A request and a Response; their base64 contains `+` and padding.
const REQUEST: &str = "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    ID=\"_asked\" Version=\"2.0\"><p:Scoping ProxyCount=\"1\"/><!-- ~~>>>??? --></p:AuthnRequest>";
const RESPONSE: &str = "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    ID=\"_answer\" Version=\"2.0\"><p:Status><p:StatusCode Value=\"x\"/></p:Status>\
    <!-- >>~~>>>???>> --></p:Response>";

fn base64(xml: &str) -> String {
    let value = STANDARD.encode(xml);
    assert!(value.contains('+'), "{value}");
    value
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn wrapped(text: &str, width: usize, prefix: &str) -> String {
    let lines = text.as_bytes().chunks(width).enumerate();
    let lines = lines.map(|(at, line)| {
        let prefix = prefix.replace('N', &(at + 1).to_string());
        format!("{prefix}{}\n", String::from_utf8_lossy(line))
    });
    lines.collect()
}

fn quoted_printable(text: &str) -> String {
    let lines: Vec<String> = text
        .as_bytes()
        .chunks(60)
        .map(|line| String::from_utf8_lossy(line).replace('=', "=3D"))
        .collect();
    lines.join("=\n")
}

fn from_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The messages of a text, as documents, and the repairs of the first one.
fn read_all(text: &str) -> (Vec<String>, Vec<Repair>) {
    let found = messages(text);
    let repairs = found.first().map(|it| it.message.repairs.clone());
    let all = found.into_iter().map(|it| it.message.xml);
    (all.collect(), repairs.unwrap_or_default())
}

#[track_caller]
fn expect(text: &str, documents: &[&str], repairs: &[Repair]) {
    let (found, used) = read_all(text);
    assert_eq!(found, documents, "{text}");
    assert_eq!(used, repairs, "{text}");
}

#[test]
fn every_line_of_a_list_is_read() {
    let (request, response) = (base64(REQUEST), base64(RESPONSE));
    let (asked, answered) = (percent(&request), percent(&response));
    let both = &[REQUEST, RESPONSE];
    for text in [
        format!("SAMLRequest={asked}&RelayState=a\nSAMLResponse={answered}&RelayState=b\n"),
        format!("SAMLRequest={asked}&RelayState=a\r\nSAMLResponse={answered}&RelayState=b"),
        format!("SAMLRequest: {request}\nRelayState: a\nSAMLResponse: {response}\nRelayState: b\n"),
        format!("RelayState: a\nSAMLRequest: {request}\nRelayState: b\nSAMLResponse: {response}\n"),
        format!("SAMLRequest\n{request}\nRelayState\na\nSAMLResponse\n{response}\nRelayState\nb"),
        format!(
            "SAMLRequest:\n{request}\nRelayState:\na\nSAMLResponse:\n{response}\nRelayState:\nb"
        ),
        format!(
            "https://idp.example/sso?SAMLRequest={asked}&RelayState=a#top\n\
             https://sp.example/acs?RelayState=b&SAMLResponse={answered}"
        ),
    ] {
        expect(&text, both, &[]);
        let states = messages(&text).into_iter().map(|it| it.message.relay_state);
        let states: Vec<String> = states.flatten().collect();
        assert_eq!(states, ["a", "b"], "{text}");
    }
    expect(&format!("{request}\n{response}\n"), both, &[]);
    let lines = messages(&format!("\n{REQUEST}\n\n{RESPONSE}\n"));
    let lines: Vec<Option<usize>> = lines.iter().map(|it| it.line).collect();
    assert_eq!(lines, [Some(2), Some(4)]);
}

#[test]
fn what_copying_damages_is_repaired_and_named() {
    let value = base64(RESPONSE);
    let encoded = percent(&value);
    let spaces = value.replace('+', " ");
    let unpadded = value.trim_end_matches('=').to_owned();
    let padding: &[Repair] = match unpadded == value {
        true => &[],
        false => &[Repair::Padding],
    };
    let form = format!("SAMLResponse={encoded}&RelayState=a");
    let rows: Vec<(String, Vec<Repair>)> = vec![
        (
            format!("SAMLResponse={spaces}&RelayState=a"),
            vec![Repair::Spaces],
        ),
        (
            format!("SAMLResponse={value}&RelayState=a"),
            vec![Repair::PlusSigns],
        ),
        (
            format!("SAMLResponse={}", spaces.replace(' ', "%20")),
            vec![Repair::Spaces],
        ),
        (unpadded.clone(), padding.to_vec()),
        (format!("SAMLResponse: {unpadded}"), padding.to_vec()),
        (format!("\"{value}\""), vec![Repair::Quotes]),
        (format!("'{value}',"), vec![Repair::Quotes]),
        (format!("`{value}`;"), vec![Repair::Quotes]),
        (format!("„{value}“"), vec![Repair::Quotes]),
        (format!("“{value}”"), vec![Repair::Quotes]),
        (format!("SAMLResponse: \"{value}\","), vec![]),
        (wrapped(&value, 64, ""), vec![]),
        (wrapped(&value, 64, "    "), vec![]),
        (format!("SAMLResponse: {}", wrapped(&value, 76, "")), vec![]),
        (wrapped(&value, 64, "> "), vec![Repair::MailQuotes]),
        (
            wrapped(&format!("SAMLResponse: {value}"), 70, "> > "),
            vec![Repair::MailQuotes],
        ),
        (
            format!("Jo wrote:\n{}", wrapped(&value, 70, "> ")),
            vec![Repair::MailQuotes],
        ),
        (wrapped(&value, 64, "N: "), vec![Repair::LinePrefixes]),
        (wrapped(&value, 64, "   N\t"), vec![Repair::LinePrefixes]),
        (quoted_printable(&form), vec![Repair::QuotedPrintable]),
        (quoted_printable(RESPONSE), vec![Repair::QuotedPrintable]),
        (quoted_printable(&value), vec![Repair::QuotedPrintable]),
        (from_html(RESPONSE), vec![Repair::HtmlEscapes]),
        (
            format!("<pre>{}</pre>", from_html(RESPONSE)),
            vec![Repair::HtmlEscapes],
        ),
        (
            format!("<html><pre>{}</pre></html>", from_html(RESPONSE)),
            vec![Repair::HtmlEscapes],
        ),
        (STANDARD.encode(&value), vec![Repair::Base64Twice]),
        (
            format!("SAMLResponse={}", percent(&STANDARD.encode(&value))),
            vec![Repair::Base64Twice],
        ),
        (
            RESPONSE.replace('"', "\\\""),
            vec![Repair::BackslashEscapes],
        ),
    ];
    for (text, repairs) in rows {
        expect(&text, &[RESPONSE], &repairs);
    }
    // The plus sign at the end becomes a space that is easily lost.
    let ends = [
        RESPONSE.to_owned(),
        format!(" {RESPONSE}"),
        format!("  {RESPONSE}"),
    ];
    let xml = ends
        .into_iter()
        .find(|it| base64(it).ends_with('+'))
        .unwrap();
    let value = base64(&xml).replace('+', " ");
    for text in [
        format!("SAMLResponse={value}&RelayState=a"),
        format!("SAMLResponse={}", value.trim_end()),
        value.trim_end().to_owned(),
    ] {
        let (found, used) = read_all(&text);
        assert_eq!(found, [xml.as_str()], "{text}");
        assert_eq!(used, [Repair::Spaces], "{text}");
    }
}

#[test]
fn messages_are_found_in_lines_of_logs() {
    let value = base64(RESPONSE);
    let request = base64(REQUEST);
    let log = |what: &str| format!("2026-05-05T12:00:00.123Z INFO [http-1] c.e.Saml - {what}");
    for text in [
        log(&format!("SAMLResponse={}", percent(&value))),
        log(&format!("SAMLResponse: {value} (from 10.0.0.1)")),
        log(&format!("decoding {value}")),
        log(&format!(
            "params: {{SAMLResponse=[{}], RelayState=[a]}}",
            percent(&value)
        )),
        log(&format!("{{\"SAMLResponse\":\"{value}\"}}")),
        log(&format!("{{\"SAMLResponse\" => \"{value}\"}}")),
        log(&format!("got {RESPONSE} in 3 ms")),
        format!("DEBUG: {RESPONSE}\nDEBUG: done"),
        format!("{RESPONSE}\n{}", log("done")),
        // The document and its value are one message.
        format!("{}\n{}\n", log(&value), log(RESPONSE)),
        format!("{}\n{}\n", log(RESPONSE), log(&value)),
        format!("DEBUG decoding\n{}DEBUG done\n", wrapped(&value, 76, "")),
    ] {
        expect(&text, &[RESPONSE], &[]);
    }
    let several = format!(
        "{}\n{}\n{}\n",
        log(&request),
        log("Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        log(RESPONSE)
    );
    expect(&several, &[REQUEST, RESPONSE], &[]);
    let escaped = log(&format!(
        "{{\"xml\":\"{}\"}}",
        RESPONSE.replace('"', "\\\"")
    ));
    expect(&escaped, &[RESPONSE], &[Repair::BackslashEscapes]);
}

#[test]
fn commands_and_http_messages_are_read() {
    let value = base64(RESPONSE);
    let form = format!("SAMLResponse={}&RelayState=a", percent(&value));
    let cmd = form.replace('%', "^%^").replace('&', "^&");
    let url = format!("https://idp.example/sso?{form}");
    let head = "POST /acs HTTP/1.1\r\nHost: sp.example\r\nCookie: a=b; c=d\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    let part = |name: &str, value: &str| {
        format!(
            "------WebKitFormBoundaryAbC\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let page = format!(
        "<html><body><form><input name=\"SAMLResponse\" value=\"{value}\">\
         <input name=\"RelayState\" value=\"a\"></form></body></html>"
    );
    let rows: Vec<(String, &[Repair])> = vec![
        (
            format!(
                "curl 'https://sp.example/acs' \\\n  -H 'cookie: a=b' \\\n  --data-raw '{form}' \\\n  --compressed"
            ),
            &[],
        ),
        (format!("curl -d {form} https://sp.example/acs"), &[]),
        (
            format!("curl --data \"{form}\" https://sp.example/acs"),
            &[],
        ),
        (
            format!(
                "curl --data-urlencode 'SAMLResponse={value}' --data-urlencode 'RelayState=a' https://x"
            ),
            &[],
        ),
        (
            format!("curl --data-urlencode \"SAMLResponse={value}\" -d RelayState=a https://x"),
            &[],
        ),
        (
            format!(
                "curl ^\"https://sp.example/acs^\" ^\n  -H ^\"cookie: a=b^\" ^\n  --data-raw ^\"{cmd}^\""
            ),
            &[Repair::Carets],
        ),
        (
            format!(
                "curl {}",
                url.replace('?', "\\?")
                    .replace('=', "\\=")
                    .replace('&', "\\&")
            ),
            &[Repair::BackslashEscapes],
        ),
        (
            format!(
                "fetch(\"https://sp.example/acs\", {{\n  \"headers\": {{\"cookie\": \"a=b\"}},\n  \"body\": \"{form}\",\n  \"method\": \"POST\"\n}});"
            ),
            &[],
        ),
        (
            format!("await fetch(\"{url}\", {{\"method\": \"GET\"}});"),
            &[],
        ),
        (
            format!(
                "Invoke-WebRequest -UseBasicParsing -Uri \"https://sp.example/acs\" `\n-Method \"POST\" `\n-ContentType \"application/x-www-form-urlencoded\" `\n-Body \"{form}\""
            ),
            &[],
        ),
        (
            format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"),
            &[],
        ),
        (format!("HTTP/2 302\nlocation: {url}\n\n"), &[]),
        (format!("< HTTP/1.1 302 Found\n< Location: {url}\n<\n"), &[]),
        (format!("{head}{form}"), &[]),
        (format!("{head}{form}").replace("\r\n", "\n"), &[]),
        (
            format!(
                "POST /acs HTTP/1.1\r\n\r\n{}{}",
                part("SAMLResponse", &value),
                part("RelayState", "a")
            ),
            &[],
        ),
        (
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{page}"),
            &[],
        ),
        (page.clone(), &[]),
        (
            format!("https://sp.example/login?next={}", percent(&url)),
            &[Repair::NestedAddress],
        ),
        (
            format!(
                "<html><a href=\"{}\">x</a></html>",
                url.replace('&', "&amp;")
            ),
            &[Repair::HtmlEscapes],
        ),
    ];
    for (text, repairs) in rows {
        expect(&text, &[RESPONSE], repairs);
        let state = messages(&text)[0].message.relay_state.clone();
        assert_eq!(state.as_deref(), Some("a"), "{text}");
    }
}

#[test]
fn the_signature_of_a_query_is_kept_in_a_text() {
    let asked = percent(&base64(REQUEST));
    let query = format!("SAMLRequest={asked}&RelayState=a%2fb&SigAlg=urn%3ax&Signature=AAAA");
    for text in [
        format!("Location: https://idp.example/sso?x=1&{query}\r\n\r\n"),
        format!("curl 'https://idp.example/sso?x=1&{query}' -H 'a: b'"),
    ] {
        let found = messages(&text).remove(0).message;
        let signature = found.query_signature.unwrap();
        let signed = format!("SAMLRequest={asked}&RelayState=a%2fb&SigAlg=urn%3ax");
        assert_eq!(signature.signed, signed, "{text}");
        assert_eq!(found.relay_state.as_deref(), Some("a/b"));
    }
}

#[test]
fn texts_of_json_are_read() {
    let value = base64(RESPONSE);
    let inner = serde_json::json!({"SAMLResponse": value, "RelayState": "a"});
    for json in [
        inner.clone(),
        serde_json::json!([inner]),
        serde_json::json!({"body": inner.to_string()}),
        serde_json::json!({"level": "INFO", "message": format!("SAMLResponse={}&RelayState=a", percent(&value))}),
        serde_json::json!({"postData": {"params": [
            {"name": "SAMLResponse", "value": value}, {"name": "RelayState", "value": "a"}]}}),
    ] {
        let found = messages_of_json(&json);
        assert_eq!(found.len(), 1, "{json}");
        let message = &found[0].1;
        assert_eq!(message.xml, RESPONSE, "{json}");
        assert_eq!(message.parameter.as_deref(), Some("SAMLResponse"), "{json}");
        assert_eq!(message.repairs, [], "{json}");
    }
    let found = messages_of_json(&serde_json::json!(RESPONSE));
    assert_eq!(found[0].1.xml, RESPONSE);
}

#[test]
fn other_texts_contain_no_message() {
    // Positions count from the beginning of the text, not of the page in it.
    let page = format!("\u{feff}ä\n<html>{RESPONSE}<input name=SAMLResponse></html>");
    expect(&page, &[RESPONSE], &[]);
    assert_eq!(messages(&page)[0].line, Some(2));
    for text in [
        "",
        "nothing here",
        "SAMLResponse was not found in the request, see the log of SAMLRequest",
        "2026-05-05 INFO user 4f1d2c3b4f1d2c3b4f1d2c3b4f1d2c3b4f1d2c3b4f1d2c3b4f1d2c3b signed on",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQzEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\n-----END",
    ] {
        expect(text, &[], &[]);
    }
}
