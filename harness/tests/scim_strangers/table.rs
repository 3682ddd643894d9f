//! The strangers, each with the findings that are true for it. A name that begins with
//! `CK-…` is a situation that users of real servers reported.

use super::super::mutant_scim::Bend::{Does, Hears, Says};
use super::Switch::{Bend, Lag, Limit, Residents};
use super::answers as a;
use super::switches as s;
use super::{Call, Stranger, Switch};

const fn finds(
    name: &'static str,
    switches: &'static [Switch],
    finds: &'static [&'static str],
) -> Stranger {
    Stranger {
        name,
        switches,
        call: Call {
            domain: None,
            template: None,
            is_basic: false,
        },
        finds: Ok(finds),
        passes: 240,
        keeps: false,
    }
}

const fn called(call: Call, stranger: Stranger) -> Stranger {
    Stranger { call, ..stranger }
}

const fn passes(passes: usize, stranger: Stranger) -> Stranger {
    Stranger { passes, ..stranger }
}

const fn keeps(stranger: Stranger) -> Stranger {
    Stranger {
        keeps: true,
        ..stranger
    }
}

const fn refused(code: &'static str, stranger: Stranger) -> Stranger {
    Stranger {
        finds: Err(code),
        ..stranger
    }
}

const CALL: Call = Call {
    domain: None,
    template: None,
    is_basic: false,
};

