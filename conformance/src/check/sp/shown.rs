//! Finds out whether the probe's answer shows that the user of `--user` is logged in.

use std::sync::LazyLock;

use regex::Regex;

use super::expect::Probe;
use super::visitor::Visitor;
use super::{CheckError, Judge};

/// True for the characters of a user name. `jo@example.com` and a longer name that contains it
/// are two different users.
fn is_name_character(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+' | '@')
}

/// Removes the names that contain `name` and are longer, such as
/// `jo@example.com.intruder.example`, in upper or lower case. Names in `kept` are not removed.
fn without_longer_names(text: &str, name: &str, kept: &[String]) -> String {
    let name = name.to_lowercase();
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(start) = rest.find(is_name_character) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|letter| !is_name_character(letter))
            .unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        // A full stop at the end of a sentence does not belong to the name.
        let bare = word.trim_matches(['.', '-', '_', '+']).to_lowercase();
        let is_longer = bare.len() > name.len() && bare.contains(&name);
        out.push_str(before);
        if !is_longer || kept.iter().any(|value| value.to_lowercase() == bare) {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Matches each `NameID` element of a document, at any depth.
static NAME_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<(?:[\w.-]+:)?NameID\b[^>]*>(.*?)</(?:[\w.-]+:)?NameID\s*>")
        .expect("a pattern written here compiles")
});

/// Matches comments, processing instructions, tags, and the beginnings and ends of CDATA
/// sections.
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<!--.*?-->|<\?.*?\?>|<!\[CDATA\[|\]\]>|</?[A-Za-z][^>]*>")
        .expect("a pattern written here compiles")
});

/// Returns the values of the `NameID` elements that contain `name` and are longer, without their
/// markup. A service provider that shows such a value completely did not mistake it for `name`.
pub(super) fn names_in(xml: &str, name: &str) -> Vec<String> {
    let mut names: Vec<String> = NAME_ID
        .captures_iter(xml)
        .map(|found| decode(&MARKUP.replace_all(&found[1], "")))
        .filter(|text| text.len() > name.len() && text.contains(name))
        .collect();
    // The longest first, because it may contain another one.
    names.sort_by_key(|text| std::cmp::Reverse(text.len()));
    names.dedup();
    names
}

/// Matches a character by its number: `&#160;` and `&#xA0;` in XML and HTML, `\u00a0` in JSON.
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"&#([0-9]{1,7});|&#[xX]([0-9a-fA-F]{1,6});|\\u([0-9a-fA-F]{4})")
        .expect("a pattern written here compiles")
});

/// Replaces character references of XML and HTML and escapes of JSON by their characters, and
/// each sequence of XML white space and control characters by one space. A no-break space is
/// neither: it makes another name.
fn decode(text: &str) -> String {
    const ESCAPES: [(&str, &str); 9] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&nbsp;", "\u{a0}"),
        ("\\n", " "),
        ("\\r", " "),
        ("\\\"", "\""),
        ("&amp;", "&"),
    ];
    let numbered = NUMBERED.replace_all(text, |found: &regex::Captures<'_>| {
        let decimal = found.get(1).and_then(|it| it.as_str().parse().ok());
        let hex = found.get(2).or_else(|| found.get(3));
        let hex = hex.and_then(|it| u32::from_str_radix(it.as_str(), 16).ok());
        let letter = decimal.or(hex).and_then(char::from_u32);
        letter.map_or_else(|| found[0].to_owned(), String::from)
    });
    let mut out = numbered.into_owned();
    for (escape, letter) in ESCAPES {
        out = out.replace(escape, letter);
    }
    let is_blank = |letter: char| letter == ' ' || letter.is_control();
    let words: Vec<&str> = out.split(is_blank).filter(|it| !it.is_empty()).collect();
    words.join(" ")
}

/// Removes these names from a text, in upper or lower case. Returns the text unchanged if it
/// contains none of them.
fn without_names(text: &str, names: &[String]) -> String {
    let readable = decode(text);
    let mut rest = readable.clone();
    for name in names {
        let pattern = format!("(?i){}", regex::escape(name));
        if let Ok(pattern) = Regex::new(&pattern) {
            rest = pattern.replace_all(&rest, "").into_owned();
        }
    }
    if rest == readable {
        text.to_owned()
    } else {
        rest
    }
}

impl Judge {
    /// Opens the probe in this browser.
    pub(super) async fn open_probe(&self, visitor: &Visitor) -> Result<Probe, CheckError> {
        let url = &self.target.probe_url;
        let arrival = visitor.open(url.clone(), None).await?;
        Ok(arrival.into_probe(visitor.cookie_names(url)))
    }

