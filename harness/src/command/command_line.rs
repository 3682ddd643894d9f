//! The command line as it is shown in reports, without its secrets.

use ambient::arguments::quote_for_shell;

/// Options whose values are secrets.
const SECRETS: &[&str] = &[
    "--token",
    "--basic",
    "--client-secret",
    "--header",
    "--password",
    "--disabled-password",
    "--idp-admin-token",
    "--database-url",
];

const MASK: &str = "•••";

/// Returns the command line of this process, with secrets masked.
pub(crate) fn command_line() -> String {
    let arguments = std::env::args_os().map(|it| it.to_string_lossy().into_owned());
    mask_secrets(arguments.skip(1))
}

fn mask_secrets(arguments: impl Iterator<Item = String>) -> String {
    let mut out = vec!["rehearsal".to_owned()];
    let mut hide = false;
    for argument in arguments {
        if hide {
            out.push(MASK.to_owned());
            hide = false;
            continue;
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (argument.as_str(), None),
        };
        match (SECRETS.contains(&name), value) {
            (true, Some(_)) => out.push(format!("{name}={MASK}")),
            (is_secret, None) if is_secret => {
                hide = true;
                out.push(argument);
            }
            _ => out.push(quote_for_shell(&without_user_info(&argument))),
        }
    }
    out.join(" ")
}

/// Removes user name and password from a URL.
fn without_user_info(argument: &str) -> String {
    match url::Url::parse(argument) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        _ => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_can_be_pasted() {
        let arguments = [
            "check",
            "scim",
            "--token",
            "-hunter2",
            "--basic=me:hunter2",
            "--base-url",
            "https://me:hunter2@scim.example/v2?a=1&b=2",
            "--expect",
            "it's me",
        ];
        assert_eq!(
            mask_secrets(arguments.into_iter().map(str::to_owned)),
            "rehearsal check scim --token ••• --basic=••• --base-url 'https://scim.example/v2?a=1&b=2' --expect 'it'\\''s me'"
        );
    }
}
