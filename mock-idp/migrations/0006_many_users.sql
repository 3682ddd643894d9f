-- With thousands of users: each question has an index in the order of its answer.

-- The engine's next job, without a look at those that wait behind it.
CREATE INDEX sync_jobs_turn ON sync_jobs (kind DESC, subject);
CREATE INDEX sync_jobs_due ON sync_jobs (due_at);

-- A member's groups, without a look at other members.
DROP INDEX memberships_by_member;
CREATE INDEX memberships_by_member
    ON memberships (environment, member_kind, member_id, group_id);

-- Lists, the eldest first.
CREATE INDEX users_in_order ON users (environment);
CREATE INDEX resources_in_order ON resources (environment, kind);
