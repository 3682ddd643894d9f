PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'portal','2026-11-29 22:59:12',1,X'aba7ea6ce315756d185fae976387593b6f76f1843c9416e9ea07345e93a4558eb9b4b98528ced6a743cb0e29748093d3',25934982);
INSERT INTO _sqlx_migrations VALUES(2,'saml settings','2026-11-29 22:59:12',1,X'46069eff8437da7aaf5ea9678a7828a06d60e6f7af146e8e209466425fb88768ef39dff166976083ee57da11181378e6',20004869);
INSERT INTO _sqlx_migrations VALUES(3,'single logout','2026-11-29 22:59:12',1,X'3de38b4b8c384e47bc986e64b8635aad8934b3821f09c53c999b58b6c60cc2021b3608f391dc615c03b378e57efdef0d',16317320);
INSERT INTO _sqlx_migrations VALUES(4,'scim queries','2026-11-29 22:59:12',1,X'5aab5c15c5be9fc19bee7d7d0e25e48bd9146664f6f51f8b5748ad79285c159a280118cc1b89be28dbd801ad2d1bd2d2',11218053);
INSERT INTO _sqlx_migrations VALUES(5,'licensing','2026-11-29 22:59:12',1,X'dd3f7f15235729fbf48ac341670710e171e8a486f8f83a4c37e80c8241116d572e94c0a0ede78c5c66c033f19d3fe024',5997296);
INSERT INTO _sqlx_migrations VALUES(6,'scim log','2026-11-29 22:59:12',1,X'a39416e3c449225db6f0f9c664765d25fb1fb900dec5e736e768c1c09705d56923f5ec6b3919c8e0f103453d769ab40a',19796188);
INSERT INTO _sqlx_migrations VALUES(7,'social sign in','2026-11-29 22:59:13',1,X'f366ca6498c0db52ea38c3bcc4207736c676557991ea7ea8cf42e17f17579b27372c2b2f89ce78ebc6adcdedccb485aa',186060050);
INSERT INTO _sqlx_migrations VALUES(12,'scim token at start','2026-11-29 22:59:13',1,X'a82fb6b388c3560c982810af46c8aba363c17d6bf76220f316b1c50ae545124b3004463ccede9575d962b64a1e1a9a79',14372712);
INSERT INTO _sqlx_migrations VALUES(20,'sign in problems','2026-11-29 22:59:13',1,X'8f4414c86b0aba9667a7973fd4cac28e16aac31b2250cc75b1e1fda3356e7672c42727cb9254cd3aaff00b8244fe291f',17376620);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE, -- lower case
    name TEXT,
    password_hash TEXT NOT NULL,
    created BIGINT NOT NULL
);
INSERT INTO accounts VALUES('2d518952-a73f-4360-84f7-be5e94fe3994','ada@lumen.example','Ada Lovelace','$argon2id$v=19$m=19456,t=2,p=1$3/Epa1qBjOJ2X/yBLf7U4A$w0r24ccalDWfj75dHnM21YnMQcJlYm+pmif9OllFeos',1795993154888102);
CREATE TABLE business_accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    details TEXT NOT NULL, -- JSON: country and what else was asked
    created BIGINT NOT NULL
);
INSERT INTO business_accounts VALUES('dab0e8e7-60c9-4515-a214-0e649d214761','Lumen Works','{"country":"GB"}',1795993155362392);
CREATE TABLE members (
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    email TEXT NOT NULL, -- lower case; the account may come later
    role TEXT NOT NULL, -- admin | member
    added BIGINT NOT NULL,
    last_login BIGINT, -- into this business account
    PRIMARY KEY (business_id, email)
);
INSERT INTO members VALUES('dab0e8e7-60c9-4515-a214-0e649d214761','ada@lumen.example','admin',1795993155362392,1795993161488975);
CREATE TABLE tenants (
    id TEXT PRIMARY KEY, -- the opaque ID of entity id, ACS and SCIM base URL
    business_id TEXT NOT NULL UNIQUE REFERENCES business_accounts (id),
    application_done BIGINT NOT NULL,
    admins_group_name TEXT,
    admins_group_id TEXT,
    users_group_name TEXT,
    users_group_id TEXT,
    idp_entity_id TEXT,
    idp_sso_url TEXT,
    idp_certificates TEXT, -- JSON array of PEM
    idp_wants_signed_requests BIGINT NOT NULL,
    scim_enabled BIGINT NOT NULL,
    scim_done BIGINT NOT NULL,
    users_done BIGINT NOT NULL,
    started_by TEXT NOT NULL, -- the backup login by default
    backup_login TEXT, -- as confirmed in step 7
    active BIGINT NOT NULL,
    started BIGINT NOT NULL
, signature_policy TEXT NOT NULL DEFAULT 'either', unsolicited BIGINT NOT NULL DEFAULT 0, sign_requests BIGINT NOT NULL DEFAULT 0, encryption BIGINT NOT NULL DEFAULT 0, idp_sso_post_url TEXT, idp_slo TEXT NOT NULL DEFAULT '[]', request_binding TEXT NOT NULL DEFAULT 'redirect', force_authn BIGINT NOT NULL DEFAULT 0, requested_authn_context TEXT, idp_metadata_url TEXT, idp_metadata_signer TEXT, idp_metadata_until BIGINT, idp_metadata_fresh_until BIGINT);
INSERT INTO tenants VALUES('72de1acc-fb41-44af-b4d2-368746cd6064','dab0e8e7-60c9-4515-a214-0e649d214761',1,'Parallels Business Account Admins','78da6057-e576-47d4-ab6c-171bd5681dac','Parallels Desktop Users','f4333963-c120-4483-9a08-f89f061dfd1c','http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7','http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7/saml20/idp/sso','["-----BEGIN CERTIFICATE-----\nMIIC/jCCAeagAwIBAgIQUZPuMaEJoRBJFY4WltAepTANBgkqhkiG9w0BAQsFADA7\nMRwwGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJz\nYWwgbW9jayBJZFAwHhcNMjYxMTI5MDAwMDAwWhcNMjcxMTI5MDAwMDAwWjA7MRww\nGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJzYWwg\nbW9jayBJZFAwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCkQFPkp9ls\ndsA+IyuFPBSu4lIh8JVVwf2zT5LYhufeEeI98MRopJS2EZU+31+/EAAS7eeamENP\n1MVZnvSRG1YLBdLgT/6yxSOS4QlBZzr9b6xoh25/E+goF0cEoykoeO7hd+J87351\nWYLaCMZV2y+X80/+6XkCtq+v8cvIECxg37XYZ/EKSOtctct5d4QnjaxPu3tkoD0m\nSzRzx8QfLS5Pfg6hYkxAvC/9SsQeIq22QA61EHtcwAGRAoLwtyi7PbD7XRwPIYX8\n1X+rPHe+cyluPPFGUhcNKE8q45h71B0Myz5w+1Af+0hHMO8Vt2BEHM7pyuXtKPys\n+2Hd6/3b8DiBAgMBAAEwDQYJKoZIhvcNAQELBQADggEBAIfluG0n8KXUBwCQcw99\nXMYKZv5DjJ2POvO+SWDGlPUYowpsPMtiv6Xw8QiN72UgH1qL2cWe1GgpdMiBfy6E\nRndeP7BidfHrazoNwzmGMgdzwX9MbTZxvFfwrCvsT9Mv8yRjHwAZouf6NFlsznee\n+hZljHfj2WEiqA9fNVUX5uHK3lOo0Z24O2c7JtY3LizkTt5SXez0pqZfjlCSZgoX\n2voacmnMOt4G8SpXECemSbvfayQSANng6gA/E8ILnw9LyQiFbGHlLn9tfXnDAjC0\nH/Vz8HUEUe2EqCIFWSTHYn15hWfQiPl/QObTi3fh+yerFrsVIA2Hcgjpx1NoYPnW\neIE=\n-----END CERTIFICATE-----\n"]',0,1,1,1,'ada@lumen.example','ada@lumen.example',1,1795993155408065,'either',0,0,0,'http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7/saml20/idp/sso','[{"binding":"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect","location":"http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7/saml20/idp/slo"},{"binding":"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST","location":"http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7/saml20/idp/slo"}]','redirect',0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE scim_tokens (
    token_hash TEXT PRIMARY KEY, -- SHA-256, hexadecimal
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    hint TEXT NOT NULL, -- its last four characters
    created BIGINT NOT NULL,
    expires BIGINT, -- set when a newer one replaces it
    last_used BIGINT
, clear_text TEXT);
INSERT INTO scim_tokens VALUES('1b326361171b21c33d4472c1d99e4135ce12131723ee7f6fb6149f60b70d44ff','72de1acc-fb41-44af-b4d2-368746cd6064','uWWQ',1795993155408458,1795993156703064,NULL,NULL);
INSERT INTO scim_tokens VALUES('48df30b49c527f0e9d9392ca57756a8e6fbdb93c3335d1f3be0fef0f8ea4ce41','72de1acc-fb41-44af-b4d2-368746cd6064','jdng',1795993156704287,NULL,1795993157510779,NULL);
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL, -- lower case: userName is not caseExact
    email TEXT, -- the primary one, lower case
    external_id TEXT,
    display_name TEXT,
    active BIGINT NOT NULL,
    source TEXT NOT NULL, -- scim | sso
    resource TEXT NOT NULL, -- the SCIM User as JSON
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL,
    last_login BIGINT, display_name_key TEXT COLLATE "binary", keyed BIGINT NOT NULL DEFAULT 0,
    UNIQUE (business_id, user_name_key)
);
INSERT INTO users VALUES('7fdf2ab6-5060-4892-be65-f4b01f7f7515','dab0e8e7-60c9-4515-a214-0e649d214761','ada@lumen.example','ada@lumen.example','ada@lumen.example','668b8ef7-cf0f-42df-9551-3d15e10ca01f','Ada Lovelace',1,'scim','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"668b8ef7-cf0f-42df-9551-3d15e10ca01f","userName":"ada@lumen.example","name":{"familyName":"Lovelace","givenName":"Ada"},"displayName":"Ada Lovelace","active":true,"emails":[{"value":"ada@lumen.example","type":"work","primary":true}]}',1,1795993157789534,1795993157789534,NULL,'ada lovelace',1);
INSERT INTO users VALUES('15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad','dab0e8e7-60c9-4515-a214-0e649d214761','grace@lumen.example','grace@lumen.example','grace@lumen.example','bade170b-57f6-4255-bb14-cd7fa89675a9','Grace Hopper',1,'scim','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"bade170b-57f6-4255-bb14-cd7fa89675a9","userName":"grace@lumen.example","name":{"familyName":"Hopper","givenName":"Grace"},"displayName":"Grace Hopper","active":true,"emails":[{"value":"grace@lumen.example","type":"work","primary":true}]}',1,1795993158260771,1795993158260771,1795993160135781,'grace hopper',1);
CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    display_name TEXT NOT NULL,
    display_name_key TEXT NOT NULL,
    external_id TEXT,
    resource TEXT NOT NULL, -- the SCIM Group as JSON, without members
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL
);
INSERT INTO "groups" VALUES('ac5ec519-bafd-4256-943f-259c9543421e','dab0e8e7-60c9-4515-a214-0e649d214761','Parallels Business Account Admins','parallels business account admins','78da6057-e576-47d4-ab6c-171bd5681dac','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"78da6057-e576-47d4-ab6c-171bd5681dac","displayName":"Parallels Business Account Admins"}',2,1795993157539957,1795993158101047);
INSERT INTO "groups" VALUES('b646480b-cdb4-4681-9816-22d24216e3e1','dab0e8e7-60c9-4515-a214-0e649d214761','Parallels Desktop Users','parallels desktop users','f4333963-c120-4483-9a08-f89f061dfd1c','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"f4333963-c120-4483-9a08-f89f061dfd1c","displayName":"Parallels Desktop Users"}',2,1795993157627254,1795993158470611);
CREATE TABLE memberships (
    group_id TEXT NOT NULL REFERENCES groups (id),
    member_id TEXT NOT NULL, -- a user, or a group when nested
    kind TEXT NOT NULL, -- User | Group
    PRIMARY KEY (group_id, member_id)
);
INSERT INTO memberships VALUES('ac5ec519-bafd-4256-943f-259c9543421e','7fdf2ab6-5060-4892-be65-f4b01f7f7515','User');
INSERT INTO memberships VALUES('b646480b-cdb4-4681-9816-22d24216e3e1','15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad','User');
CREATE TABLE asserted_roles (
    user_id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    in_admins BIGINT NOT NULL,
    in_users BIGINT NOT NULL,
    groups TEXT NOT NULL, -- JSON array, as they came
    asserted BIGINT NOT NULL
);
INSERT INTO asserted_roles VALUES('15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad','dab0e8e7-60c9-4515-a214-0e649d214761',0,1,'["f4333963-c120-4483-9a08-f89f061dfd1c"]',1795993160135781);
CREATE TABLE license_keys (
    license_key TEXT PRIMARY KEY,
    edition TEXT NOT NULL,
    licensing TEXT NOT NULL, -- per-user | per-device
    seats BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    used BIGINT NOT NULL
, devices BIGINT NOT NULL DEFAULT 5, grace BIGINT NOT NULL DEFAULT 0, cancelled TEXT);
INSERT INTO license_keys VALUES('WNYCTM-BBV9R4-GR8V4N-MGC8FC-BTVSVE','business','per-user',5,1795993155330654,1827529155330654,1,5,0,NULL);
INSERT INTO license_keys VALUES('5X4U5W-95BYYF-MYYKQ9-BQNEEG-9EGPWK','business','per-user',5,1795993158601043,1827529158601043,0,5,0,NULL);
INSERT INTO license_keys VALUES('D74XAJ-5CS2TR-A6BQWA-LJL3PS-SPNFT5','business','per-device',5,1795993158620441,1827529158620441,0,5,0,NULL);
INSERT INTO license_keys VALUES('LCCCS2-JL89PL-WPPTRL-FE2ET2-KJPRDL','business','per-user',5,1795993158634319,1795906758596017,0,5,0,NULL);
CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    license_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    licensing TEXT NOT NULL,
    seats BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    registered BIGINT NOT NULL
