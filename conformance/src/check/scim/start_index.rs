//! Recognizes a server that counts `startIndex` from 0 (RFC 7644 §3.4.2.4: from 1).

use super::outcome::{Judged, Stop};
use super::probe::Probe;
use super::reading::names_to_text;
use super::support::list_test_users;

/// Returns the verdict, unless it is a finding at a server that counts `startIndex` from 0: then
/// each page begins one resource too late, and all such findings have this one cause.
pub(super) async fn unless_counted_from_zero(probe: &Probe<'_>, judged: Judged) -> Judged {
    if matches!(judged, Err(Stop::Wrong(_)))
        && let Ok(Some(why)) = why_counted_from_zero(probe).await
    {
        return Err(Stop::Follows("SCIM-PAGE-09", why));
    }
    judged
}

async fn why_counted_from_zero(probe: &Probe<'_>) -> Judged<Option<String>> {
    let all = list_names(probe, &[]).await?;
    let zero = list_names(probe, &[("startIndex", "0"), ("count", "2")]).await?;
    let one = list_names(probe, &[("startIndex", "1"), ("count", "2")]).await?;
    let is_so = all.get(..2) == Some(&zero) && all.get(1..3) == Some(&one);
    Ok(is_so.then(|| {
        format!(
            "the server counts startIndex from 0: startIndex=0 gives {}, startIndex=1 gives {}",
            names_to_text(&zero),
            names_to_text(&one)
        )
    }))
}

async fn list_names(probe: &Probe<'_>, parameters: &[(&str, &str)]) -> Judged<Vec<&'static str>> {
    let answer = list_test_users(probe, parameters).await?;
    Ok(probe.test_users().await?.among(&answer.listed_resources()?))
}
