-- Each request that adds a row to one of these tables deletes those that have expired.
CREATE INDEX flows_expiry ON flows (expires_at);
CREATE INDEX console_sessions_expiry ON console_sessions (expires_at);
CREATE INDEX worker_tokens_expiry ON worker_tokens (expires_at);
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at);
CREATE INDEX seen_messages_expiry ON seen_messages (expires_at);
CREATE INDEX logouts_expiry ON logouts (expires_at);
