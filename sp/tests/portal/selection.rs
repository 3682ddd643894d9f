//! Database conditions for SCIM filters: they give the same result as the
//! evaluation in memory, and they use an index.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use scim::AttributePath;
use scim::filter::{self, Filter, Operator};
use scim::schema::USER_TYPE;
use serde_json::{Value, json};
use sp::directory::selection::Asked;
use sp::store::selection::{Condition, Field, Operand, Order, Selection, Test};
use sp::store::users::UserRow;
use sp::store::{Store, groups, instant, members, users};

use crate::database::TestDatabase;

/// Texts that test letter case, wildcards and collation.
const TEXTS: [&str; 14] = [
    "",
    "anna",
    "Anna@corp.example",
    "ANNA@corp.example",
    "a%",
    "a_b",
    "axb",
    "o'malley \"x\"",
    "ÄNNA",
    "änna",
    "İstanbul",
    "\u{10ffff}",
    "\u{d7ff}z",
    "zoë",
];

const START: i64 = 1_767_225_600_000_000;

/// Creates a user with some of these texts, chosen by its number.
fn row(number: usize) -> UserRow {
    let text = |shift: usize| TEXTS[(number * 5 + shift) % TEXTS.len()];
    let some = |shift: usize| (!(number + shift).is_multiple_of(3)).then(|| text(shift).to_owned());
    let mut resource = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("{}{number}", text(1)),
        "active": number.is_multiple_of(2),
        "title": text(2),
    });
    let (external_id, display_name) = (some(3), some(4));
    for (name, value) in [("externalId", &external_id), ("displayName", &display_name)] {
        if let Some(value) = value {
            resource[name] = value.as_str().into();
        }
    }
    let emails: Vec<Value> = (0..number % 3)
        .map(|n| json!({"value": text(5 + n), "type": if n == 0 { "work" } else { "home" }}))
        .collect();
    if !emails.is_empty() {
        resource["emails"] = emails.into();
    }
    let at =
        START + i64::try_from(number / 2).unwrap() * 1_000_000 + i64::try_from(number % 2).unwrap();
    UserRow {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        business_id: "b".into(),
        user_name: resource["userName"].as_str().unwrap().to_owned(),
        email: None,
        external_id,
        display_name,
        active: i64::from(number.is_multiple_of(2)),
        source: "scim".into(),
        resource: resource.to_string(),
        version: 1,
        created: at,
        last_modified: at,
        grouped: 0,
    }
}

/// A group that is a member of [`OUTER`].
const INNER: &str = "g1";
const OUTER: &str = "g3";

/// Returns the resource that filters are evaluated on in memory.
fn seen(row: &UserRow, group: Option<&str>) -> Value {
    let mut resource: Value = serde_json::from_str(&row.resource).unwrap();
    resource["id"] = row.id.as_str().into();
    resource["meta"] = json!({
        "created": instant(row.created).to_string(),
        "lastModified": instant(row.last_modified).to_string(),
    });
    if let Some(group) = group {
        resource["groups"] = json!([{"value": group, "type": "direct"}]);
        if group == INNER {
            resource["groups"] = json!([
                {"value": group, "type": "direct"},
                {"value": OUTER, "type": "indirect"},
            ]);
        }
    }
    resource
}

fn filters() -> impl Strategy<Value = Filter> {
    let paths = [
        "id",
        "userName",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName",
        "externalId",
        "displayName",
        "active",
        "emails",
        "emails.value",
        "emails.type",
        "meta.created",
        "meta.lastModified",
        "groups",
        "groups.value",
        "title",
    ];
    let path = proptest::sample::select(paths.to_vec())
        .prop_map(|text| AttributePath::parse(text).unwrap());
    let value = prop_oneof![
        4 => proptest::sample::select(TEXTS.to_vec()).prop_map(Value::from),
        1 => proptest::sample::select(TEXTS.to_vec())
            .prop_map(|text| Value::from(text.chars().take(1).collect::<String>())),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => proptest::sample::select(vec![INNER, "g2", OUTER]).prop_map(Value::from),
        1 => (0..8_u32).prop_map(|n| Value::from(format!("00000000-0000-4000-8000-{n:012}"))),
        2 => (0..40_000_000_u64, 0..3_u32).prop_map(|(micros, fraction)| {
            let at = instant(START + i64::try_from(micros / 1_000_000 * 1_000_000).unwrap());
            Value::from(match fraction {
                0 => at.to_string(),
                1 => at.to_string().replace('Z', ".0000005Z"),
                _ => at.to_string().replace('Z', ".000001+00:00"),
            })
        }),
    ];
    let operator = (0..Operator::ALL.len()).prop_map(|index| Operator::ALL[index].1);
    let compare = (path.clone(), operator.clone(), value.clone())
        .prop_map(|(path, operator, value)| Filter::Compare(path, operator, value));
    let sub = |name: &'static str| {
        (operator.clone(), value.clone()).prop_map(move |(operator, value)| {
            Filter::Compare(AttributePath::parse(name).unwrap(), operator, value)
        })
    };
    let within = prop_oneof![
        sub("value"),
        (sub("value"), sub("value")).prop_map(|(a, b)| Filter::And(a.into(), b.into())),
        (sub("value"), sub("type")).prop_map(|(a, b)| Filter::And(a.into(), b.into())),
        (sub("value"), sub("type")).prop_map(|(a, b)| Filter::Or(a.into(), b.into())),
    ]
    .prop_map(|inner| Filter::ValuePath(AttributePath::parse("emails").unwrap(), Box::new(inner)));
    let leaf = prop_oneof![5 => compare, 1 => path.prop_map(Filter::Present), 1 => within];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::Or(a.into(), b.into())),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::And(a.into(), b.into())),
            inner.prop_map(|a| Filter::Not(a.into())),
        ]
    })
}

