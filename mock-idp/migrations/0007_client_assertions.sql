-- Assertions by which clients authenticated (RFC 7523): none is accepted twice.
CREATE TABLE client_assertions (
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    digest TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment, application, digest)
);
