-- Takes the portal's schema back from version 41 to version 20.
DROP TABLE scim_issuers;
ALTER TABLE tenants DROP COLUMN idp_left_out;
ALTER TABLE tenants DROP COLUMN accept_expired_certificates;
CREATE TABLE old_domains (
    domain TEXT PRIMARY KEY, -- lower case; one business account only
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    txt_value TEXT NOT NULL,
    status TEXT NOT NULL, -- pending | verified | failed | timed-out
    detail TEXT NOT NULL,
    added BIGINT NOT NULL,
    checked BIGINT
);
INSERT INTO old_domains
    SELECT domain, business_id, txt_value, status, detail, added, checked FROM domains;
DROP TABLE domains;
ALTER TABLE old_domains RENAME TO domains;
CREATE INDEX domains_business ON domains (business_id);
DROP TABLE deleted_users;
ALTER TABLE users DROP COLUMN directory_changed;
DELETE FROM _sqlx_migrations WHERE version > 20;
