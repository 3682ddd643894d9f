-- Sign-in problems: whom a refusal concerns, what they tried, what helps to
-- find the cause, and the page on which an administrator removes it.
ALTER TABLE refusals ADD COLUMN domain TEXT; -- of an address that names no business account
ALTER TABLE refusals ADD COLUMN who TEXT;
ALTER TABLE refusals ADD COLUMN who_verified BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refusals ADD COLUMN flow TEXT NOT NULL DEFAULT 'sso';
ALTER TABLE refusals ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE refusals ADD COLUMN facts TEXT NOT NULL DEFAULT '[]'; -- JSON
ALTER TABLE refusals ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE refusals ADD COLUMN position BIGINT NOT NULL DEFAULT 0; -- keeps the order within one instant
CREATE INDEX refusals_business ON refusals (COALESCE(business_id, ''), refused, position);
CREATE INDEX refusals_domain ON refusals (domain, refused);
CREATE INDEX refusals_refused ON refusals (refused);
CREATE INDEX audit_action ON audit (action, happened);
