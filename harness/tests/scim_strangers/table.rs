//! The strangers, each with the findings that are true for it. A name that begins with
//! `CK-…` is a situation that users of real servers reported.

use super::super::mutant_scim::Mutation::{AnswersInstead, ChangesAnswer, ChangesRequest};
use super::Switch::{Lag, LateReads, Limit, Mutation, Residents};
use super::answers as a;
use super::deviations as d;
use super::switches as s;
use super::{Call, Stranger, Switch, projects};

pub(super) const fn finds(
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
    [own(), projects::strangers()].concat()
}

fn own() -> Vec<Stranger> {
    vec![
        finds("honest, with other users", &[Residents(3)], &[]),
        finds(
            "CK-03: announces filters and ignores them",
            &[Residents(3), Mutation(ChangesRequest(s::ignore_filters))],
            &["SCIM-FILTER-01"],
        ),
        finds(
            "CK-03: the same, and the server has no other user",
            &[Mutation(ChangesRequest(s::ignore_filters))],
            &["SCIM-FILTER-01"],
        ),
        finds(
            "CK-15: requires e-mails without declaring it",
            &[Mutation(AnswersInstead(s::require_emails))],
            &["SCIM-DISC-28"],
        ),
        refused(
            "users-refused",
            finds(
                "requires a title without declaring it",
                &[Mutation(AnswersInstead(s::require_country))],
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
                &[Mutation(AnswersInstead(s::require_country))],
                &[],
            ),
        ),
        refused(
            "users-refused",
            finds(
                "CK-19: takes userNames of one domain",
                &[Mutation(AnswersInstead(s::require_domain))],
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
                &[Mutation(AnswersInstead(s::require_domain))],
                &[],
            ),
        ),
        refused(
            "users-refused",
            finds(
                "a token that may only read",
                &[Mutation(AnswersInstead(s::forbid_writes))],
                &[],
            ),
        ),
        finds(
            "CK-22: one e-mail a user, others refused",
            &[Mutation(AnswersInstead(s::one_email))],
            &[],
        ),
        finds(
            "one e-mail a user, others dropped",
            &[Mutation(ChangesRequest(s::first_email))],
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
        finds(
            "CK-26: no PUT",
            &[Mutation(AnswersInstead(s::no_put))],
            &["SCIM-PUT-01"],
        ),
        finds(
            "CK-28: 201 without a body",
            &[Mutation(ChangesAnswer(a::empty_201))],
            &[],
        ),
        keeps(finds(
            "CK-31: DELETE answers 404 and deletes nothing",
            &[Mutation(AnswersInstead(s::no_delete))],
            &["SCIM-DELETE-01", "SCIM-CLEAN-01"],
        )),
        keeps(finds(
            "DELETE switches off",
            &[Mutation(AnswersInstead(s::soft_delete))],
            &["SCIM-DELETE-02", "SCIM-CLEAN-01"],
        )),
        finds(
            "no PATCH, announced",
            &[Mutation(AnswersInstead(s::no_patch))],
            &["SCIM-PATCH-01"],
        ),
        finds(
            "no PATCH, and says so",
            &[
                Mutation(AnswersInstead(s::no_patch)),
                Mutation(ChangesAnswer(a::denies_patch)),
            ],
            &[],
        ),
        finds(
            "no filters, and says so",
            &[
                Mutation(AnswersInstead(s::no_filters)),
                Mutation(ChangesAnswer(a::denies_filter)),
            ],
            &[],
        ),
        finds(
            "no filters, announced",
            &[Mutation(AnswersInstead(s::no_filters))],
            &["SCIM-FILTER-01"],
        ),
        finds(
            "filters by eq alone",
            &[Mutation(AnswersInstead(s::eq_alone))],
            &["SCIM-FILTER-61"],
        ),
        finds(
            "filters by eq on names alone, among others",
            &[Residents(3), Mutation(AnswersInstead(s::eq_on_names))],
            &["SCIM-FILTER-33", "SCIM-FILTER-61", "SCIM-VENDOR-08"],
        ),
        finds(
            "filters in letter case",
            &[Mutation(AnswersInstead(s::case_sensitive_filters))],
            &["SCIM-FILTER-02"],
        ),
        finds(
            "500 at filters that can't be read",
            &[Mutation(ChangesAnswer(s::fail_at_bad_filters))],
            &["SCIM-HTTP-19", "SCIM-FILTER-49", "SCIM-FILTER-50"],
        ),
        finds(
            "no nickName",
            &[Mutation(ChangesAnswer(s::forget_nick_name))],
            &[],
        ),
        finds(
            "no nickName, and a title that stays",
            &[
                Mutation(ChangesAnswer(s::forget_nick_name)),
                Mutation(AnswersInstead(d::keep_title)),
            ],
            &["SCIM-PATCH-17"],
        ),
        finds(
            "500 at PATCH with remove",
            &[Mutation(AnswersInstead(d::fail_at_removal))],
            // Not those of a remove that must be refused: nothing shows that it was read.
            &[
                "SCIM-PATCH-17",
                "SCIM-PATCH-18",
                "SCIM-PATCH-19",
                "SCIM-PATCH-20",
                "SCIM-PATCH-21",
                "SCIM-PATCH-29",
                "SCIM-GROUP-09",
                "SCIM-GROUP-12",
                "SCIM-VENDOR-04",
            ],
        ),
        finds(
            "500 at filters on other attributes than userName",
            &[Mutation(AnswersInstead(d::fail_at_other_attributes))],
            &["SCIM-HTTP-19", "SCIM-FILTER-49", "SCIM-FILTER-61"],
        ),
        finds(
            "no filters on the e-mail address",
            &[Mutation(AnswersInstead(d::decline_addresses))],
            &["SCIM-FILTER-61"],
        ),
        finds(
            "CK-36: a computed displayName",
            &[Mutation(ChangesAnswer(s::compute_display_name))],
            &[],
        ),
        finds(
            "new users are always active",
            &[Mutation(ChangesRequest(s::activate_new_users))],
            &["SCIM-CREATE-37"],
        ),
        finds(
            "all users are always active",
            &[Mutation(ChangesAnswer(s::activate_always))],
            // Not that POST ignores the value: nothing shows that the server has inactive users.
            // The other checks that set active to false fail for the same reason.
            &["SCIM-PATCH-34"],
        ),
        finds(
            "no externalId",
            &[Mutation(ChangesAnswer(s::forget_external_id))],
            &["SCIM-CREATE-31"],
        ),
        finds(
            "userName in small letters",
            &[Mutation(ChangesRequest(s::lower_user_names))],
            &[],
        ),
        finds(
            "members by value alone",
            &[Mutation(ChangesAnswer(s::bare_members))],
            &[],
        ),
        finds(
            "no nested groups",
            &[Mutation(AnswersInstead(a::refuse_nesting))],
            &[],
        ),
        finds(
            "unknown members ignored",
            &[Mutation(ChangesRequest(a::ignore_unknown_members))],
            &["SCIM-GROUP-13"],
        ),
        finds(
            "no groups",
            &[
                Mutation(AnswersInstead(a::no_groups)),
                Mutation(ChangesAnswer(a::hides_groups)),
            ],
            &[],
        ),
        finds(
            "no bulk, sort, versions and cursors, and says so",
            &[Mutation(ChangesAnswer(a::denies_the_rest))],
            &[],
        ),
        finds(
            "no discovery",
            &[Mutation(AnswersInstead(a::no_discovery))],
            &["SCIM-DISC-01", "SCIM-DISC-08", "SCIM-DISC-14"],
        ),
        finds(
            "no search by POST",
            &[Mutation(AnswersInstead(s::no_search))],
            &["SCIM-SEARCH-01"],
        ),
        finds(
            "a relative Location",
            &[Mutation(ChangesAnswer(a::relative_location))],
            &[],
        ),
        finds(
            "PATCH answers 204",
            &[Mutation(ChangesAnswer(a::patch_204))],
            &["SCIM-VENDOR-03"],
        ),
        finds(
            "application/json",
            &[Mutation(ChangesAnswer(a::plain_json))],
            &["SCIM-HTTP-01", "SCIM-HTTP-03"],
        ),
        finds(
            "pages as errors",
            &[Mutation(ChangesAnswer(a::html_errors))],
            &["SCIM-AUTH-04", "SCIM-HTTP-08"],
        ),
        finds(
            "401 without a challenge",
            &[Mutation(ChangesAnswer(a::no_challenge))],
            &["SCIM-AUTH-03"],
        ),
        finds(
            "open: asks for no token at all",
            &[Mutation(ChangesRequest(a::open))],
            &["SCIM-AUTH-01"],
        ),
        finds(
            "open for GET, closed for everything else",
            &[Mutation(ChangesRequest(a::open_to_read))],
            &["SCIM-AUTH-01"],
        ),
        finds(
            "wants a token and takes any",
            &[Mutation(ChangesRequest(a::take_any_token))],
            &["SCIM-AUTH-02"],
        ),
        finds(
            "308 to the address with a slash",
            &[
                Mutation(AnswersInstead(a::ask_for_a_slash)),
                Mutation(ChangesRequest(a::take_the_slash_off)),
            ],
            &[],
        ),
        finds(
            "ids with a slash and a hash",
            &[
                Mutation(ChangesRequest(a::read_odd_ids)),
                Mutation(ChangesAnswer(a::odd_ids)),
            ],
            &[],
        ),
        finds(
            "count and startIndex ignored",
            &[Mutation(ChangesRequest(a::no_paging))],
            &["SCIM-PAGE-04"],
        ),
        finds("lists lag by two seconds", &[Lag(2000)], &[]),
        finds("reads lag by 300 milliseconds", &[LateReads(300)], &[]),
        finds(
            "reads lag by 300 milliseconds, and PATCH is answered with 204",
            &[
                LateReads(300),
                Mutation(ChangesAnswer(a::answer_patch_without_body)),
            ],
            &["SCIM-VENDOR-03"],
        ),
        finds(
            "attributes returns active always",
            &[Mutation(ChangesAnswer(a::return_active_always))],
            &["SCIM-READ-02"],
        ),
        finds(
            "startIndex counts from 0 in the database",
            &[Mutation(ChangesRequest(a::skip_first))],
            &["SCIM-PAGE-16"],
        ),
        finds(
            "startIndex counts from 0 where it is given",
            &[
                Mutation(ChangesRequest(a::skip_first_if_given)),
                Mutation(ChangesAnswer(a::repeat_start_index)),
            ],
            &["SCIM-PAGE-09"],
        ),
        finds(
            "PATCH with a path: 400",
            &[Mutation(AnswersInstead(s::refuse_paths))],
            &["SCIM-PATCH-01"],
        ),
        finds(
            "PATCH with a path: 500",
            &[Mutation(AnswersInstead(s::fail_at_paths))],
            &["SCIM-PATCH-01"],
        ),
        finds(
            "PATCH with a path: 500, unless the value is an object (mitol-django-scim)",
            &[Mutation(AnswersInstead(s::fail_at_values))],
            &["SCIM-PATCH-01"],
        ),
        finds(
            "lists without a filter have no meta, others do",
            &[Mutation(ChangesAnswer(s::short_lists_of_all))],
            &["SCIM-READ-21"],
        ),
        finds(
            "lists of groups have no members",
            &[Mutation(ChangesAnswer(s::lists_without_members))],
            &["SCIM-READ-21"],
        ),
        called(
            Call {
                is_basic: true,
                ..CALL
            },
            finds(
                "Basic authentication",
                &[Mutation(ChangesRequest(a::basic_alone))],
                &[],
            ),
        ),
        passes(
            250,
            finds(
                "everything at once that is allowed",
                &[
                    Residents(2),
                    Limit(7, false),
                    Mutation(ChangesAnswer(a::empty_201)),
                    Mutation(ChangesAnswer(a::relative_location)),
                    Mutation(ChangesAnswer(s::bare_members)),
                    Mutation(ChangesAnswer(a::denies_the_rest)),
                ],
                &[],
            ),
        ),
    ]
}
