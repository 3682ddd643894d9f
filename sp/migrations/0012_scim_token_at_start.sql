-- The bearer token that Start Configuring makes, in clear, until the identity
-- provider uses it or step 5 is confirmed: the page shows it until then.
ALTER TABLE scim_tokens ADD COLUMN clear_text TEXT;
