-- Several business accounts may enter a domain; whoever proves it has it.
CREATE TABLE domain_claims (
    domain TEXT NOT NULL, -- lower case
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    txt_value TEXT NOT NULL,
    status TEXT NOT NULL, -- pending | verified | failed | timed-out
    detail TEXT NOT NULL,
    added BIGINT NOT NULL,
    checked BIGINT,
    PRIMARY KEY (domain, business_id)
);
INSERT INTO domain_claims
    SELECT domain, business_id, txt_value, status, detail, added, checked FROM domains;
DROP TABLE domains;
ALTER TABLE domain_claims RENAME TO domains;
CREATE INDEX domains_business ON domains (business_id);
CREATE UNIQUE INDEX domains_verified ON domains (domain) WHERE status = 'verified';
