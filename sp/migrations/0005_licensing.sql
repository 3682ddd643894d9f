-- Licences: Macs per user, grace after the end, keys that the vendor withdrew,
-- and groups of the IdP that draw on a subscription of their own.
ALTER TABLE license_keys ADD COLUMN devices BIGINT NOT NULL DEFAULT 5;
ALTER TABLE license_keys ADD COLUMN grace BIGINT NOT NULL DEFAULT 0; -- microseconds
ALTER TABLE license_keys ADD COLUMN cancelled TEXT; -- why
ALTER TABLE subscriptions ADD COLUMN devices BIGINT NOT NULL DEFAULT 5;
ALTER TABLE subscriptions ADD COLUMN grace BIGINT NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN cancelled TEXT;
ALTER TABLE subscriptions ADD COLUMN group_name TEXT; -- serves this group only
ALTER TABLE subscriptions ADD COLUMN group_id TEXT;