async fn create_filled_store(url: &str) -> Store {
    let store = Store::open(url, false).await.unwrap();
    let mut tx = store.write().await.unwrap();
    for id in ["b", "other"] {
        let business = members::BusinessRow {
            id: id.into(),
            name: id.into(),
            details: "{}".into(),
            created: 0,
        };
        members::insert_business(&mut tx, &business).await.unwrap();
    }
    for id in [INNER, "g2", OUTER] {
        let group = groups::GroupRow {
            id: id.into(),
            business_id: "b".into(),
            display_name: id.into(),
            external_id: None,
            resource: "{}".into(),
            version: 1,
            created: 0,
            last_modified: 0,
        };
        groups::insert(&mut tx, &group).await.unwrap();
    }
    groups::join(&mut tx, OUTER, INNER, "Group").await.unwrap();
    for number in 0..40 {
        let mut row = row(number);
        users::insert(&mut tx, &row).await.unwrap();
        if let Some(group) = group_of(number) {
            groups::join(&mut tx, group, &row.id, "User").await.unwrap();
        }
        // The same user in another business account, which no result
        // may contain.
        row.id = format!("x{number}");
        row.business_id = "other".into();
        users::insert(&mut tx, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
    store
}

fn group_of(number: usize) -> Option<&'static str> {
    [None, Some(INNER), Some("g2")][number % 3]
}

fn selection(condition: &Condition, order: Order) -> Selection<'_> {
    Selection {
        business_id: "b",
        condition,
        order,
        after: None,
        offset: 0,
        limit: 1000,
    }
}

/// Compares the results of random filters in the database and in memory.
async fn compare_random_filters(store: &Store, cases: u32) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let all: Vec<(UserRow, Value)> = (0..40)
        .map(|number| (row(number), seen(&row(number), group_of(number))))
        .collect();
    let mut exact = 0;
    for _ in 0..cases {
        let tree = filters().new_tree(&mut runner).unwrap();
        let filter = proptest::strategy::ValueTree::current(&tree);
        assert_eq!(filter::parse(&filter.to_string()).as_ref(), Ok(&filter));
        let judged: Result<BTreeSet<String>, _> = all
            .iter()
            .filter_map(
                |(row, resource)| match filter::matches(&filter, resource, &USER_TYPE) {
                    Ok(true) => Some(Ok(row.id.clone())),
                    Ok(false) => None,
                    Err(error) => Some(Err(error)),
                },
            )
            .collect();
        // A filter that is invalid by the standard is refused before the
        // database query.
        let Ok(judged) = judged else { continue };
        let asked = Asked::of(Some(&filter), &USER_TYPE);
        let mut db = store.read().await.unwrap();
        let rows = users::select(&mut db, &selection(&asked.condition, Order::CREATED)).await;
        let rows = rows.unwrap_or_else(|error| panic!("{filter}: {error}"));
        let found: BTreeSet<String> = rows.into_iter().map(|row| row.id).collect();
        if asked.exact {
            exact += 1;
            assert_eq!(found, judged, "{filter}\n{:?}", asked.condition);
            let count = users::count(&mut db, "b", &asked.condition).await.unwrap();
            assert_eq!(usize::try_from(count).unwrap(), judged.len(), "{filter}");
        } else {
            assert!(
                found.is_superset(&judged),
                "{filter}\n{:?}",
                asked.condition
            );
        }
    }
    assert!(
        exact * 4 > cases,
        "{exact} of {cases} were left to the database"
    );
}