    /// Returns what matches in the probe's answer. Names that are longer than the name of `--user`
    /// and contain it are removed first, and so are `longer_names`: they are names of other users.
    pub(super) fn find_person(&self, probe: &Probe, longer_names: &[String]) -> Option<String> {
        let user = &self.person.user;
        let values = self.person.attributes_of(user).into_iter();
        let mut own: Vec<String> = values.flat_map(|it| it.values).collect();
        own.push(self.person.name_id_of(user).value);
        let text = without_names(&probe.body, longer_names);
        let text = without_longer_names(&text, user, &own);
        self.target.expect.find(probe, &text)
    }
}

/// Returns the part of the user's name that `--expect` matches, if it matches nothing else in the
/// probe's answer. Such a pattern also matches the names of other users.
pub(super) fn part_of_name(expect: Option<&Regex>, body: &str, user: &str) -> Option<String> {
    let expect = expect?;
    let names: Vec<_> = body
        .match_indices(user)
        .map(|(at, _)| at..at + user.len())
        .collect();
    let is_part = |found: &regex::Match<'_>| {
        let is_inside =
            |name: &std::ops::Range<usize>| name.start <= found.start() && found.end() <= name.end;
        found.len() < user.len() && names.iter().any(is_inside)
    };
    let mut all = expect.find_iter(body);
    let first = all.next().filter(is_part)?;
    all.all(|it| is_part(&it))
        .then(|| first.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{names_in, part_of_name, without_longer_names, without_names};

    #[test]
    fn a_pattern_must_match_more_than_a_part_of_the_name() {
        let part = |pattern: &str, body: &str| {
            part_of_name(
                Some(&Regex::new(pattern).unwrap()),
                body,
                "jo@lumen.example",
            )
        };
        let body = "{\"user\": \"jo@lumen.example\", \"name\": \"Jo Lumen\"}";
        assert_eq!(part("jo@lumen", body).as_deref(), Some("jo@lumen"));
        assert_eq!(part("@lumen", body).as_deref(), Some("@lumen"));
        for whole in ["jo@lumen\\.example", "\"jo@lumen", "Jo", "user", "mallory"] {
            assert_eq!(part(whole, body), None, "{whole}");
        }
        // An account name that the service provider makes of the address.
        assert_eq!(part("jo", "account jo of jo@lumen.example"), None);
    }

    #[test]
    fn an_invisible_character_makes_another_name() {
        let xml = "<NameID>jo@corp.example&#160;</NameID>";
        let names = names_in(xml, "jo@corp.example");
        assert_eq!(names, ["jo@corp.example\u{a0}"]);
        for shown in [
            "Hello jo@corp.example\u{a0}!",
            "Hello jo@corp.example&nbsp;!",
            "{\"user\": \"jo@corp.example\\u00a0\"}",
        ] {
            assert!(!without_names(shown, &names).contains("jo@"), "{shown}");
        }
        assert!(without_names("Hello jo@corp.example!", &names).contains("jo@"));
    }

    #[test]
    fn longer_names_are_other_people() {
        let kept = ["id-of-jo@lumen.example".to_owned()];
        for (text, left) in [
            ("hello jo@lumen.example", "hello jo@lumen.example"),
            ("hello jo@lumen.example.", "hello jo@lumen.example."),
            ("hello jo@lumen.example.intruder.example!", "hello !"),
            ("hello not-jo@lumen.example", "hello "),
            ("mailto:jo@lumen.example", "mailto:jo@lumen.example"),
            ("id-of-jo@lumen.example", "id-of-jo@lumen.example"),
            ("\"jo@lumen.example\",\"x\"", "\"jo@lumen.example\",\"x\""),
            ("Jo@Lumen.Example.intruder.example", ""),
            ("", ""),
        ] {
            assert_eq!(without_longer_names(text, "jo@lumen.example", &kept), left);
        }
    }
    #[test]
    fn a_name_with_two_addresses_is_not_the_name_of_one_of_them() {
        let xml = "<s:NameID Format=\"x\">mallory@intruder.example&#13;jo@lumen.example</s:NameID>\
            <NameID>jo@lumen.example<!-- -->,mallory@intruder.example</NameID>\
            <NameID>jo@lumen.example</NameID>";
        let names = names_in(xml, "jo@lumen.example");
        assert_eq!(names.len(), 2, "{names:?}");
        for shown in [
            "hello mallory@intruder.example\r\njo@lumen.example",
            "{\"user\": \"MALLORY@intruder.example\\rjo@lumen.example\"}",
            "<p>jo@lumen.example,mallory@intruder.example</p>",
        ] {
            assert!(
                !without_names(shown, &names).contains("jo@lumen"),
                "{shown}"
            );
        }
        let alone = "hello jo@lumen.example";
        assert_eq!(without_names(alone, &names), alone);
    }
}
