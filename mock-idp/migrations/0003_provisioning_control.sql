-- Stores that rest, and removals that are asked for: a user of a rule that is
-- gone, whom no rule covers any more, leaves the target only then.
CREATE TABLE sync_pauses (
    environment TEXT NOT NULL,
    store TEXT NOT NULL,
    PRIMARY KEY (environment, store)
);

ALTER TABLE sync_jobs ADD COLUMN deprovision BIGINT NOT NULL DEFAULT 0;
