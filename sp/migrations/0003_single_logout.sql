-- Single logout: what the IdP knows a session by, where its logout messages
-- go, and requests of our own that wait for their answer. How AuthnRequests
-- travel and what they ask for. How long the IdP's metadata holds.
ALTER TABLE sessions ADD COLUMN saml_tenant TEXT;
ALTER TABLE sessions ADD COLUMN saml_subject TEXT; -- the NameID, as JSON
ALTER TABLE sessions ADD COLUMN saml_session_index TEXT;
CREATE INDEX sessions_saml ON sessions (saml_tenant, saml_subject);

ALTER TABLE tenants ADD COLUMN idp_sso_post_url TEXT;
ALTER TABLE tenants ADD COLUMN idp_slo TEXT NOT NULL DEFAULT '[]'; -- JSON array of endpoints
ALTER TABLE tenants ADD COLUMN request_binding TEXT NOT NULL DEFAULT 'redirect';
ALTER TABLE tenants ADD COLUMN force_authn BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN requested_authn_context TEXT; -- JSON, as the settings have it
ALTER TABLE tenants ADD COLUMN idp_metadata_url TEXT;
ALTER TABLE tenants ADD COLUMN idp_metadata_signer TEXT; -- PEM: who must have signed it
ALTER TABLE tenants ADD COLUMN idp_metadata_until BIGINT;
ALTER TABLE tenants ADD COLUMN idp_metadata_fresh_until BIGINT;

CREATE TABLE logout_requests (
    relay_state TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    request_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
