-- Step 5: OAuth authorization servers whose access tokens the SCIM endpoint accepts.
CREATE TABLE scim_issuers (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    clients TEXT NOT NULL, -- JSON array
    scope TEXT,
    created BIGINT NOT NULL,
    UNIQUE (tenant_id, issuer)
);
