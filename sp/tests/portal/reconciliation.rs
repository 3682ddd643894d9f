//! Checks the database of a portal for states that no order of requests allows.

use sqlx::AnyPool;

use crate::database::TestDatabase;

pub(crate) async fn open_pool(database: &TestDatabase) -> AnyPool {
    ambient::sqlite::install_drivers();
    AnyPool::connect(database.url()).await.unwrap()
}

/// Fails if rows of deleted users or groups are left.
pub(crate) async fn check_no_orphan_rows(pool: &AnyPool) {
    for (what, sql) in [
        (
            "licenses of people who are disabled or deleted",
            "SELECT COUNT(*) FROM licenses l WHERE l.revoked IS NULL AND NOT EXISTS
             (SELECT 1 FROM users u WHERE u.id = l.user_id AND u.active = 1)",
        ),
        (
            "sessions of people who are disabled or deleted",
            "SELECT COUNT(*) FROM sessions s WHERE s.user_id IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM users u WHERE u.id = s.user_id AND u.active = 1)",
        ),
        (
            "memberships of people who are deleted",
            "SELECT COUNT(*) FROM memberships m WHERE NOT EXISTS
             (SELECT 1 FROM users u WHERE u.id = m.member_id)",
        ),
        (
            "memberships in groups that are deleted",
            "SELECT COUNT(*) FROM memberships m WHERE NOT EXISTS
             (SELECT 1 FROM groups g WHERE g.id = m.group_id)",
        ),
        (
            "groups asserted of people who are deleted",
            "SELECT COUNT(*) FROM asserted_roles a WHERE NOT EXISTS
             (SELECT 1 FROM users u WHERE u.id = a.user_id)",
        ),
        (
            "e-mail addresses of people who are deleted",
            "SELECT COUNT(*) FROM user_emails e WHERE NOT EXISTS
             (SELECT 1 FROM users u WHERE u.id = e.user_id)",
        ),
    ] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
        assert_eq!(count, 0, "{what}");
    }
}
