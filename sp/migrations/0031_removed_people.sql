-- When SCIM last changed a user or their groups, and whom it deleted: a
-- Response that was issued before that brings nobody back.
ALTER TABLE users ADD COLUMN directory_changed BIGINT NOT NULL DEFAULT 0; -- instant

CREATE TABLE deleted_users (
    business_id TEXT NOT NULL,
    user_name_key TEXT NOT NULL, -- lower case
    external_id TEXT,
    deleted BIGINT NOT NULL,
    PRIMARY KEY (business_id, user_name_key)
);
CREATE INDEX deleted_users_external_id ON deleted_users (business_id, external_id);
CREATE INDEX deleted_users_deleted ON deleted_users (deleted);