#[tokio::test]
async fn random_filters_find_the_same_users_in_sqlite_as_in_memory() {
    let database = TestDatabase::sqlite();
    compare_random_filters(&create_filled_store(database.url()).await, 1500).await;
}

#[tokio::test]
async fn random_filters_find_the_same_users_in_postgresql_as_in_memory() {
    if let Some(database) = TestDatabase::postgres().await {
        compare_random_filters(&create_filled_store(database.url()).await, 400).await;
    }
}

#[tokio::test]
async fn every_order_is_the_same_in_the_database_as_in_memory() {
    let database = TestDatabase::create().await;
    let store = create_filled_store(database.url()).await;
    let mut db = store.read().await.unwrap();
    for (by, path) in [
        (Field::Id, "id"),
        (Field::UserName, "userName"),
        (Field::ExternalId, "externalId"),
        (Field::DisplayName, "displayName"),
        (Field::Active, "active"),
        (Field::Created, "meta.created"),
        (Field::LastModified, "meta.lastModified"),
    ] {
        for descending in [false, true] {
            let path = AttributePath::parse(path).unwrap();
            let order = Order { by, descending };
            let found = users::select(&mut db, &selection(&Condition::Always, order)).await;
            let found: Vec<String> = found.unwrap().into_iter().map(|row| row.id).collect();
            let mut sorted: Vec<(scim::SortValue, String)> = (0..40)
                .map(|number| {
                    let row = row(number);
                    let key = scim::sort_value(&path, &seen(&row, None), &USER_TYPE).unwrap();
                    (key, row.id)
                })
                .collect();
            sorted.sort_by(|(a, one), (b, other)| {
                let by_key = if descending { b.cmp(a) } else { a.cmp(b) };
                by_key.then_with(|| one.cmp(other))
            });
            let sorted: Vec<String> = sorted.into_iter().map(|(_, id)| id).collect();
            assert_eq!(found, sorted, "{path} descending {descending}");
        }
    }
}

#[tokio::test]
async fn indexed_attributes_are_looked_up_by_an_index() {
    let database = TestDatabase::sqlite();
    let store = Store::open(database.url(), false).await.unwrap();
    let mut db = store.read().await.unwrap();
    for (filter, index) in [
        (r#"id eq "x""#, "sqlite_autoindex_users_1"),
        (r#"userName eq "x""#, "sqlite_autoindex_users_2"),
        (r#"userName sw "x""#, "sqlite_autoindex_users_2"),
        (
            r#"userName gt "x" and userName lt "y""#,
            "sqlite_autoindex_users_2",
        ),
        (r#"externalId eq "x""#, "users_external_id"),
        (r#"displayName eq "x""#, "users_display_name"),
        (r#"displayName sw "x""#, "users_display_name"),
        ("active eq false", "users_active"),
        (
            r#"meta.lastModified gt "2026-01-01T00:00:00Z""#,
            "users_last_modified",
        ),
        (r#"emails.value eq "x""#, "user_emails_value"),
        (r#"emails eq "x""#, "user_emails_value"),
        (
            r#"emails[type eq "work" and value eq "x"]"#,
            "user_emails_value",
        ),
        (r#"groups.value eq "x""#, "sqlite_autoindex_memberships_1"),
        (
            r#"userName eq "x" or externalId eq "y""#,
            "users_external_id",
        ),
        (
            r#"title pr and userName eq "x""#,
            "sqlite_autoindex_users_2",
        ),
    ] {
        let asked = Asked::of(Some(&filter::parse(filter).unwrap()), &USER_TYPE);
        let asking = selection(&asked.condition, asked.order());
        let plan = users::explain(&mut db, &asking).await.unwrap();
        let is_on = |step: &String| step.contains("SEARCH") && step.contains(index);
        assert!(plan.iter().any(is_on), "{filter}: {plan:?}");
        // These are the intermediate results of nested groups, not tables.
        let found = ["SCAN b", "SCAN beneath"];
        let walks = |step: &String| {
            (step.starts_with("SCAN") && !found.contains(&step.as_str()))
                || step.contains("users_created")
        };
        assert!(!plan.iter().any(walks), "{filter}: {plan:?}");
    }
    let is_member = Condition::Has(
        Field::Member,
        vec![(Test::Equal, Operand::Text("x".into()))],
    );
    let plan = groups::explain(&mut db, &selection(&is_member, Order::CREATED))
        .await
        .unwrap();
    let is_on = |step: &String| step.contains("memberships_member");
    assert!(plan.iter().any(is_on), "{plan:?}");
}
