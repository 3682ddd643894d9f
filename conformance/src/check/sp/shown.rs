//! Whether the probe's answer shows the person of `--user` as logged in.

use super::Judge;

/// What a user name may consist of: a longer name is another person.
fn is_name_character(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+' | '@')
}

/// The text without the names that contain `name` and are longer, such as
/// `jo@example.com.intruder.example`; those of `kept` stay.
fn without_longer_names(text: &str, name: &str, kept: &[String]) -> String {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(start) = rest.find(is_name_character) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|letter| !is_name_character(letter))
            .unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        // The stop at the end of a sentence is no part of a name.
        let bare = word.trim_matches(['.', '-', '_', '+']);
        let is_longer = bare.len() > name.len() && bare.contains(name);
        out.push_str(before);
        if !is_longer || kept.iter().any(|value| value == bare) {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

impl Judge {
    /// Whether `--expect` matches this answer of the probe. A forged name that
    /// only begins or ends with the name of `--user` does not count, whatever
    /// the expression is.
    pub(super) fn shows_person(&self, body: &str) -> bool {
        let user = &self.person.user;
        let values = self.person.attributes.iter();
        let own: Vec<String> = values
            .map(|(_, value)| value.replace("{user}", user))
            .collect();
        let text = without_longer_names(body, user, &own);
        self.target.expect.is_match(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::without_longer_names;

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
            ("", ""),
        ] {
            assert_eq!(without_longer_names(text, "jo@lumen.example", &kept), left);
        }
    }
}
