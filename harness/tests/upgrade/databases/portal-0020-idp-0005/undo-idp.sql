-- Takes the identity provider's schema back from version 7 to version 5.
DROP TABLE client_assertions;
DROP INDEX sync_jobs_turn;
DROP INDEX sync_jobs_due;
DROP INDEX memberships_by_member;
CREATE INDEX memberships_by_member ON memberships (environment, member_kind, member_id);
DROP INDEX users_in_order;
DROP INDEX resources_in_order;
DELETE FROM _sqlx_migrations WHERE version > 5;
