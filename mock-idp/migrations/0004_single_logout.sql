-- Which applications a session signed on to, and under what name there; logouts
-- on their way; logout messages that were used.
CREATE TABLE participants (
    session TEXT NOT NULL,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    name_id TEXT NOT NULL,
    session_index TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (session, application, name_id)
);
CREATE INDEX participants_by_name ON participants (environment, application, name_id);

CREATE TABLE logouts (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE seen_messages (
    environment TEXT NOT NULL,
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment, issuer, id)
);
