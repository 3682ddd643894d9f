//! Mutants of filters: the server evaluates another filter than the requested one.

use serde_json::json;

use super::super::server::answer;
use super::super::{Mutant, ScimRequest, edit, filter_of, with_parameter};
use super::{does, drop_member, hears, says};

/// Replaces the filter of the request, if `to` returns another one.
fn swap(request: &mut ScimRequest, to: impl FnOnce(&str) -> Option<String>) {
    let Some(filter) = filter_of(request) else {
        return;
    };
    if let Some(to) = to(&filter) {
        with_parameter(request, "filter", &to);
    }
}

fn begins(filter: &str, front: &str, end: &str) -> bool {
    filter.starts_with(front) && filter.ends_with(end)
}

fn nobody() -> Option<String> {
    Some("id eq \"nobody\"".to_owned())
}

fn everybody() -> Option<String> {
    Some("id pr".to_owned())
}

/// Replaces `from` by `to` in a filter that begins with `front`.
fn part(filter: &str, front: &str, from: &str, to: &str) -> Option<String> {
    (filter.starts_with(front) && filter.contains(from)).then(|| filter.replacen(from, to, 1))
}

fn refuse_filter(request: &ScimRequest, front: &str) -> Option<super::super::ScimAnswer> {
    let filter = filter_of(request)?;
    let refusal = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "400",
        "scimType": "invalidFilter",
    });
    filter.starts_with(front).then(|| answer(400, &refusal))
}

