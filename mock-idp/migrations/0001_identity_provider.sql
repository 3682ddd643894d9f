-- Instants are microseconds since the epoch; documents are JSON.
CREATE TABLE resources (
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment, kind, id)
);
CREATE INDEX resources_by_parent ON resources (environment, kind, parent);

CREATE TABLE users (
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    username_key TEXT NOT NULL,
    document TEXT NOT NULL,
    password TEXT,
    must_change BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, username_key)
);

CREATE TABLE memberships (
    environment TEXT NOT NULL,
    group_id TEXT NOT NULL,
    member_kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (environment, group_id, member_kind, member_id)
);
CREATE INDEX memberships_by_member ON memberships (environment, member_kind, member_id);

CREATE TABLE signing_keys (
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    is_default BIGINT NOT NULL,
    pkcs8 TEXT NOT NULL,
    certificate TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment, id)
);

CREATE TABLE sessions (
    token TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_index TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE flows (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    session TEXT,
    expires_at BIGINT NOT NULL
);

CREATE TABLE sync_jobs (
    environment TEXT NOT NULL,
    store TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    change BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    error TEXT,
    PRIMARY KEY (environment, store, kind, subject)
);

CREATE TABLE synced (
    environment TEXT NOT NULL,
    store TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    remote_id TEXT,
    pushed TEXT,
    error TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (environment, store, kind, subject)
);
