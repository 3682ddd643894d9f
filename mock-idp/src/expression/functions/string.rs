//! `#string`: functions for text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::{Answer, Value, list, text, whole};

fn map(arguments: &[Value], change: impl FnOnce(String) -> String) -> Answer {
    Ok(text(arguments, 0)?.map_or(Value::Null, |text| Value::Text(change(text))))
}

fn clamp(at: i64, length: usize) -> usize {
    usize::try_from(at).unwrap_or(0).min(length)
}

fn find(hay: &[char], needle: &[char], positions: impl Iterator<Item = usize>) -> Value {
    let mut positions = positions;
    let found = positions.find(|at| {
        hay.get(*at..at + needle.len())
            .is_some_and(|window| window == needle)
    });
    Value::Int(found.map_or(-1, |at| i64::try_from(at).unwrap_or(i64::MAX)))
}

fn number(arguments: &[Value], read: impl FnOnce(&str) -> Option<Value>) -> Answer {
    let default = arguments.get(1).cloned().unwrap_or(Value::Null);
    Ok(text(arguments, 0)?
        .and_then(|text| read(&text))
        .unwrap_or(default))
}

fn digits(text: &str, point: bool) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.splitn(if point { 2 } else { 1 }, '.');
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match function {
        "isNotEmpty" => text(arguments, 0).map(|t| Value::Bool(t.is_some_and(|t| !t.is_empty()))),
        "isNotBlank" => {
            text(arguments, 0).map(|t| Value::Bool(t.is_some_and(|t| !t.trim().is_empty())))
        }
        "upperCase" => map(arguments, |text| text.to_uppercase()),
        "lowerCase" => map(arguments, |text| text.to_lowercase()),
        "trim" => map(arguments, |text| text.trim().to_owned()),
        "length" => text(arguments, 0).map(|text| {
            let length = text.map_or(0, |text| text.chars().count());
            Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
        }),
        "substring" => substring(arguments),
        "startsWith" => both(arguments, |text, part| text.starts_with(part)),
        "endsWith" => both(arguments, |text, part| text.ends_with(part)),
        "split" => split(arguments),
        "join" => join(arguments),
        "indexOf" => index_of(arguments),
        "lastIndexOf" => last_index_of(arguments),
        "replace" => replace(arguments),
        "compare" => compare(arguments),
        "asInt" => number(arguments, |t| {
            t.parse::<i32>().ok().map(|n| Value::Int(n.into()))
        }),
        "asLong" => number(arguments, |t| t.parse().ok().map(Value::Int)),
        "asBigInt" => number(arguments, |t| {
            digits(t, false).then(|| Value::Big(t.to_owned()))
        }),
        "asFloat" => number(arguments, |t| {
            let float: f32 = t.parse().ok()?;
            float.is_finite().then_some(Value::Float(float))
        }),
        "asDouble" => number(arguments, |t| {
            let double: f64 = t.parse().ok()?;
            double.is_finite().then_some(Value::Double(double))
        }),
        "asBigDecimal" => number(arguments, |t| {
            digits(t, true).then(|| Value::Big(t.to_owned()))
        }),
        "asBase64Encoded" => map(arguments, |text| STANDARD.encode(text)),
        "asBase64Decoded" => text(arguments, 0).map(|text| {
            text.and_then(|text| STANDARD.decode(text).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .map_or(Value::Null, Value::Text)
        }),
        "asUrlEncoded" => map(arguments, |text| {
            form_urlencoded::byte_serialize(text.as_bytes()).collect()
        }),
        "asUrlDecoded" => text(arguments, 0).map(|text| {
            text.and_then(|text| {
                let pair = format!("={}", text.replace('&', "%26"));
                form_urlencoded::parse(pair.as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned())
            })
            .map_or(Value::Null, Value::Text)
        }),
        "firstNonEmpty" => first(arguments, |text| !text.is_empty()),
        "firstNonBlank" => first(arguments, |text| !text.trim().is_empty()),
        "uuidAsBase64Guid" => guid(arguments),
        "format" => format(arguments),
        _ => return None,
    })
}

