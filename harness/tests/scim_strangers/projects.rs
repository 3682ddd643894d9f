//! Strangers that are like servers of other projects (docs/interop/scim-servers.md).

use super::super::mutant_scim::Mutation::{AnswersInstead, ChangesAnswer, ChangesRequest};
use super::Stranger;
use super::Switch::Mutation;
use super::deviations as d;
use super::table::finds;

pub(super) fn strangers() -> Vec<Stranger> {
    vec![
        finds(
            "like Jackson: makes a user of a JSON array, without an id",
            &[Mutation(AnswersInstead(d::take_arrays))],
            &["SCIM-HTTP-17", "SCIM-CLEAN-01"],
        ),
        finds(
            "like SCIM Gateway: a 201 without an id, with a wrong Location",
            &[Mutation(ChangesAnswer(d::forget_id))],
            &[],
        ),
        finds(
            "like SCIM Gateway: a search by POST is taken for a user",
            &[Mutation(AnswersInstead(d::search_as_user))],
            &["SCIM-SEARCH-01"],
        ),
        finds(
            "like Jackson: 500 at every operator but eq",
            &[Mutation(AnswersInstead(d::fail_at_operators))],
            &["SCIM-FILTER-50"],
        ),
        finds(
            "like Jackson: eq on title finds no user",
            &[Mutation(AnswersInstead(d::no_user_by_title))],
            &["SCIM-FILTER-61"],
        ),
        finds(
            "like SCIM Gateway: no parentheses in filters",
            &[Mutation(AnswersInstead(d::no_parentheses))],
            &["SCIM-FILTER-61"],
        ),
        finds(
            "like django-scim2-server: no filters on id and meta",
            &[Mutation(AnswersInstead(d::no_common_filters))],
            &["SCIM-FILTER-61"],
        ),
        finds(
            "like mlflow-oidc-auth: ignores attributes and excludedAttributes",
            &[Mutation(ChangesRequest(d::whole_resources))],
            &["SCIM-READ-02", "SCIM-READ-04"],
        ),
        finds(
            "like mlflow-oidc-auth: userName cannot be changed",
            &[Mutation(AnswersInstead(d::fixed_names))],
            &[],
        ),
        finds(
            "like Jackson: groups never show their members",
            &[Mutation(ChangesAnswer(d::hide_members))],
            &["SCIM-GROUP-02"],
        ),
        finds(
            "like Canaille: fails at count",
            &[Mutation(ChangesAnswer(d::fail_at_count))],
            &["SCIM-DISC-13"],
        ),
        finds(
            "like Canaille: an absolute endpoint in resource types",
            &[Mutation(ChangesAnswer(d::absolute_endpoints))],
            &["SCIM-DISC-13"],
        ),
        finds(
            "like Canaille: members need $ref, as the schema says",
            &[
                Mutation(ChangesAnswer(d::declare_ref)),
                Mutation(AnswersInstead(d::require_ref)),
            ],
            &[],
        ),
    ]
}
