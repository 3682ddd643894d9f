-- What SCIM filters and sorts look up. The collation "binary" compares bytes:
-- SQLite's own; on PostgreSQL the store makes it, as another name of "C".
ALTER TABLE users ADD COLUMN display_name_key TEXT COLLATE "binary"; -- lower case
ALTER TABLE users ADD COLUMN keyed BIGINT NOT NULL DEFAULT 0; -- 0: a row from before these keys
DROP INDEX users_display_name;
CREATE INDEX users_display_name ON users (business_id, display_name_key);
CREATE INDEX users_active ON users (business_id, active, created, id);
CREATE INDEX users_not_keyed ON users (id) WHERE keyed = 0;

-- Every value of `emails`, not the primary one alone.
CREATE TABLE user_emails (
    business_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    value_key TEXT COLLATE "binary" NOT NULL, -- lower case
    PRIMARY KEY (user_id, value_key)
);
CREATE INDEX user_emails_value ON user_emails (business_id, value_key, user_id);

CREATE INDEX groups_last_modified ON groups (business_id, last_modified, id);