fn substring(arguments: &[Value]) -> Answer {
    let Some(text) = text(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let chars: Vec<char> = text.chars().collect();
    let length = i64::try_from(chars.len()).unwrap_or(i64::MAX);
    let from_end = |at: i64| {
        if at < 0 {
            at.saturating_add(length)
        } else {
            at
        }
    };
    let start = clamp(from_end(whole(arguments, 1)?), chars.len());
    let end = match arguments.get(2) {
        None => chars.len(),
        Some(_) => clamp(from_end(whole(arguments, 2)?), chars.len()),
    };
    Ok(Value::Text(
        chars.get(start..end).unwrap_or_default().iter().collect(),
    ))
}

fn both(arguments: &[Value], holds: impl FnOnce(&str, &str) -> bool) -> Answer {
    Ok(Value::Bool(
        match (text(arguments, 0)?, text(arguments, 1)?) {
            (None, None) => true,
            (Some(text), Some(part)) => holds(&text, &part),
            _ => false,
        },
    ))
}

fn split(arguments: &[Value]) -> Answer {
    let Some(text_) = text(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let separators = text(arguments, 1)?;
    let parts = text_.split(|c: char| match &separators {
        None => c.is_whitespace(),
        Some(set) => set.contains(c),
    });
    Ok(Value::List(
        parts
            .filter(|part| !part.is_empty())
            .map(|part| Value::Text(part.to_owned()))
            .collect(),
    ))
}

fn join(arguments: &[Value]) -> Answer {
    let Some(items) = list(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let separator = text(arguments, 1)?.unwrap_or_default();
    let texts: Vec<String> = items.iter().map(Value::text).collect();
    Ok(Value::Text(texts.join(&separator)))
}

fn index_of(arguments: &[Value]) -> Answer {
    let (Some(hay), Some(needle)) = (text(arguments, 0)?, text(arguments, 1)?) else {
        return Ok(Value::Int(-1));
    };
    let (hay, needle): (Vec<char>, Vec<char>) = (hay.chars().collect(), needle.chars().collect());
    let from = clamp(whole(arguments, 2)?, hay.len());
    Ok(find(&hay, &needle, from..=hay.len()))
}

fn last_index_of(arguments: &[Value]) -> Answer {
    let (Some(hay), Some(needle)) = (text(arguments, 0)?, text(arguments, 1)?) else {
        return Ok(Value::Int(-1));
    };
    let from = whole(arguments, 2)?;
    if from < 0 {
        return Ok(Value::Int(-1));
    }
    let (hay, needle): (Vec<char>, Vec<char>) = (hay.chars().collect(), needle.chars().collect());
    let from = clamp(from, hay.len());
    Ok(find(&hay, &needle, (0..=from).rev()))
}

fn replace(arguments: &[Value]) -> Answer {
    let original = text(arguments, 0)?;
    let (Some(text_), Some(find), Some(by)) =
        (original.clone(), text(arguments, 1)?, text(arguments, 2)?)
    else {
        return Ok(original.map_or(Value::Null, Value::Text));
    };
    if find.is_empty() {
        return Ok(Value::Text(text_));
    }
    let growth = text_.matches(&find).count().saturating_mul(by.len());
    if growth > 1 << 20 {
        return Err("expected a result of at most 64 KiB".into());
    }
    Ok(Value::Text(match usize::try_from(whole(arguments, 3)?) {
        Err(_) => text_.replace(&find, &by),
        Ok(most) => text_.replacen(&find, &by, most),
    }))
}

fn compare(arguments: &[Value]) -> Answer {
    let ignore_case = arguments.get(2) == Some(&Value::Bool(true));
    let fold = |text: Option<String>| {
        text.map(|text| {
            if ignore_case {
                text.to_lowercase()
            } else {
                text
            }
        })
    };
    let (one, two) = (fold(text(arguments, 0)?), fold(text(arguments, 1)?));
    Ok(Value::Int(one.cmp(&two) as i64))
}

fn first(arguments: &[Value], fits: impl Fn(&str) -> bool) -> Answer {
    for at in 0..arguments.len().min(10) {
        if let Some(text) = text(arguments, at)?
            && fits(&text)
        {
            return Ok(Value::Text(text));
        }
    }
    Ok(Value::Null)
}

/// Encodes a GUID as .NET does, which writes its first three fields little-endian.
fn guid(arguments: &[Value]) -> Answer {
    let default = arguments.get(1).cloned().unwrap_or(Value::Null);
    let uuid = text(arguments, 0)?.and_then(|text| uuid::Uuid::parse_str(&text).ok());
    Ok(uuid.map_or(default, |uuid| {
        Value::Text(STANDARD.encode(uuid.to_bytes_le()))
    }))
}

fn format(arguments: &[Value]) -> Answer {
    let Some(pattern) = text(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let made = super::format::format(&pattern, &arguments[1..]);
    Ok(made.map_or(Value::Null, Value::Text))
}
