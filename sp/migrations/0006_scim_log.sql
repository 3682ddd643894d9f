-- Each SCIM request's outcome, for the sync log; the newest are kept.
CREATE TABLE scim_log (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    happened BIGINT NOT NULL,
    place BIGINT NOT NULL, -- keeps the order within one instant
    method TEXT NOT NULL,
    path TEXT NOT NULL, -- below the SCIM base URL
    status BIGINT NOT NULL,
    detail TEXT NOT NULL, -- what an error said
    took_ms BIGINT NOT NULL
);
CREATE INDEX scim_log_business ON scim_log (business_id, happened, place);