pub(super) const MUTANTS: &[Mutant] = &[
    hears("SCIM-FILTER-62", |a| {
        swap(a, |filter| {
            let value = filter.strip_prefix("nickName ")?;
            let (_, value) = value.split_once(' ')?;
            let is_in_capitals = value == value.to_uppercase() && value.len() > 8;
            is_in_capitals.then(nobody).flatten()
        });
    }),
    hears("SCIM-FILTER-01", |a| {
        swap(a, |f| {
            let hit = begins(f, "userName eq \"rh", "-ann@example.com\"") && !f.contains(" and ");
            if hit { nobody() } else { None }
        });
    }),
    hears("SCIM-FILTER-02", |a| {
        swap(a, |f| {
            if f.starts_with("userName eq \"RH") {
                nobody()
            } else {
                None
            }
        });
    }),
    hears("SCIM-FILTER-03", |a| {
        swap(a, |f| {
            if f.ends_with("-Ext-A\"") {
                nobody()
            } else {
                None
            }
        });
    }),
    hears("SCIM-FILTER-04", |a| {
        swap(a, |f| part(f, "externalId eq", "-EXT-A", "-Ext-A"))
    }),
    hears("SCIM-FILTER-05", |a| {
        swap(a, |f| part(f, "userName sw", "userType ne", "userType eq"))
    }),
    hears("SCIM-FILTER-06", |a| {
        swap(a, |f| part(f, "nickName co", " co ", " sw "))
    }),
    hears("SCIM-FILTER-07", |a| {
        swap(a, |f| {
            if begins(f, "nickName sw \"rh", "-de\"") {
                part(f, "", " sw ", " eq ")
            } else {
                None
            }
        });
    }),
    hears("SCIM-FILTER-08", |a| {
        swap(a, |f| {
            if begins(f, "nickName sw \"h", "-de\"") {
                part(f, "", " sw ", " co ")
            } else {
                None
            }
        });
    }),
    hears("SCIM-FILTER-09", |a| {
        swap(a, |f| part(f, "userName sw", "nickName ew", "nickName eq"))
    }),
    hears("SCIM-FILTER-10", |a| {
        swap(a, |f| part(f, "userName sw", "nickName pr", "id pr"))
    }),
    hears("SCIM-FILTER-11", |a| {
        swap(a, |f| part(f, "userName sw", "userName gt", "userName ge"))
    }),
    hears("SCIM-FILTER-12", |a| {
        swap(a, |f| part(f, "userName sw", "userName ge", "userName gt"))
    }),
    hears("SCIM-FILTER-13", |a| {
        swap(a, |f| part(f, "userName sw", "userName lt", "userName le"))
    }),
    hears("SCIM-FILTER-14", |a| {
        swap(a, |f| part(f, "userName sw", "userName le", "userName lt"))
    }),
    hears("SCIM-FILTER-15", |a| {
        swap(a, |f| part(f, "userName eq", " and name.", " or name."))
    }),
    hears("SCIM-FILTER-16", |a| {
        swap(a, |f| part(f, "name.familyName eq", " or ", " and "))
    }),
    hears("SCIM-FILTER-17", |a| {
        swap(a, |f| part(f, "userName sw", "not (userType", "(userType"))
    }),
    hears("SCIM-FILTER-18", |a| {
        swap(a, |f| {
            let (either, last) = f
                .split_once(" and ")
                .filter(|_| f.starts_with("nickName eq"))?;
            either
                .contains(" or ")
                .then(|| format!("({either}) and {last}"))
        });
    }),
    hears("SCIM-FILTER-19", |a| {
        swap(a, |f| {
            f.starts_with("(nickName")
                .then(|| f.replace(['(', ')'], ""))
        });
    }),
    hears("SCIM-FILTER-20", |a| {
        swap(a, |f| {
            let rest = f.strip_prefix("not (title co \"off\") and ")?;
            Some(format!("not (title co \"off\" and {rest})"))
        });
    }),
    does("SCIM-FILTER-21", |_, a| refuse_filter(a, "userName Eq")),
    does("SCIM-FILTER-22", |_, a| refuse_filter(a, "USERNAME")),
    hears("SCIM-FILTER-24", |a| {
        swap(a, |f| {
            part(f, "userName sw", "active eq true", "active eq false")
        })
    }),
    hears("SCIM-FILTER-25", |a| {
        swap(a, |f| part(f, "active eq false", "false", "true"))
    }),
    hears("SCIM-FILTER-26", |a| {
        swap(a, |f| {
            if begins(f, "name.familyName eq \"rh", "-Baker\"") && !f.contains(" or ") {
                nobody()
            } else {
                None
            }
        });
    }),
    hears("SCIM-FILTER-27", |a| {
        swap(a, |f| {
            if f.starts_with("emails.value eq") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-28", |a| {
        swap(a, |f| {
            if f.starts_with("emails[type eq \"work\" and value sw") {
                nobody()
            } else {
                None
            }
        });
    }),
    hears("SCIM-FILTER-29", |a| {
        swap(a, |f| {
            let inner = f
                .strip_prefix("emails[type eq \"work\" and value eq")?
                .strip_suffix(']')?;
            Some(format!(
                "emails.type eq \"work\" and emails.value eq{inner}"
            ))
        });
    }),
    hears("SCIM-FILTER-30", |a| {
        swap(a, |f| {
            let value = f.strip_prefix("emails.type eq \"work\" and emails.value eq")?;
            Some(format!("emails[type eq \"work\" and value eq{value}]"))
        });
    }),
    hears("SCIM-FILTER-31", |a| {
        swap(a, |f| part(f, "emails[value sw", "not (", "("))
    }),
    hears("SCIM-FILTER-32", |a| {
        swap(a, |f| part(f, "emails[type eq \"home\"", "] and ", "] or "))
    }),
    does("SCIM-FILTER-33", |_, a| {
        refuse_filter(a, "urn:ietf:params:scim:schemas:core")
    }),
    does("SCIM-FILTER-34", |_, a| {
        refuse_filter(a, "urn:ietf:params:scim:schemas:extension")
    }),
    hears("SCIM-FILTER-35", |a| {
        swap(a, |f| {
            part(f, "userName sw", "meta.created gt", "meta.created lt")
        })
    }),
    hears("SCIM-FILTER-36", |a| {
        swap(a, |f| {
            part(f, "userName sw", "meta.created lt", "meta.created gt")
        })
    }),
    hears("SCIM-FILTER-37", |a| {
        swap(a, |f| {
            if f.contains("meta.created ge") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-38", |a| {
        swap(a, |f| {
            if f.starts_with("id eq") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-40", |a| {
        swap(a, |f| {
            if f.contains("\\\"hi\\\"") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-41", |a| {
        swap(a, |f| {
            if f.contains("\\u00fc") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-42", |a| {
        swap(a, |f| {
            if f.contains("Zürich") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-43", |a| {
        swap(a, |f| part(f, "title co", "50% o", "50"))
    }),
    hears("SCIM-FILTER-44", |a| {
        swap(a, |f| part(f, "nickName sw", "dee_", "dee"))
    }),
    hears("SCIM-FILTER-45", |a| {
        swap(a, |f| {
            let front = f
                .strip_suffix("-*\"")
                .filter(|_| f.starts_with("nickName eq"))?;
            Some(format!("{}-\"", front.replacen(" eq ", " sw ", 1)))
        });
    }),
    does("SCIM-FILTER-46", |_, a| {
        filter_of(a).filter(|f| f.contains("(active eq true)"))?;
        refuse_filter(a, "title eq")
    }),
    hears("SCIM-FILTER-47", |a| {
        swap(a, |f| part(f, "userName sw", "emails pr", "id pr"))
    }),
    does("SCIM-FILTER-48", |_, a| {
        let filter = filter_of(a)?;
        filter
            .ends_with("-nobody\"")
            .then(|| answer(404, &json!({})))
    }),
    hears("SCIM-FILTER-49", |a| {
        swap(a, |f| {
            if f.starts_with("favoriteOtter") {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-50", |a| {
        swap(a, |f| {
            if f.contains("resembles") {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-51", |a| {
        swap(a, |f| {
            if f == "active gt true" {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-52", |a| {
        swap(a, |f| {
            if f == "userName eq" {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-53", |a| {
        swap(a, |f| {
            if f.starts_with("(userName") {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-54", |a| {
        swap(a, |f| {
            if f.starts_with("userName eq rh") {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-55", |a| {
        swap(a, |f| {
            if f.ends_with(" and") {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-56", |a| {
        swap(a, |f| {
            if f == "emails[type eq \"work\"" {
                everybody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-57", |a| {
        swap(a, |f| {
            if f.ends_with(" nonsense") {
                everybody()
            } else {
                None
            }
        })
    }),
    does("SCIM-FILTER-23", |_, a| {
        filter_of(a).filter(|f| f.contains(" AND "))?;
        refuse_filter(a, "userName sw")
    }),
    hears("SCIM-FILTER-39", |a| {
        swap(a, |f| {
            if f.ends_with(" eq null") {
                nobody()
            } else {
                None
            }
        })
    }),
    hears("SCIM-FILTER-58", |a| {
        swap(a, |f| {
            if f.starts_with("not userName") {
                everybody()
            } else {
                None
            }
        })
    }),
    says("SCIM-FILTER-59", |a, t| {
        if filter_of(a).is_some_and(|f| f.ends_with("\"half")) {
            edit(t, |v| drop_member(v, "scimType"));
        }
    }),
    hears("SCIM-FILTER-60", |a| {
        swap(a, |f| {
            if f.starts_with("password ") {
                everybody()
            } else {
                None
            }
        })
    }),
    does("SCIM-FILTER-61", |_, a| {
        filter_of(a).filter(|f| f.contains(" co "))?;
        refuse_filter(a, "")
    }),
];
