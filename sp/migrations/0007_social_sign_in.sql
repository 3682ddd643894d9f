-- Sign-ins by Apple, Google or Facebook: those under way, and whose they are.
CREATE TABLE social_logins (
    state_hash TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE social_identities (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    linked BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