, devices BIGINT NOT NULL DEFAULT 5, grace BIGINT NOT NULL DEFAULT 0, cancelled TEXT, group_name TEXT, group_id TEXT);
INSERT INTO subscriptions VALUES('1c0ab685-7710-4291-8b4f-944e77b33db3','dab0e8e7-60c9-4515-a214-0e649d214761','WNYCTM-BBV9R4-GR8V4N-MGC8FC-BTVSVE','Parallels Desktop for Mac Business Edition','per-user',5,1795993155330654,1827529155330654,1795993155362392,5,0,NULL,NULL,NULL);
CREATE TABLE licenses (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    user_id TEXT NOT NULL,
    granted BIGINT NOT NULL,
    revoked BIGINT,
    revoked_because TEXT
);
INSERT INTO licenses VALUES('279d0048-23bc-4242-b532-2e2200a3cf4d','dab0e8e7-60c9-4515-a214-0e649d214761','1c0ab685-7710-4291-8b4f-944e77b33db3','15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad',1795993160141743,NULL,NULL);
CREATE TABLE devices (
    license_id TEXT NOT NULL REFERENCES licenses (id),
    device_id TEXT NOT NULL,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    activated BIGINT NOT NULL,
    validated BIGINT NOT NULL,
    PRIMARY KEY (license_id, device_id)
);
INSERT INTO devices VALUES('279d0048-23bc-4242-b532-2e2200a3cf4d','desktop-sim-1','A simulated Mac','8e8e3786640e1bff693ce6ab8be3e33bdab18d3ec007a74c34069a1392c42d8c',1795993160141743,1795993160141743);
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    account_id TEXT, -- by password
    user_id TEXT, -- by SSO
    workspace TEXT,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL
