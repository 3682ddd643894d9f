-- Step 4: what each tenant demands of Responses, and the portal's own key for
-- AuthnRequests and encrypted assertions.
ALTER TABLE tenants ADD COLUMN signature_policy TEXT NOT NULL DEFAULT 'either';
ALTER TABLE tenants ADD COLUMN unsolicited BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN sign_requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN encryption BIGINT NOT NULL DEFAULT 0;

CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,
    private_key TEXT NOT NULL,
    certificate TEXT NOT NULL,
    created BIGINT NOT NULL
);
