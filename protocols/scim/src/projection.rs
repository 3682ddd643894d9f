//! Selects the attributes of an answer: `attributes` and `excludedAttributes` (RFC 7644 §3.9),
//! together with each attribute's `returned` (RFC 7643 §2.2).

use serde_json::{Map, Value};

use crate::schema::{Attribute, Mutability, ResourceType, Returned};
use crate::{AttributePath, Error, ScimType};

/// The requested attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    only: Vec<AttributePath>,
    without: Vec<AttributePath>,
}

impl Projection {
    /// Reads the two query parameters, with names separated by commas.
    ///
    /// # Errors
    /// `invalidValue` when both are present or a name is invalid.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, Error> {
        let read = |text: Option<&str>| -> Result<Vec<AttributePath>, Error> {
            text.unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(|name| {
                    AttributePath::parse(name)
                        .map_err(|detail| Error::of(ScimType::InvalidValue, detail))
                })
                .collect()
        };
        let projection = Self {
            only: read(attributes)?,
            without: read(excluded)?,
        };
        if !projection.only.is_empty() && !projection.without.is_empty() {
            return Err(Error::of(
                ScimType::InvalidValue,
                "expected attributes or excludedAttributes, got both; use one of them",
            ));
        }
        Ok(projection)
    }

    /// True if the answer contains this top-level attribute. Attributes that are expensive to read
    /// are then only read if needed.
    pub fn wants(&self, name: &str) -> bool {
        let named = |paths: &[AttributePath], whole: bool| {
            paths
                .iter()
                .any(|path| path.name.eq_ignore_ascii_case(name) && (!whole || path.sub.is_none()))
        };
        if self.only.is_empty() {
            !named(&self.without, true)
        } else {
            named(&self.only, false)
        }
    }

    /// True if this sub-attribute of a top-level attribute was requested by name.
    pub fn names(&self, name: &str, sub: &str) -> bool {
        self.only.iter().any(|path| {
            let named = path.sub.as_deref();
            path.name.eq_ignore_ascii_case(name)
                && named.is_some_and(|named| named.eq_ignore_ascii_case(sub))
        })
    }

    /// True if the client requested no particular attributes.
    pub fn is_default(&self) -> bool {
        self.only.is_empty() && self.without.is_empty()
    }

    /// True if the answer is the resource exactly as stored. This assumes that attributes with
    /// `returned` never are not stored, and that the server adds attributes only on request.
    pub fn takes_all(&self, of: &ResourceType) -> bool {
        let on_request = |attribute: &Attribute| {
            let is = |one: &Attribute| {
                one.returned == Returned::Request && one.mutability != Mutability::ReadOnly
            };
            is(attribute) || attribute.sub_attributes.iter().any(is)
        };
        self.only.is_empty()
            && self.without.is_empty()
            && !of.attributes().any(on_request)
            && !of
                .extensions
                .iter()
                .any(|extension| extension.attributes.iter().any(on_request))
    }

    /// Returns the resource with the selected attributes.
    pub fn apply(&self, resource: &Value, of: &ResourceType) -> Value {
        let Some(object) = resource.as_object() else {
            return resource.clone();
        };
        let mut out = Map::new();
        for (key, value) in object {
            if let Some(extension) = of.extension_by_id(key) {
                // The URN alone means the whole extension.
                let whole = |paths: &[AttributePath]| {
                    paths
                        .iter()
                        .any(|path| path.to_string().eq_ignore_ascii_case(extension.id))
                };
                if whole(&self.without) {
                    continue;
                }
                let everything = Self::default();
                let by = if whole(&self.only) { &everything } else { self };
                let inner = by.members(value, extension.attributes, extension.id, true);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    out.insert(key.clone(), inner);
                }
            } else if let Some(attribute) = of.attributes().find(|one| one.name == key)
                && let Some(value) = self.one(attribute, value, of.schema.id, false)
            {
                out.insert(key.clone(), value);
            }
        }
        Value::Object(out)
    }

    fn members(&self, value: &Value, of: &[Attribute], schema: &str, extends: bool) -> Value {
        let object = value.as_object().into_iter().flatten();
        object
            .filter_map(|(key, value)| {
                let attribute = of.iter().find(|one| one.name == key)?;
                Some((key.clone(), self.one(attribute, value, schema, extends)?))
            })
            .collect::<Map<_, _>>()
            .into()
    }

    /// Attributes of an extension must be named with its URN, others can be.
    fn one(
        &self,
        attribute: &Attribute,
        value: &Value,
        schema: &str,
        extends: bool,
    ) -> Option<Value> {
        match attribute.returned {
            Returned::Never => return None,
            Returned::Always => return Some(value.clone()),
            Returned::Default | Returned::Request => {}
        }
        let mine = |path: &&AttributePath| {
            path.name.eq_ignore_ascii_case(attribute.name)
                && path
                    .schema
                    .as_deref()
                    .map_or(!extends, |urn| urn.eq_ignore_ascii_case(schema))
        };
        let subs = |paths: &[AttributePath]| -> Option<Vec<String>> {
            let named: Vec<&AttributePath> = paths.iter().filter(mine).collect();
            if named.is_empty() {
                return None;
            }
            // The attribute is named as a whole at least once.
            if named.iter().any(|path| path.sub.is_none()) {
                return Some(Vec::new());
            }
            Some(named.iter().filter_map(|path| path.sub.clone()).collect())
        };
        let on_request = |name: &str| {
            let all = attribute.sub_attributes.iter();
            let mut requested = all.filter(|one| one.returned == Returned::Request);
            requested.any(|one| one.name == name)
        };
        let by_default = || parts(value, &|name| !on_request(name));
        if !self.only.is_empty() {
            let subs = subs(&self.only)?;
            let keep = |name: &str| subs.iter().any(|sub| sub.eq_ignore_ascii_case(name));
            return Some(if subs.is_empty() {
                by_default()
            } else {
                parts(value, &keep)
            });
        }
        if attribute.returned == Returned::Request {
            return None;
        }
        match subs(&self.without) {
            None => Some(by_default()),
            Some(subs) if subs.is_empty() => None,
            Some(subs) => {
                let keep = |name: &str| {
                    !on_request(name) && !subs.iter().any(|sub| sub.eq_ignore_ascii_case(name))
                };
                Some(parts(value, &keep))
            }
        }
    }
}

/// Returns a complex value, or each of several, with the sub-attributes that are kept.
fn parts(value: &Value, keep: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| parts(value, keep)).collect(),
        Value::Object(object) => object
            .iter()
            .filter(|(name, _)| keep(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