, saml_tenant TEXT, saml_subject TEXT, saml_session_index TEXT);
INSERT INTO sessions VALUES('5beb5fcaef6a2a56f8e5d20e15a95dc0c2a280a0feaac726bcc48813b2bb4a2a','2d518952-a73f-4360-84f7-be5e94fe3994',NULL,'dab0e8e7-60c9-4515-a214-0e649d214761',1795993155300822,1795993155300822,1796036355300822,NULL,NULL,NULL);
INSERT INTO sessions VALUES('eaa76c7f31d7cb762ad7e06c11fb133f33a2a5eefecf32da1e0171b6cba5c34a','2d518952-a73f-4360-84f7-be5e94fe3994',NULL,'dab0e8e7-60c9-4515-a214-0e649d214761',1795993161488975,1795993161488975,1796036361488975,NULL,NULL,NULL);
CREATE TABLE sso_requests (
    relay_state TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    request_id TEXT NOT NULL, -- the AuthnRequest's ID
    browser_hash TEXT, -- whose cookie must come back; none for the desktop
    activation_id TEXT,
    return_to TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    spent BIGINT NOT NULL
);
INSERT INTO sso_requests VALUES('MBk2LGixPHwrHMXmWLmomM6xuryrqpuD','72de1acc-fb41-44af-b4d2-368746cd6064','_73af8e3dfad3dacb77d93d77c1a5d01706ac9ee5',NULL,'b9863b1b-9a9d-4731-80c2-65f1421b3218','',1795993159469124,1795994059469124,1);
CREATE TABLE activations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    secret_hash TEXT NOT NULL,
    email TEXT NOT NULL,
    device_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    app_version TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    spent BIGINT NOT NULL
);
INSERT INTO activations VALUES('b9863b1b-9a9d-4731-80c2-65f1421b3218','72de1acc-fb41-44af-b4d2-368746cd6064','bfad9c65edba02ec3d6363dbf682793fd002386dfe166b01e1e0b38570919c81','grace@lumen.example','desktop-sim-1','A simulated Mac','0.1.0',1795993159499029,1795994059499029,1);
CREATE TABLE seen_assertions (
    issuer TEXT NOT NULL,
    assertion_id TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (issuer, assertion_id)
);
INSERT INTO seen_assertions VALUES('http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7','_576ff6248917f1ad49f84b6ac7f7f1d8',1795993519976000);
CREATE TABLE refusals (
    reference TEXT PRIMARY KEY,
    business_id TEXT,
    code TEXT NOT NULL,
    public_text TEXT NOT NULL,
    private_text TEXT NOT NULL,
    next_text TEXT NOT NULL,
    refused BIGINT NOT NULL
, domain TEXT, who TEXT, who_verified BIGINT NOT NULL DEFAULT 0, flow TEXT NOT NULL DEFAULT 'sso', place TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL DEFAULT '[]', address TEXT NOT NULL DEFAULT '', position BIGINT NOT NULL DEFAULT 0);
INSERT INTO refusals VALUES('R-EE3BAAB733','dab0e8e7-60c9-4515-a214-0e649d214761','backup-login-wrong-password','The e-mail address or the password is wrong.','the password of the backup login was wrong','If this was you, try again with the portal''s password, not the corporate one. If it was not, an attacker is guessing the password: choose a stronger password or another backup login.',1795993163980927,NULL,'ada@lumen.example',0,'password','/profile/business/idp_integration?step=backup-login#step-backup-login','[]','127.0.0.1',1);
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    business_id TEXT,
    place BIGINT NOT NULL, -- keeps the order when the clock stands still
    happened BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
);
INSERT INTO audit VALUES('4bf4ab38-1376-49b1-932e-a22d6a379a73',NULL,1,1795993154458778,'ada@lumen.example','wrong-password','ada@lumen.example','','127.0.0.1');
INSERT INTO audit VALUES('fa53b7cc-d0df-45ac-9f71-077077bbf46d',NULL,1,1795993154889750,'ada@lumen.example','account-registered','ada@lumen.example','','127.0.0.1');
INSERT INTO audit VALUES('fda2832f-c570-4430-a73c-54588a880fbd',NULL,1,1795993155312916,'ada@lumen.example','logged-in-by-password','ada@lumen.example','','127.0.0.1');
INSERT INTO audit VALUES('33239a18-6b23-480b-9599-b8c0253108da','dab0e8e7-60c9-4515-a214-0e649d214761',1,1795993155371653,'ada@lumen.example','license-key-registered','••••••-••••••-••••••-••••••-BTVSVE','subscription Parallels Desktop for Mac Business Edition','127.0.0.1');
INSERT INTO audit VALUES('1ed8a8c6-7b18-4f38-b782-b7b7139a8814','dab0e8e7-60c9-4515-a214-0e649d214761',2,1795993155412360,'ada@lumen.example','idp-integration-started','72de1acc-fb41-44af-b4d2-368746cd6064','','127.0.0.1');
INSERT INTO audit VALUES('22529235-9773-45e2-9302-fa153ed10c38','dab0e8e7-60c9-4515-a214-0e649d214761',3,1795993155491966,'ada@lumen.example','domain-added','lumen.example','','127.0.0.1');
INSERT INTO audit VALUES('83b29f90-fb25-41df-bb76-46056646528c','dab0e8e7-60c9-4515-a214-0e649d214761',4,1795993155544217,'ada@lumen.example','domain-looked-up','lumen.example','the TXT record was found','127.0.0.1');
INSERT INTO audit VALUES('a9b82d0e-1aec-424f-98fe-ead9dcf58bed','dab0e8e7-60c9-4515-a214-0e649d214761',5,1795993156132236,'ada@lumen.example','idp-integration-changed','application','confirmed','127.0.0.1');
INSERT INTO audit VALUES('6ed5ad3b-7704-4f0f-818f-a9db914d5d50','dab0e8e7-60c9-4515-a214-0e649d214761',6,1795993156274154,'ada@lumen.example','idp-integration-changed','groups','admins: Parallels Business Account Admins (78da6057-e576-47d4-ab6c-171bd5681dac), users: Parallels Desktop Users (f4333963-c120-4483-9a08-f89f061dfd1c)','127.0.0.1');
INSERT INTO audit VALUES('a4fbe4bb-4c29-4596-8ad9-ea58ecc0dd3b','dab0e8e7-60c9-4515-a214-0e649d214761',7,1795993156575049,'ada@lumen.example','idp-integration-changed','saml','http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7 at http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7/saml20/idp/sso, certificate 07:E5:04:94:32:F6:17:B5…','127.0.0.1');
INSERT INTO audit VALUES('1ff00d68-746d-4517-a276-aebb616b5214','dab0e8e7-60c9-4515-a214-0e649d214761',8,1795993156704588,'ada@lumen.example','scim-token-made','…jdng','','127.0.0.1');
INSERT INTO audit VALUES('d1f69286-91fa-4e0e-816d-7523edebf104','dab0e8e7-60c9-4515-a214-0e649d214761',9,1795993156823590,'ada@lumen.example','idp-integration-changed','scim','SCIM support on, confirmed','127.0.0.1');
INSERT INTO audit VALUES('1f63f2e9-2628-44bc-aa60-984864172ee4','dab0e8e7-60c9-4515-a214-0e649d214761',10,1795993156904068,'ada@lumen.example','idp-integration-changed','users','confirmed','127.0.0.1');
INSERT INTO audit VALUES('ec0d0f45-f416-477a-a51e-9af9d1f4b9e6','dab0e8e7-60c9-4515-a214-0e649d214761',11,1795993157026928,'ada@lumen.example','idp-integration-changed','backup-login','ada@lumen.example','127.0.0.1');
INSERT INTO audit VALUES('a6c3717c-74fc-4163-8aff-69e581ada5ea','dab0e8e7-60c9-4515-a214-0e649d214761',12,1795993157200285,'ada@lumen.example','idp-integration-activated','72de1acc-fb41-44af-b4d2-368746cd6064','','127.0.0.1');
INSERT INTO audit VALUES('3e6f41d2-14b2-4013-bf0b-a7868a53b7ce','dab0e8e7-60c9-4515-a214-0e649d214761',13,1795993157562170,'scim','group-created','Parallels Business Account Admins','0 joined, 0 left','');
INSERT INTO audit VALUES('8789002a-f463-4936-aa89-24aa70437f5d','dab0e8e7-60c9-4515-a214-0e649d214761',14,1795993157629104,'scim','group-created','Parallels Desktop Users','0 joined, 0 left','');
INSERT INTO audit VALUES('123893f8-e9f6-4e05-a894-a862c18542e1','dab0e8e7-60c9-4515-a214-0e649d214761',15,1795993157805491,'scim','user-created','ada@lumen.example','','');
INSERT INTO audit VALUES('370f0b01-3117-44c5-80e0-8a97cc2f80d5','dab0e8e7-60c9-4515-a214-0e649d214761',16,1795993158104636,'scim','group-changed','Parallels Business Account Admins','1 joined, 0 left','');
INSERT INTO audit VALUES('78991ebf-5704-45ce-b651-3b5d413e9de2','dab0e8e7-60c9-4515-a214-0e649d214761',17,1795993158279662,'scim','user-created','grace@lumen.example','','');
INSERT INTO audit VALUES('e84f581a-a756-4708-bc2a-44a5b01e01b0','dab0e8e7-60c9-4515-a214-0e649d214761',18,1795993158475007,'scim','group-changed','Parallels Desktop Users','1 joined, 0 left','');
INSERT INTO audit VALUES('9d098734-539c-413f-a325-b208a7477943','dab0e8e7-60c9-4515-a214-0e649d214761',19,1795993160144745,'portal','license-granted','grace@lumen.example','subscription Parallels Desktop for Mac Business Edition','');
INSERT INTO audit VALUES('340171e2-d63a-4d0d-88a5-4dd440a0e132','dab0e8e7-60c9-4515-a214-0e649d214761',20,1795993160155244,'grace@lumen.example','desktop-activated','desktop-sim-1','A simulated Mac, app version 0.1.0','127.0.0.1');
INSERT INTO audit VALUES('44bd3aa0-15e1-46db-9a8e-cd35cbc3e55d','dab0e8e7-60c9-4515-a214-0e649d214761',21,1795993161527328,'ada@lumen.example','logged-in-by-password','ada@lumen.example','','127.0.0.1');
INSERT INTO audit VALUES('43a6cbe1-707e-4ced-8513-0493bcf23311','dab0e8e7-60c9-4515-a214-0e649d214761',22,1795993163894968,'ada@lumen.example','wrong-password','ada@lumen.example','','127.0.0.1');
INSERT INTO audit VALUES('ebdc740a-284b-4ad2-90e9-4512e856b902','dab0e8e7-60c9-4515-a214-0e649d214761',23,1795993163996809,'ada@lumen.example (not verified)','sign-in-refused','R-EE3BAAB733','login with a password: backup-login-wrong-password','127.0.0.1');
CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,
    private_key TEXT NOT NULL,
    certificate TEXT NOT NULL,
    created BIGINT NOT NULL
);
INSERT INTO signing_keys VALUES('licenses',replace('-----BEGIN PRIVATE KEY-----\nMFECAQEwBQYDK2VwBCIEICpn/PSaAeWp2AzhZwVN1ng3cK0xR/vxl/JzNIiOD8uI\ngSEANF9dRt/uGfaJx5KFhXbEVp+Fj/pay4hwalqjJ/D5ekM=\n-----END PRIVATE KEY-----\n','\n',char(10)),replace('-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEANF9dRt/uGfaJx5KFhXbEVp+Fj/pay4hwalqjJ/D5ekM=\n-----END PUBLIC KEY-----\n','\n',char(10)),1795993160189878);
CREATE TABLE logout_requests (
    relay_state TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    request_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE TABLE user_emails (
    business_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    value_key TEXT COLLATE "binary" NOT NULL, -- lower case
    PRIMARY KEY (user_id, value_key)
);
INSERT INTO user_emails VALUES('dab0e8e7-60c9-4515-a214-0e649d214761','7fdf2ab6-5060-4892-be65-f4b01f7f7515','ada@lumen.example');
INSERT INTO user_emails VALUES('dab0e8e7-60c9-4515-a214-0e649d214761','15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad','grace@lumen.example');
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
INSERT INTO scim_log VALUES('ff73371d-35d5-4793-90ca-919a0a7c6d3e','dab0e8e7-60c9-4515-a214-0e649d214761',1795993157528433,1,'GET','/Groups?filter=displayName+eq+%22Parallels+Business+Account+Admins%22',200,'',17);
INSERT INTO scim_log VALUES('d8f76909-6033-4684-95c7-83b6a12ec05b','dab0e8e7-60c9-4515-a214-0e649d214761',1795993157576813,2,'POST','/Groups',201,'',37);
INSERT INTO scim_log VALUES('a4094a56-a270-43cf-896d-57e1dd1fb30e','dab0e8e7-60c9-4515-a214-0e649d214761',1795993157611909,3,'GET','/Groups?filter=displayName+eq+%22Parallels+Desktop+Users%22',200,'',2);
INSERT INTO scim_log VALUES('9a4dfc5b-db20-4070-acad-bd38fc71805a','dab0e8e7-60c9-4515-a214-0e649d214761',1795993157635141,4,'POST','/Groups',201,'',8);
INSERT INTO scim_log VALUES('707956f9-3b72-4a2f-8dc8-f75e28601284','dab0e8e7-60c9-4515-a214-0e649d214761',1795993157757301,5,'GET','/Users?filter=userName+eq+%22ada%40lumen.example%22',200,'',1);
INSERT INTO scim_log VALUES('58da04db-52cf-4b62-9bea-d87e1cb70c3b','dab0e8e7-60c9-4515-a214-0e649d214761',1795993157833102,6,'POST','/Users',201,'',44);
INSERT INTO scim_log VALUES('b88f706a-33ef-48ef-a7f1-e362a6e2577f','dab0e8e7-60c9-4515-a214-0e649d214761',1795993158141526,7,'PATCH','/Groups/ac5ec519-bafd-4256-943f-259c9543421e',200,'',51);
INSERT INTO scim_log VALUES('d6025e3e-084f-4955-b02b-e5dff51b700b','dab0e8e7-60c9-4515-a214-0e649d214761',1795993158241888,8,'GET','/Users?filter=userName+eq+%22grace%40lumen.example%22',200,'',25);
INSERT INTO scim_log VALUES('1a8e7a23-eb1c-4d85-b2c6-fabb6959fa7c','dab0e8e7-60c9-4515-a214-0e649d214761',1795993158295243,9,'POST','/Users',201,'',35);
INSERT INTO scim_log VALUES('28d1cdeb-f1df-4605-a50d-c47c69d9d0bf','dab0e8e7-60c9-4515-a214-0e649d214761',1795993158514164,10,'PATCH','/Groups/b646480b-cdb4-4681-9816-22d24216e3e1',200,'',56);
CREATE TABLE social_logins (
    state_hash TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE TABLE social_identities (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    linked BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('licenses','licenses_holder','0 0 0');
INSERT INTO sqlite_stat1 VALUES('_sqlx_migrations','sqlite_autoindex__sqlx_migrations_1','13 1');
INSERT INTO sqlite_stat1 VALUES('users','sqlite_autoindex_users_1','100000 1');
INSERT INTO sqlite_stat1 VALUES('users','sqlite_autoindex_users_2','100000 50000 1');
INSERT INTO sqlite_stat1 VALUES('users','users_email','100000 50000 2');
INSERT INTO sqlite_stat1 VALUES('users','users_external_id','100000 50000 2');
INSERT INTO sqlite_stat1 VALUES('users','users_created','100000 50000 2 1');
INSERT INTO sqlite_stat1 VALUES('users','users_last_modified','100000 50000 2 1');
INSERT INTO sqlite_stat1 VALUES('users','users_display_name','100000 50000 2');
INSERT INTO sqlite_stat1 VALUES('users','users_active','100000 50000 25000 2 1');
INSERT INTO sqlite_stat1 VALUES('user_emails','sqlite_autoindex_user_emails_1','100000 2 1');
INSERT INTO sqlite_stat1 VALUES('user_emails','user_emails_value','100000 50000 2 1');
INSERT INTO sqlite_stat1 VALUES('groups','sqlite_autoindex_groups_1','10000 1');
INSERT INTO sqlite_stat1 VALUES('groups','groups_display_name','10000 5000 2');
INSERT INTO sqlite_stat1 VALUES('groups','groups_external_id','10000 5000 2');
INSERT INTO sqlite_stat1 VALUES('groups','groups_created','10000 5000 2 1');
INSERT INTO sqlite_stat1 VALUES('groups','groups_last_modified','10000 5000 2 1');
INSERT INTO sqlite_stat1 VALUES('memberships','sqlite_autoindex_memberships_1','1000000 1000 1');
INSERT INTO sqlite_stat1 VALUES('memberships','memberships_member','1000000 10');
ANALYZE sqlite_schema;
CREATE TABLE IF NOT EXISTS "domains" (
    domain TEXT PRIMARY KEY, -- lower case; one business account only
    business_id TEXT NOT NULL REFERENCES business_accounts (id),
    txt_value TEXT NOT NULL,
    status TEXT NOT NULL, -- pending | verified | failed | timed-out
    detail TEXT NOT NULL,
    added BIGINT NOT NULL,
    checked BIGINT
);
INSERT INTO domains VALUES('lumen.example','dab0e8e7-60c9-4515-a214-0e649d214761','parallels-domain-verification=8879f7fa1fa1e7d7a486a0b5cc0191e7a44fab4bb2c055818e69d0ed1e3df170','verified','the TXT record was found',1795993155491799,1795993155543991);
CREATE INDEX members_email ON members (email);
CREATE INDEX scim_tokens_tenant ON scim_tokens (tenant_id);
CREATE INDEX users_email ON users (business_id, email);
CREATE INDEX users_external_id ON users (business_id, external_id);
CREATE INDEX users_created ON users (business_id, created, id);
CREATE INDEX users_last_modified ON users (business_id, last_modified, id);
CREATE INDEX groups_display_name ON groups (business_id, display_name_key);
CREATE INDEX groups_external_id ON groups (business_id, external_id);
CREATE INDEX groups_created ON groups (business_id, created, id);
CREATE INDEX memberships_member ON memberships (member_id);
CREATE INDEX subscriptions_business ON subscriptions (business_id);
CREATE UNIQUE INDEX licenses_holder ON licenses (business_id, user_id) WHERE revoked IS NULL;
CREATE INDEX licenses_subscription ON licenses (subscription_id);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sso_requests_browser ON sso_requests (tenant_id, browser_hash);
CREATE INDEX audit_business ON audit (business_id, place);
CREATE INDEX sessions_saml ON sessions (saml_tenant, saml_subject);
CREATE INDEX users_display_name ON users (business_id, display_name_key);
CREATE INDEX users_active ON users (business_id, active, created, id);
CREATE INDEX users_not_keyed ON users (id) WHERE keyed = 0;
CREATE INDEX user_emails_value ON user_emails (business_id, value_key, user_id);
CREATE INDEX groups_last_modified ON groups (business_id, last_modified, id);
CREATE INDEX scim_log_business ON scim_log (business_id, happened, place);
CREATE INDEX refusals_business ON refusals (COALESCE(business_id, ''), refused, position);
CREATE INDEX refusals_domain ON refusals (domain, refused);
CREATE INDEX refusals_refused ON refusals (refused);
CREATE INDEX audit_action ON audit (action, happened);
CREATE INDEX domains_business ON domains (business_id);
COMMIT;
