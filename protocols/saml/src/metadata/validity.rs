//! Validity of metadata: `validUntil` and `cacheDuration`, of the entity and of all elements around
//! it (saml-metadata §4.3.2).

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use uppsala::{Document, NodeId};

use super::MetadataError;
use crate::xml;

/// Returns the earliest `validUntil` from the role up to the root.
pub(super) fn valid_until(
    document: &Document<'_>,
    role: NodeId,
) -> Result<Option<Timestamp>, MetadataError> {
    let mut earliest: Option<Timestamp> = None;
    for (node, value) in upwards(document, role, "validUntil") {
        let place = format!("{}/@validUntil", xml::name_of(document, node));
        let until = utc(value).map_or_else(|| xml::instant(value, &place), Ok)?;
        earliest = Some(earliest.map_or(until, |known| known.min(until)));
    }
    Ok(earliest)
}

/// Parses an `xs:dateTime` without a time zone as UTC; `None` if it has a zone. SAML requires UTC
/// (saml-core §1.3.3), but some products omit the `Z`.
fn utc(value: &str) -> Option<Timestamp> {
    let local: jiff::civil::DateTime = value.trim().parse().ok()?;
    // A value with an offset or `Z` is parsed elsewhere.
    let has_zone = value.trim().parse::<Timestamp>().is_ok();
    let instant = TimeZone::UTC.to_timestamp(local).ok()?;
    (!has_zone).then_some(instant)
}

/// Returns the shortest `cacheDuration` from the role up to the root, as written.
pub(super) fn cache_duration(
    document: &Document<'_>,
    role: NodeId,
) -> Result<Option<String>, MetadataError> {
    let mut shortest: Option<(Timestamp, &str)> = None;
    for (_, value) in upwards(document, role, "cacheDuration") {
        let end = add_duration(Timestamp::UNIX_EPOCH, value)?;
        if shortest.is_none_or(|(known, _)| end < known) {
            shortest = Some((end, value));
        }
    }
    Ok(shortest.map(|(_, value)| value.to_owned()))
}

/// Returns the time that is an `xs:duration` after `instant`.
pub(super) fn add_duration(instant: Timestamp, duration: &str) -> Result<Timestamp, MetadataError> {
    let wrong = || MetadataError::CacheDuration(duration.to_owned());
    let span: Span = duration.trim().parse().map_err(|_| wrong())?;
    if span.is_negative() {
        return Err(wrong());
    }
    let end = instant
        .to_zoned_datetime(TimeZone::UTC)
        .saturating_add(span);
    Ok(end.timestamp())
}

fn upwards<'d>(
    document: &'d Document<'_>,
    node: NodeId,
    attribute: &'static str,
) -> impl Iterator<Item = (NodeId, &'d str)> {
    let up = std::iter::successors(Some(node), |node| document.parent(*node));
    up.filter_map(move |node| Some((node, xml::attribute(document, node, attribute)?)))
}
