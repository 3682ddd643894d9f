-- Sessions of the administrator at the console. The token is a SHA-256.
CREATE TABLE console_sessions (
    token TEXT PRIMARY KEY,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
