//! The patterns of Java's `DateTimeFormatter` in English, as far as `#datetime` needs them.

use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

use super::datetime::{offset, zone};

/// Default pattern of `toDateTimeInTimezone`.
pub(super) const WITH_OFFSET: &str = "yyyy-MM-dd'T'HH:mm:ss.SSSZ";

const LETTERS: &str = "GyuYMLdDQqEeahHKkmsSnAzVZXxOw";
const LONGEST: usize = 200;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(char),
    Field(char, usize),
}

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

impl Pattern {
    /// Parses a pattern; `None` if Java refuses it.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.next_if_eq(&'\'').is_some() => parts.push(Part::Literal('\'')),
                '\'' => loop {
                    match chars.next()? {
                        '\'' if chars.next_if_eq(&'\'').is_some() => {
                            parts.push(Part::Literal('\''));
                        }
                        '\'' => break,
                        other => parts.push(Part::Literal(other)),
                    }
                },
                // Optional sections are always part of the output.
                '[' | ']' => {}
                '{' | '}' | '#' => return None,
                letter if letter.is_ascii_alphabetic() => {
                    if !LETTERS.contains(letter) {
                        return None;
                    }
                    let mut count = 1;
                    while chars.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    let most = match letter {
                        'S' => 9,
                        'y' | 'u' | 'Y' | 'n' | 'A' => 19,
                        'D' => 3,
                        'd' | 'h' | 'H' | 'K' | 'k' | 'm' | 's' | 'w' => 2,
                        'a' => 1,
                        'V' if count != 2 => return None,
                        _ => 5,
                    };
                    if count > most {
                        return None;
                    }
                    parts.push(Part::Field(letter, count));
                }
                other => parts.push(Part::Literal(other)),
            }
        }
        Some(Self(parts))
    }

    /// Formats a time in its own time zone.
    pub(super) fn format(&self, at: &ZonedDateTime) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(c) => out.push(*c),
                Part::Field(letter, count) => out.push_str(&field(*letter, *count, at)?),
            }
        }
        Some(out)
    }

    /// Parses a time; in `zone` if the text has no time zone.
    pub(super) fn parse(&self, text: &str, zone: &TimeZone) -> Option<Timestamp> {
        let mut fields = Fields::default();
        let mut rest = text;
        for (at, part) in self.0.iter().enumerate() {
            match part {
                Part::Literal(c) => rest = rest.strip_prefix(*c)?,
                Part::Field(letter, count) => {
                    let adjacent = matches!(
                        self.0.get(at + 1),
                        Some(Part::Field(next, _)) if "yuMdHhmsSD".contains(*next)
                    );
                    rest = fields.take(*letter, *count, adjacent, rest)?;
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        fields.instant(zone)
    }
}

fn pad_number(number: i64, count: usize) -> String {
    format!("{number:0count$}")
}

fn name(names: &[&str], at: i8, count: usize) -> String {
    let name = usize::try_from(at - 1)
        .ok()
        .and_then(|at| names.get(at))
        .copied()
        .unwrap_or_default();
    match count {
        1..=3 => name.chars().take(3).collect(),
        4 => name.to_owned(),
        _ => name.chars().take(1).collect(),
    }
}

fn year(year: i64, count: usize) -> String {
    match count {
        2 => pad_number(year.rem_euclid(100), 2),
        _ => pad_number(year, count),
    }
}

fn field(letter: char, count: usize, at: &ZonedDateTime) -> Option<String> {
    let hour = i64::from(at.hour());
    let week = at.date().iso_week_date();
    Some(match letter {
        'G' => "AD".to_owned(),
        'y' | 'u' => year(at.year().into(), count),
        'Y' => year(week.year().into(), count),
        'w' => pad_number(week.week().into(), count),
        'M' | 'L' if count < 3 => pad_number(at.month().into(), count),
        'M' | 'L' => name(&MONTHS, at.month(), count),
        'd' => pad_number(at.day().into(), count),
        'D' => pad_number(at.day_of_year().into(), count),
        'Q' | 'q' => {
            let quarter = i64::from((at.month() - 1) / 3 + 1);
            match count {
                1 | 2 => pad_number(quarter, count),
                3 => format!("Q{quarter}"),
                4 => {
                    let nth = ["1st", "2nd", "3rd", "4th"][usize::try_from(quarter - 1).ok()?];
                    format!("{nth} quarter")
                }
                _ => quarter.to_string(),
            }
        }
        'E' => name(&DAYS, at.weekday().to_monday_one_offset(), count),
        'e' if count < 3 => pad_number(at.weekday().to_sunday_one_offset().into(), count),
        'e' => name(&DAYS, at.weekday().to_monday_one_offset(), count),
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'h' => pad_number((hour + 11) % 12 + 1, count),
        'H' => pad_number(hour, count),
        'K' => pad_number(hour % 12, count),
        'k' => pad_number((hour + 23) % 24 + 1, count),
        'm' => pad_number(at.minute().into(), count),
        's' => pad_number(at.second().into(), count),
        'S' => format!("{:09}", at.subsec_nanosecond())[..count].to_owned(),
        'n' => pad_number(at.subsec_nanosecond().into(), count),
        'A' => pad_number(
            ((hour * 60 + i64::from(at.minute())) * 60 + i64::from(at.second())) * 1000
                + i64::from(at.millisecond()),
            count,
        ),
        'z' if at.time_zone().iana_name().is_none() => written(at.offset(), 'X', 3),
        'z' => at.strftime("%Z").to_string(),
        'V' => match at.time_zone().iana_name() {
            Some(name) => name.to_owned(),
            None => written(at.offset(), 'X', 3),
        },
        'O' => match at.offset().seconds() {
            0 => "GMT".to_owned(),
            _ => format!("GMT{}", written(at.offset(), 'x', 3)),
        },
        'Z' if count == 4 => match at.offset().seconds() {
            0 => "GMT".to_owned(),
            _ => format!("GMT{}", written(at.offset(), 'x', 3)),
        },
        'Z' if count == 5 => written(at.offset(), 'X', 3),
        'Z' => written(at.offset(), 'x', 2),
        'X' | 'x' => written(at.offset(), letter, count),
        _ => return None,
    })
}

fn written(offset: Offset, letter: char, count: usize) -> String {
    let seconds = offset.seconds();
    if seconds == 0 && letter == 'X' {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    match count {
        1 if minutes == 0 => format!("{sign}{hours:02}"),
        1 | 2 | 4 => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

/// The fields of a parsed date and time.
#[derive(Default)]
struct Fields {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    hour: Option<i8>,
    half_hour: Option<i8>,
    afternoon: bool,
    minute: i8,
    second: i8,
    nanos: i32,
    zone: Option<TimeZone>,
}

fn digits(text: &str, most: usize) -> Option<(i64, &str)> {
    let length = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let number = text[..length].parse().ok()?;
    Some((number, &text[length..]))
}

fn take_name<'t>(names: &[&str], text: &'t str, count: usize) -> Option<(i8, &'t str)> {
    for (at, name) in names.iter().enumerate() {
        let name = if count == 4 { name } else { &name[..3] };
        if let Some(rest) = text.strip_prefix(name) {
            return Some((i8::try_from(at).ok()? + 1, rest));
        }
    }
    None
}

impl Fields {
    /// Reads a field at the start of the text. Returns the rest of the text.
    fn take<'t>(
        &mut self,
        letter: char,
        count: usize,
        adjacent: bool,
        text: &'t str,
    ) -> Option<&'t str> {
        let most = if adjacent || count > 1 { count } else { 19 };
        let short =
            |most| digits(text, most).and_then(|(n, rest)| Some((i8::try_from(n).ok()?, rest)));
        match letter {
            'y' | 'u' => {
                let most = if count == 2 || adjacent { count } else { 9 };
                let (year, rest) = digits(text, most)?;
                if rest.len() + count.min(4) > text.len() {
                    return None;
                }
                let year = if count == 2 { 2000 + year } else { year };
                self.year = Some(i16::try_from(year).ok()?);
                Some(rest)
            }
            'M' | 'L' if count >= 3 => {
                let (month, rest) = take_name(&MONTHS, text, count)?;
                self.month = Some(month);
                Some(rest)
            }
            'E' => take_name(&DAYS, text, count).map(|(_, rest)| rest),
            'G' => text.strip_prefix("AD"),
            'a' => {
                self.afternoon = text.starts_with("PM");
                text.strip_prefix("AM").or_else(|| text.strip_prefix("PM"))
            }
            'D' => {
                let (day, rest) = digits(text, most)?;
                self.day_of_year = Some(i16::try_from(day).ok()?);
                Some(rest)
            }
            'S' => {
                let (_, rest) = digits(text, count)?;
                let written = &text[..text.len() - rest.len()];
                if written.len() != count {
                    return None;
                }
                self.nanos = format!("{written:0<9}").parse().ok()?;
                Some(rest)
            }
            'M' | 'L' | 'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' => {
                let (number, rest) = short(most)?;
                if rest.len() + count > text.len() {
                    return None;
                }
                match letter {
                    'M' | 'L' => self.month = Some(number),
                    'd' => self.day = Some(number),
                    'H' => self.hour = Some(number),
                    'k' => self.hour = Some(number % 24),
                    'h' | 'K' => self.half_hour = Some(number % 12),
                    'm' => self.minute = number,
                    _ => self.second = number,
                }
                Some(rest)
            }
            'z' | 'V' | 'Z' | 'X' | 'x' | 'O' => {
                let length = text
                    .find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-:".contains(c)))
                    .unwrap_or(text.len());
                let (name, rest) = text.split_at(length);
                let name = match letter {
                    'O' => name.strip_prefix("GMT").filter(|rest| !rest.is_empty()),
                    _ => None,
                }
                .unwrap_or(name);
                self.zone = Some(match letter {
                    'Z' | 'X' | 'x' => TimeZone::fixed(offset(name)?),
                    _ => zone(name)?,
                });
                Some(rest)
            }
            _ => None,
        }
    }

    fn instant(self, elsewhere: &TimeZone) -> Option<Timestamp> {
        let year = self.year?;
        let date = match self.day_of_year {
            Some(day) => Date::new(year, 1, 1)
                .ok()?
                .checked_add(jiff::Span::new().try_days(i64::from(day) - 1).ok()?)
                .ok()
                .filter(|date| date.year() == year)?,
            None => Date::new(year, self.month?, self.day?).ok()?,
        };
        let hour = match (self.hour, self.half_hour) {
            (Some(hour), _) => hour,
            (None, Some(half)) => half + if self.afternoon { 12 } else { 0 },
            (None, None) => 0,
        };
        let time = Time::new(hour, self.minute, self.second, self.nanos).ok()?;
        let zone = self.zone.unwrap_or_else(|| elsewhere.clone());
        let at = date.to_datetime(time).to_zoned_datetime(zone).ok()?;
        Some(at.timestamp())
    }
}
