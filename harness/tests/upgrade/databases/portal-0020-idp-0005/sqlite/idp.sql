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
INSERT INTO _sqlx_migrations VALUES(1,'identity provider','2026-11-29 22:59:12',1,X'e327f092fc909b75bd5112cf659114860d07ded7d8854da915490a4206370c6281e08c705aa24bde593b24210e8286d2',21371485);
INSERT INTO _sqlx_migrations VALUES(2,'workers and accounts','2026-11-29 22:59:12',1,X'7d2bfdd10ab1ef147f1f7177979f8e5ac6413e898784fdfe92213447e2045272e786b1d64c9e7ed86d76224258955f9b',12484646);
INSERT INTO _sqlx_migrations VALUES(3,'provisioning control','2026-11-29 22:59:12',1,X'c97e18aec8d445072aedc25e12a06e6df8e0c71123787d47099d127ef875816e32ad68d9800bfee59d0b86d85ddaac82',3589997);
INSERT INTO _sqlx_migrations VALUES(4,'single logout','2026-11-29 22:59:12',1,X'7f8c488ddc97958428a8f535e8238752656cb99347d37203d16583b09d4d46780ad55f97880b5d32222c0299748513f6',8406997);
INSERT INTO _sqlx_migrations VALUES(5,'console','2026-11-29 22:59:12',1,X'6cd402964da6f9f2675214b5e0026e0a47595fbcaa32bea7dcc768b733cec5ad2c029c9cfeb80d05e36f33e6003b0134',8266217);
CREATE TABLE resources (
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment, kind, id)
);
INSERT INTO resources VALUES('','environment','1552b2c9-220d-478a-aa66-39a02dc7d0b7','','Administrator','{"flavor":"ping","description":"The demo organization of Rehearsal","name":"Administrator","region":"EU","type":"SANDBOX"}',1795993155583741,1795993158568995);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','population','64ee34d2-b50b-404b-aafe-a617dff0bb22','','Default','{"name":"Default","default":true}',1795993155992034,1795993155992034);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','application','c58b6498-c22f-4897-950f-de47def1c1e5','','Parallels','{"issuerId":"http://127.0.0.1:18081/1552b2c9-220d-478a-aa66-39a02dc7d0b7","spVerification":{"authnRequestSigned":false,"certificates":[]},"corsSettings":{"behavior":"ALLOW_NO_ORIGINS"},"name":"Parallels","description":"SSO for the desktop product","protocol":"SAML","type":"WEB_APP","enabled":true,"assertionDuration":300,"acsUrls":["http://127.0.0.1:18080/webapp/sso/acs/72de1acc-fb41-44af-b4d2-368746cd6064"],"spEntityId":"http://127.0.0.1:18080/72de1acc-fb41-44af-b4d2-368746cd6064","assertionSigned":true,"responseSigned":false,"hiddenFromAppPortal":false,"enableRequestedAuthnContext":false,"enableAlwaysAcceptAcsUrlInSignedAuthnRequest":false,"sloBinding":"HTTP_POST"}',1795993156049222,1795993156452927);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','attribute','a32fefbb-38e9-49c6-8559-1992f628693f','c58b6498-c22f-4897-950f-de47def1c1e5','saml_subject','{"name":"saml_subject","value":"${user.id}","required":true,"mappingType":"CORE"}',1795993156049269,1795993156049269);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','group','78da6057-e576-47d4-ab6c-171bd5681dac','','Parallels Business Account Admins','{"name":"Parallels Business Account Admins","description":"for the product"}',1795993156191647,1795993156191647);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','group','f4333963-c120-4483-9a08-f89f061dfd1c','','Parallels Desktop Users','{"name":"Parallels Desktop Users","description":"for the product"}',1795993156219467,1795993156219467);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','attribute','1cd1054f-1399-4d82-89a9-5c104332f36b','c58b6498-c22f-4897-950f-de47def1c1e5','displayname','{"name":"displayname","value":"${user.name.given + '' '' + user.name.family}","required":false,"mappingType":"CUSTOM"}',1795993156335295,1795993156335295);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','attribute','6f84b214-57a6-478e-b6c5-ea6e30676238','c58b6498-c22f-4897-950f-de47def1c1e5','groups','{"name":"groups","value":"${user.memberOfGroupIDs}","required":false,"mappingType":"CUSTOM"}',1795993156364599,1795993156364599);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','attribute','ac7b2aaa-ed1f-453f-9472-674f0c4372f4','c58b6498-c22f-4897-950f-de47def1c1e5','name','{"name":"name","value":"${user.username}","required":false,"mappingType":"CUSTOM"}',1795993156383606,1795993156383606);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','attribute','e641d568-ade2-496a-84db-6e564c93213b','c58b6498-c22f-4897-950f-de47def1c1e5','objectidentifier','{"name":"objectidentifier","value":"${user.id}","required":false,"mappingType":"CUSTOM"}',1795993156403628,1795993156403628);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','store','08a131c2-c554-40e5-83fc-3802b40582ab','','Parallels','{"name":"Parallels","type":"scim","status":"ACTIVE","managed":true,"configuration":{"SCIM_URL":"http://127.0.0.1:18080/scim/72de1acc-fb41-44af-b4d2-368746cd6064/v2","SCIM_VERSION":"2.0","USERS_RESOURCE":"/Users","GROUPS_RESOURCE":"/Groups","AUTHENTICATION_METHOD":"OAuth 2 Bearer Token","AUTHORIZATION_TYPE":"Bearer","OAUTH_ACCESS_TOKEN":"LoVIKbcVTENVa07lvipbvPsm6X_ytX60GPvwJ6hjdng","UNIQUE_USER_IDENTIFIER":"userName","USER_FILTER":"userName eq \"%s\"","CREATE_USERS":true,"UPDATE_USERS":true,"DISABLE_USERS":true,"REMOVE_ACTION":"Delete"}}',1795993157272206,1795993157272206);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','plan','e3755e58-6b3d-4a11-b2d3-84d1c1c37806','','Product users','{"name":"Product users","status":"ACTIVE"}',1795993157319477,1795993157319477);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','store','7d1285b4-b762-40da-907f-72695fa42dbd','','PingOne Directory','{"name":"PingOne Directory","type":"directory","status":"ACTIVE","configuration":{}}',1795993157335220,1795993157335220);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','rule','5dfef9a6-c3a0-44e5-82cd-5e9f2650d794','e3755e58-6b3d-4a11-b2d3-84d1c1c37806','Everybody','{"name":"Everybody","plan":{"id":"e3755e58-6b3d-4a11-b2d3-84d1c1c37806"},"sourceStore":{"id":"7d1285b4-b762-40da-907f-72695fa42dbd"},"targetStore":{"id":"08a131c2-c554-40e5-83fc-3802b40582ab"},"populationExpression":"population.id pr","groups":[{"id":"78da6057-e576-47d4-ab6c-171bd5681dac"},{"id":"f4333963-c120-4483-9a08-f89f061dfd1c"}],"active":true,"deprovision":false}',1795993157376892,1795993157416514);
INSERT INTO resources VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','revision','c36f4e99-871d-474f-8bf8-5590fad8030c','','','{}',1795993157437031,1795993157437031);
CREATE TABLE users (
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    username_key TEXT NOT NULL,
    document TEXT NOT NULL,
    password TEXT,
    must_change BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL, locked_at BIGINT, verification_code TEXT,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, username_key)
);
INSERT INTO users VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','668b8ef7-cf0f-42df-9551-3d15e10ca01f','ada@lumen.example','{"username":"ada@lumen.example","email":"ada@lumen.example","name":{"given":"Ada","family":"Lovelace"},"population":{"id":"64ee34d2-b50b-404b-aafe-a617dff0bb22"},"enabled":true,"lifecycle":{"status":"ACCOUNT_OK"},"emailVerified":false,"verifyStatus":"NOT_INITIATED","mfaEnabled":false,"identityProvider":{"type":"PING_ONE"}}','$argon2id$v=19$m=8192,t=1,p=1$ITaSq0ZIoTUeM6e2T9+lmA$HYZywcYx9nB9224Cy+sn2BfPQpomn2m5+0hO2sjdXi0',0,0,1795993157715262,1795993157715262,NULL,NULL);
INSERT INTO users VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','bade170b-57f6-4255-bb14-cd7fa89675a9','grace@lumen.example','{"username":"grace@lumen.example","email":"grace@lumen.example","name":{"given":"Grace","family":"Hopper"},"population":{"id":"64ee34d2-b50b-404b-aafe-a617dff0bb22"},"enabled":true,"lifecycle":{"status":"ACCOUNT_OK"},"emailVerified":false,"verifyStatus":"NOT_INITIATED","mfaEnabled":false,"identityProvider":{"type":"PING_ONE"},"lastSignOn":{"at":"2026-11-29T22:59:19.892013772Z"}}','$argon2id$v=19$m=8192,t=1,p=1$AXM6X4Mb+/Jz8lBcWvHCYg$igE+ZCM2SZfhsxcsm4RcmRArIL5HIUeX82P0fbxSr08',0,0,1795993158077411,1795993158077411,NULL,NULL);
CREATE TABLE memberships (
    environment TEXT NOT NULL,
    group_id TEXT NOT NULL,
    member_kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (environment, group_id, member_kind, member_id)
);
INSERT INTO memberships VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','78da6057-e576-47d4-ab6c-171bd5681dac','user','668b8ef7-cf0f-42df-9551-3d15e10ca01f');
INSERT INTO memberships VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','f4333963-c120-4483-9a08-f89f061dfd1c','user','bade170b-57f6-4255-bb14-cd7fa89675a9');
CREATE TABLE signing_keys (
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    is_default BIGINT NOT NULL,
    pkcs8 TEXT NOT NULL,
    certificate TEXT NOT NULL,
    created_at BIGINT NOT NULL, purpose TEXT NOT NULL DEFAULT 'SIGNING',
    PRIMARY KEY (environment, id)
);
INSERT INTO signing_keys VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','6bbf4ae0-c49b-48ee-bd17-01d4ac9aeb90','Default Signing Key',1,replace('-----BEGIN PRIVATE KEY-----\nMIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQCkQFPkp9lsdsA+\nIyuFPBSu4lIh8JVVwf2zT5LYhufeEeI98MRopJS2EZU+31+/EAAS7eeamENP1MVZ\nnvSRG1YLBdLgT/6yxSOS4QlBZzr9b6xoh25/E+goF0cEoykoeO7hd+J87351WYLa\nCMZV2y+X80/+6XkCtq+v8cvIECxg37XYZ/EKSOtctct5d4QnjaxPu3tkoD0mSzRz\nx8QfLS5Pfg6hYkxAvC/9SsQeIq22QA61EHtcwAGRAoLwtyi7PbD7XRwPIYX81X+r\nPHe+cyluPPFGUhcNKE8q45h71B0Myz5w+1Af+0hHMO8Vt2BEHM7pyuXtKPys+2Hd\n6/3b8DiBAgMBAAECggEAImWYTAe8mCLMQpcB66531GHv+kyUMXflJdJxuaeS0iYj\nn34W26UvwWswOpDzz6LNqSkqOe1OF19DDvAjXmn/nGJVVYVbHNv9Barb0dcI+v8S\nd3d5M+Ka2R560GVM3r1opU4CX9CVxoR+yyNQSbWTo3ogVA1XurJAW5PC7bw5VvXc\njiRwFV0GeyrbL93bMzNWlSF37kXkWEcas9Vik/xhhWBB8qx1smCPfrc7DTvGFn1H\n3AIypMI2ySqTkF0fyGAwyQWrH4DAgJRVGwTHRKiQH5PzKvROAHBZ1GgrQMu7TN4p\nnlCXEWcR02jv6PFSugcWm8sUlPA4lquuNrE69PV/mwKBgQDPo6VWExhKtWlRkAB/\n5HdpishD3N72Mrf9W725XNbErvHNl7y+WW0iBXYEJq1xzuRf5opag3TSZRp/ukyC\nhhjmfDN5PQ5G5wwPbXUERx8c0UWxL9ImEpC7fAY+QXrweD639+7kKl0YqHOHgdik\nB2Hjgb7fOiPGliYtgiupnoiKkwKBgQDKgbP30EAQzLqC+330SO8TTHFfsc042MgD\nI0Q9hmqRGdd3H2gpPzSIXywroZCvVN77h47yv9EQUA7VgUtuXHbZ00maqoicDb3E\nhtNWOqUIy8htY0/5/jHgf+zLQUv5ux+hcfdFi1AtBLWtJ5rh9xpRDpNOyFgajOZe\nAy38ZoHZGwKBgQCnD1qCY4Ci80zWc88DF1XAVAoHF9lIKsyAC2Udk4W037DrIo+Y\ncyjsO4qVkmzwaW6zfjCI3MWMVg45ADJ4vd2g7AMaI7at801vyDhjBboRnIq/IeOq\nADv0rLf1NQfuHEESEWhiqXcX1MiHGUCt0MbAnm5s+kE4kSwMZ3Qr18KyAwKBgQCp\nbPDUQcCIDbFyCtVrf2W+oLMuHAUWLZDRxzy9uOsJ8TPq7zTnZYEfI3lCG8+AUaKp\nkNXRVRil7EUs7hrc/7FUN0kahNj8ryZ4+VBxkWkoPc63bmKoRrsWGBFWUJAvJRam\nrUHzRkZTE+CoOT2FFodHD8nBHS9RL1dBiql7xYuXxwKBgQDH6G3SKMrC7neJ2ZAE\nxViU0Bn2X35VgvH1enekHHDqX194A5dedtqBZIIoQqCOKUCyc2iieF/n+MzKaUel\nzLVUBNrLd0kzlatQQX8u/nX/t31Ia9Tr3vT4KYE6jstvq8rAjtH6UjlB/kmA86Z9\nUiTY0dDLYJCSvuLB++/4P/Zjaw==\n-----END PRIVATE KEY-----\n','\n',char(10)),replace('-----BEGIN CERTIFICATE-----\nMIIC/jCCAeagAwIBAgIQUZPuMaEJoRBJFY4WltAepTANBgkqhkiG9w0BAQsFADA7\nMRwwGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJz\nYWwgbW9jayBJZFAwHhcNMjYxMTI5MDAwMDAwWhcNMjcxMTI5MDAwMDAwWjA7MRww\nGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJzYWwg\nbW9jayBJZFAwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCkQFPkp9ls\ndsA+IyuFPBSu4lIh8JVVwf2zT5LYhufeEeI98MRopJS2EZU+31+/EAAS7eeamENP\n1MVZnvSRG1YLBdLgT/6yxSOS4QlBZzr9b6xoh25/E+goF0cEoykoeO7hd+J87351\nWYLaCMZV2y+X80/+6XkCtq+v8cvIECxg37XYZ/EKSOtctct5d4QnjaxPu3tkoD0m\nSzRzx8QfLS5Pfg6hYkxAvC/9SsQeIq22QA61EHtcwAGRAoLwtyi7PbD7XRwPIYX8\n1X+rPHe+cyluPPFGUhcNKE8q45h71B0Myz5w+1Af+0hHMO8Vt2BEHM7pyuXtKPys\n+2Hd6/3b8DiBAgMBAAEwDQYJKoZIhvcNAQELBQADggEBAIfluG0n8KXUBwCQcw99\nXMYKZv5DjJ2POvO+SWDGlPUYowpsPMtiv6Xw8QiN72UgH1qL2cWe1GgpdMiBfy6E\nRndeP7BidfHrazoNwzmGMgdzwX9MbTZxvFfwrCvsT9Mv8yRjHwAZouf6NFlsznee\n+hZljHfj2WEiqA9fNVUX5uHK3lOo0Z24O2c7JtY3LizkTt5SXez0pqZfjlCSZgoX\n2voacmnMOt4G8SpXECemSbvfayQSANng6gA/E8ILnw9LyQiFbGHlLn9tfXnDAjC0\nH/Vz8HUEUe2EqCIFWSTHYn15hWfQiPl/QObTi3fh+yerFrsVIA2Hcgjpx1NoYPnW\neIE=\n-----END CERTIFICATE-----\n','\n',char(10)),1795993155991814,'SIGNING');
CREATE TABLE sessions (
    token TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_index TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO sessions VALUES('5ea21f6265d6fe8bd927b3e4faae3593e4baf7e60423ff0c0012c75b92c05631','1552b2c9-220d-478a-aa66-39a02dc7d0b7','bade170b-57f6-4255-bb14-cd7fa89675a9','_dbff34ced34facd74c0d0ddecced4473',1795993159895821,1796021959895821);
CREATE TABLE flows (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    session TEXT,
    expires_at BIGINT NOT NULL
);
CREATE TABLE sync_jobs (
    environment TEXT NOT NULL,
    store TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    change BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    error TEXT, deprovision BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (environment, store, kind, subject)
);
CREATE TABLE synced (
    environment TEXT NOT NULL,
    store TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    remote_id TEXT,
    pushed TEXT,
    error TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (environment, store, kind, subject)
);
INSERT INTO synced VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','08a131c2-c554-40e5-83fc-3802b40582ab','group','78da6057-e576-47d4-ab6c-171bd5681dac','ac5ec519-bafd-4256-943f-259c9543421e','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Parallels Business Account Admins","externalId":"78da6057-e576-47d4-ab6c-171bd5681dac","members":[{"value":"7fdf2ab6-5060-4892-be65-f4b01f7f7515"}]}',NULL,1795993158153213);
INSERT INTO synced VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','08a131c2-c554-40e5-83fc-3802b40582ab','group','f4333963-c120-4483-9a08-f89f061dfd1c','b646480b-cdb4-4681-9816-22d24216e3e1','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Parallels Desktop Users","externalId":"f4333963-c120-4483-9a08-f89f061dfd1c","members":[{"value":"15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad"}]}',NULL,1795993158515794);
INSERT INTO synced VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','08a131c2-c554-40e5-83fc-3802b40582ab','user','668b8ef7-cf0f-42df-9551-3d15e10ca01f','7fdf2ab6-5060-4892-be65-f4b01f7f7515','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@lumen.example","externalId":"668b8ef7-cf0f-42df-9551-3d15e10ca01f","active":true,"name":{"givenName":"Ada","familyName":"Lovelace"},"displayName":"Ada Lovelace","emails":[{"value":"ada@lumen.example","type":"work","primary":true}]}',NULL,1795993158032026);
INSERT INTO synced VALUES('1552b2c9-220d-478a-aa66-39a02dc7d0b7','08a131c2-c554-40e5-83fc-3802b40582ab','user','bade170b-57f6-4255-bb14-cd7fa89675a9','15f2ce14-6b1c-4dd1-a42f-0ce7d2d02dad','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"grace@lumen.example","externalId":"bade170b-57f6-4255-bb14-cd7fa89675a9","active":true,"name":{"givenName":"Grace","familyName":"Hopper"},"displayName":"Grace Hopper","emails":[{"value":"grace@lumen.example","type":"work","primary":true}]}',NULL,1795993158369906);
CREATE TABLE worker_tokens (
    token TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE sync_pauses (
    environment TEXT NOT NULL,
    store TEXT NOT NULL,
    PRIMARY KEY (environment, store)
);
CREATE TABLE participants (
    session TEXT NOT NULL,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    name_id TEXT NOT NULL,
    session_index TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (session, application, name_id)
);
INSERT INTO participants VALUES('5ea21f6265d6fe8bd927b3e4faae3593e4baf7e60423ff0c0012c75b92c05631','1552b2c9-220d-478a-aa66-39a02dc7d0b7','c58b6498-c22f-4897-950f-de47def1c1e5','["bade170b-57f6-4255-bb14-cd7fa89675a9","urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",null,null]','_dbff34ced34facd74c0d0ddecced4473',1795993159976571);
CREATE TABLE logouts (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE seen_messages (
    environment TEXT NOT NULL,
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment, issuer, id)
);
CREATE TABLE console_sessions (
    token TEXT PRIMARY KEY,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX resources_by_parent ON resources (environment, kind, parent);
CREATE INDEX resources_by_name ON resources (environment, kind, name);
CREATE INDEX participants_by_name ON participants (environment, application, name_id);
CREATE INDEX memberships_by_member ON memberships (environment, member_kind, member_id);
COMMIT;
