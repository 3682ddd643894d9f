-- Step 5: by which rules SCIM requests are read, rfc7644 or strict.
ALTER TABLE tenants ADD COLUMN scim_rules TEXT NOT NULL DEFAULT 'rfc7644';
