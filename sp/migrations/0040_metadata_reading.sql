-- Step 4: what of the IdP's metadata is not used, and whether certificates
-- past their end still count.
ALTER TABLE tenants ADD COLUMN idp_left_out TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN accept_expired_certificates BIGINT NOT NULL DEFAULT 0;
