-- Instants are BIGINT microseconds since the epoch, flags are BIGINT 0 or 1,
-- ids and documents are TEXT: the same text runs on SQLite and PostgreSQL.

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE, -- lower case
    name TEXT,
    password_hash TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE business_accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    details TEXT NOT NULL, -- JSON: country and what else was asked
    created BIGINT NOT NULL
);

-- People of a business account who log in with a portal password.
CREATE TABLE members (
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    email TEXT NOT NULL, -- lower case; the account may come later
    role TEXT NOT NULL, -- admin | member
    added BIGINT NOT NULL,
    last_login BIGINT, -- into this business account
    PRIMARY KEY (business_id, email)
);
CREATE INDEX members_email ON members (email);

-- One IdP integration per business account, from Start Configuring on. Steps
-- are never stored: they are derived from what was entered.
CREATE TABLE tenants (
    id TEXT PRIMARY KEY, -- the opaque ID of entity id, ACS and SCIM base URL
    business_id TEXT NOT NULL UNIQUE REFERENCES business_accounts (id),
    application_done BIGINT NOT NULL,
    admins_group_name TEXT,
    admins_group_id TEXT,
    users_group_name TEXT,
    users_group_id TEXT,
    idp_entity_id TEXT,
    idp_sso_url TEXT,
    idp_certificates TEXT, -- JSON array of PEM
    idp_wants_signed_requests BIGINT NOT NULL,
    scim_enabled BIGINT NOT NULL,
    scim_done BIGINT NOT NULL,
    users_done BIGINT NOT NULL,
    started_by TEXT NOT NULL, -- the backup login by default
    backup_login TEXT, -- as confirmed in step 7
    active BIGINT NOT NULL,
    started BIGINT NOT NULL
);

CREATE TABLE domains (
    domain TEXT PRIMARY KEY, -- lower case; one business account only
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    txt_value TEXT NOT NULL,
    status TEXT NOT NULL, -- pending | verified | failed | timed-out
    detail TEXT NOT NULL,
    added BIGINT NOT NULL,
    checked BIGINT
);
CREATE INDEX domains_business ON domains (business_id);

CREATE TABLE scim_tokens (
    token_hash TEXT PRIMARY KEY, -- SHA-256, hexadecimal
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    hint TEXT NOT NULL, -- its last four characters
    created BIGINT NOT NULL,
    expires BIGINT, -- set when a newer one replaces it
    last_used BIGINT
);
CREATE INDEX scim_tokens_tenant ON scim_tokens (tenant_id);

-- The directory: users and groups, by SCIM or by a first login.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL, -- lower case: userName is not caseExact
    email TEXT, -- the primary one, lower case
    external_id TEXT,
    display_name TEXT,
    active BIGINT NOT NULL,
    source TEXT NOT NULL, -- scim | sso
    resource TEXT NOT NULL, -- the SCIM User as JSON
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL,
    last_login BIGINT,
    UNIQUE (business_id, user_name_key)
);
CREATE INDEX users_email ON users (business_id, email);
CREATE INDEX users_external_id ON users (business_id, external_id);
CREATE INDEX users_created ON users (business_id, created, id);
CREATE INDEX users_last_modified ON users (business_id, last_modified, id);
CREATE INDEX users_display_name ON users (business_id, display_name);

CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    display_name TEXT NOT NULL,
    display_name_key TEXT NOT NULL,
    external_id TEXT,
    resource TEXT NOT NULL, -- the SCIM Group as JSON, without members
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL
);
CREATE INDEX groups_display_name ON groups (business_id, display_name_key);
CREATE INDEX groups_external_id ON groups (business_id, external_id);
CREATE INDEX groups_created ON groups (business_id, created, id);

CREATE TABLE memberships (
    group_id TEXT NOT NULL REFERENCES groups (id),
    member_id TEXT NOT NULL, -- a user, or a group when nested
    kind TEXT NOT NULL, -- User | Group
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX memberships_member ON memberships (member_id);

-- What the last Response said of a user's groups, until SCIM says otherwise.
CREATE TABLE asserted_roles (
    user_id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    in_admins BIGINT NOT NULL,
    in_users BIGINT NOT NULL,
    groups TEXT NOT NULL, -- JSON array, as they came
    asserted BIGINT NOT NULL
);

CREATE TABLE license_keys (
    license_key TEXT PRIMARY KEY,
    edition TEXT NOT NULL,
    licensing TEXT NOT NULL, -- per-user | per-device
    seats BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    used BIGINT NOT NULL
);

CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    license_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    licensing TEXT NOT NULL,
    seats BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    registered BIGINT NOT NULL
);
CREATE INDEX subscriptions_business ON subscriptions (business_id);

-- A seat taken: one per user.
CREATE TABLE licenses (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    user_id TEXT NOT NULL,
    granted BIGINT NOT NULL,
    revoked BIGINT,
    revoked_because TEXT
);
CREATE UNIQUE INDEX licenses_holder ON licenses (business_id, user_id) WHERE revoked IS NULL;
CREATE INDEX licenses_subscription ON licenses (subscription_id);

CREATE TABLE devices (
    license_id TEXT NOT NULL REFERENCES licenses (id),
    device_id TEXT NOT NULL,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    activated BIGINT NOT NULL,
    validated BIGINT NOT NULL,
    PRIMARY KEY (license_id, device_id)
);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    account_id TEXT, -- by password
    user_id TEXT, -- by SSO
    workspace TEXT,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_account ON sessions (account_id);

-- AuthnRequests sent and not answered yet.
CREATE TABLE sso_requests (
    relay_state TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    request_id TEXT NOT NULL, -- the AuthnRequest's ID
    browser_hash TEXT, -- whose cookie must come back; none for the desktop
    activation_id TEXT,
    return_to TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    spent BIGINT NOT NULL
);
CREATE INDEX sso_requests_browser ON sso_requests (tenant_id, browser_hash);

CREATE TABLE activations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    secret_hash TEXT NOT NULL,
    email TEXT NOT NULL,
    device_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    app_version TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    spent BIGINT NOT NULL
);

-- Assertions already used: each opens one door, once (SAML profiles, 4.1.4.5).
CREATE TABLE seen_assertions (
    issuer TEXT NOT NULL,
    assertion_id TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (issuer, assertion_id)
);

CREATE TABLE refusals (
    reference TEXT PRIMARY KEY,
    business_id TEXT,
    code TEXT NOT NULL,
    public_text TEXT NOT NULL,
    private_text TEXT NOT NULL,
    next_text TEXT NOT NULL,
    refused BIGINT NOT NULL
);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    business_id TEXT,
    place BIGINT NOT NULL, -- keeps the order when the clock stands still
    happened BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX audit_business ON audit (business_id, place);