/// Returns all strangers.
pub(crate) fn strangers() -> Vec<Stranger> {
    vec![
        finds("honest, with other users", &[Residents(3)], &[]),
        finds(
            "CK-03: announces filters and ignores them",
            &[Residents(3), Bend(Hears(s::ignore_filters))],
            &["SCIM-FILTER-01"],
        ),
        finds(
            "CK-03: the same, and the server has no other user",
            &[Bend(Hears(s::ignore_filters))],
            &["SCIM-FILTER-01"],
        ),
        finds(
            "CK-15: requires e-mails without declaring it",
            &[Bend(Does(s::require_emails))],
            &["SCIM-DISC-28"],
        ),
        refused(
            "users-refused",
            finds(
                "requires a title without declaring it",
                &[Bend(Does(s::require_country))],
                &[],
            ),
        ),
        called(
            Call {
                template: Some(r#"{"title": "of {name}"}"#),
                ..CALL
            },
            finds(
                "the same, with a template",
                &[Bend(Does(s::require_country))],
                &[],
            ),
        ),
        refused(
            "users-refused",
            finds(
                "CK-19: takes userNames of one domain",
                &[Bend(Does(s::require_domain))],
                &[],
            ),
        ),
        called(
            Call {
                domain: Some("corp.example"),
                ..CALL
            },
            finds(
                "CK-19: the same, its domain named",
                &[Bend(Does(s::require_domain))],
                &[],
            ),
        ),
        refused(
            "users-refused",
            finds(
                "a token that may only read",
                &[Bend(Does(s::forbid_writes))],
                &[],
            ),
        ),
        finds(
            "CK-22: one e-mail a user, others refused",
            &[Bend(Does(s::one_email))],
            &[],
        ),
        finds(
            "one e-mail a user, others dropped",
            &[Bend(Hears(s::first_email))],
            &["SCIM-CREATE-33"],
        ),
        finds(
            "CK-24: 429 beyond five a second, in seconds",
            &[Limit(5, false)],
            &[],
        ),
        finds(
            "429 beyond five a second, with a date",
            &[Limit(5, true)],
            &[],
        ),
        finds("CK-26: no PUT", &[Bend(Does(s::no_put))], &["SCIM-PUT-01"]),
        finds(
            "CK-28: 201 without a body",
            &[Bend(Says(a::empty_201))],
            &[],
        ),
        keeps(finds(
            "CK-31: DELETE answers 404 and deletes nothing",
            &[Bend(Does(s::no_delete))],
            &["SCIM-DELETE-01", "SCIM-CLEAN-01"],
        )),
        keeps(finds(
            "DELETE switches off",
            &[Bend(Does(s::soft_delete))],
            &["SCIM-DELETE-02", "SCIM-CLEAN-01"],
        )),
        finds(
            "no PATCH, announced",
            &[Bend(Does(s::no_patch))],
            &["SCIM-PATCH-01"],
        ),
        finds(
            "no PATCH, and says so",
            &[Bend(Does(s::no_patch)), Bend(Says(a::denies_patch))],
            &[],
        ),
        finds(
            "no filters, and says so",
            &[Bend(Does(s::no_filters)), Bend(Says(a::denies_filter))],
            &[],
        ),
        finds(
            "no filters, announced",
            &[Bend(Does(s::no_filters))],
            &["SCIM-FILTER-01"],
        ),
        finds(
            "filters by eq alone",
            &[Bend(Does(s::eq_alone))],
            &["SCIM-FILTER-61"],
        ),
        finds(
            "filters by eq on names alone, among others",
            &[Residents(3), Bend(Does(s::eq_on_names))],
            &["SCIM-FILTER-33", "SCIM-FILTER-61", "SCIM-VENDOR-08"],
        ),
        finds(
            "filters in letter case",
            &[Bend(Does(s::case_sensitive_filters))],
            &["SCIM-FILTER-02"],
        ),
        finds(
            "500 at filters that can't be read",
            &[Bend(Says(s::fail_at_bad_filters))],
            &["SCIM-HTTP-19", "SCIM-FILTER-49", "SCIM-FILTER-50"],
        ),
        finds("no nickName", &[Bend(Says(s::forget_nick_name))], &[]),
        finds(
            "CK-36: a computed displayName",
            &[Bend(Says(s::compute_display_name))],
            &[],
        ),
        finds(
            "no externalId",
            &[Bend(Says(s::forget_external_id))],
            &["SCIM-CREATE-31"],
        ),
        finds(
            "userName in small letters",
            &[Bend(Hears(s::lower_user_names))],
            &["SCIM-CREATE-10"],
        ),
        finds(
            "members by value alone",
            &[Bend(Says(s::bare_members))],
            &[],
        ),
        finds("no nested groups", &[Bend(Does(a::refuse_nesting))], &[]),
        finds(
            "unknown members ignored",
            &[Bend(Hears(a::ignore_unknown_members))],
            &["SCIM-GROUP-13"],
        ),
        finds(
            "no groups",
            &[Bend(Does(a::no_groups)), Bend(Says(a::hides_groups))],
            &[],
        ),
        finds(
            "no bulk, sort, versions and cursors, and says so",
            &[Bend(Says(a::denies_the_rest))],
            &[],
        ),
        finds(
            "no discovery",
            &[Bend(Does(a::no_discovery))],
            &["SCIM-DISC-01", "SCIM-DISC-08", "SCIM-DISC-14"],
        ),
        finds(
            "no search by POST",
            &[Bend(Does(s::no_search))],
            &["SCIM-SEARCH-01"],
        ),
        finds(
            "a relative Location",
            &[Bend(Says(a::relative_location))],
            &[],
        ),
        finds(
            "PATCH answers 204",
            &[Bend(Says(a::patch_204))],
            &["SCIM-VENDOR-03"],
        ),
        finds(
            "application/json",
            &[Bend(Says(a::plain_json))],
            &["SCIM-HTTP-01", "SCIM-HTTP-03"],
        ),
        finds(
            "pages as errors",
            &[Bend(Says(a::html_errors))],
            &["SCIM-AUTH-04", "SCIM-HTTP-08"],
        ),
        finds(
            "401 without a challenge",
            &[Bend(Says(a::no_challenge))],
            &["SCIM-AUTH-03"],
        ),
        finds(
            "open: asks for no token at all",
            &[Bend(Hears(a::open))],
            &["SCIM-AUTH-01"],
        ),
        finds(
            "open for GET, closed for everything else",
            &[Bend(Hears(a::open_to_read))],
            &["SCIM-AUTH-01"],
        ),
        finds(
            "wants a token and takes any",
            &[Bend(Hears(a::take_any_token))],
            &["SCIM-AUTH-02"],
        ),
        finds(
            "308 to the address with a slash",
            &[
                Bend(Does(a::ask_for_a_slash)),
                Bend(Hears(a::take_the_slash_off)),
            ],
            &[],
        ),
        finds(
            "ids with a slash and a hash",
            &[Bend(Hears(a::read_odd_ids)), Bend(Says(a::odd_ids))],
            &[],
        ),
        finds(
            "count and startIndex ignored",
            &[Bend(Hears(a::no_paging))],
            &["SCIM-PAGE-04"],
        ),
        finds("lists lag by two seconds", &[Lag(2000)], &[]),
        called(
            Call {
                is_basic: true,
                ..CALL
            },
            finds("Basic authentication", &[Bend(Hears(a::basic_alone))], &[]),
        ),
        passes(
            250,
            finds(
                "everything at once that is allowed",
                &[
                    Residents(2),
                    Limit(7, false),
                    Bend(Says(a::empty_201)),
                    Bend(Says(a::relative_location)),
                    Bend(Says(s::bare_members)),
                    Bend(Says(a::denies_the_rest)),
                ],
                &[],
            ),
        ),
    ]
}
