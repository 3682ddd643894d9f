-- Tokens of worker applications (SHA-256 of what the client holds), accounts
-- that are locked or to be verified, and what a key is for.
CREATE TABLE worker_tokens (
    token TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

ALTER TABLE users ADD COLUMN locked_at BIGINT;
ALTER TABLE users ADD COLUMN verification_code TEXT;

ALTER TABLE signing_keys ADD COLUMN purpose TEXT NOT NULL DEFAULT 'SIGNING';

CREATE INDEX resources_by_name ON resources (environment, kind, name);
