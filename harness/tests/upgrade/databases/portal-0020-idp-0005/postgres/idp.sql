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
INSERT INTO _sqlx_migrations VALUES(1,'identity provider','2026-11-29 22:59:28',1,X'e327f092fc909b75bd5112cf659114860d07ded7d8854da915490a4206370c6281e08c705aa24bde593b24210e8286d2',19797595);
INSERT INTO _sqlx_migrations VALUES(2,'workers and accounts','2026-11-29 22:59:28',1,X'7d2bfdd10ab1ef147f1f7177979f8e5ac6413e898784fdfe92213447e2045272e786b1d64c9e7ed86d76224258955f9b',9818988);
INSERT INTO _sqlx_migrations VALUES(3,'provisioning control','2026-11-29 22:59:28',1,X'c97e18aec8d445072aedc25e12a06e6df8e0c71123787d47099d127ef875816e32ad68d9800bfee59d0b86d85ddaac82',3531719);
INSERT INTO _sqlx_migrations VALUES(4,'single logout','2026-11-29 22:59:28',1,X'7f8c488ddc97958428a8f535e8238752656cb99347d37203d16583b09d4d46780ad55f97880b5d32222c0299748513f6',8328308);
INSERT INTO _sqlx_migrations VALUES(5,'console','2026-11-29 22:59:28',1,X'6cd402964da6f9f2675214b5e0026e0a47595fbcaa32bea7dcc768b733cec5ad2c029c9cfeb80d05e36f33e6003b0134',1703437);
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
INSERT INTO resources VALUES('','environment','04ce7b55-0250-40e9-a944-47106e778358','','Administrator','{"flavor":"ping","description":"The demo organization of Rehearsal","name":"Administrator","region":"EU","type":"SANDBOX"}',1795993171992524,1795993177526528);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','population','9ac1286f-fab0-4214-b1bf-124bdda6b0ae','','Default','{"name":"Default","default":true}',1795993172917455,1795993172917455);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','application','84a9f504-be33-4831-8716-0399b5d2696c','','Parallels','{"issuerId":"http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358","spVerification":{"authnRequestSigned":false,"certificates":[]},"corsSettings":{"behavior":"ALLOW_NO_ORIGINS"},"name":"Parallels","description":"SSO for the desktop product","protocol":"SAML","type":"WEB_APP","enabled":true,"assertionDuration":300,"acsUrls":["http://127.0.0.1:18080/webapp/sso/acs/78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0"],"spEntityId":"http://127.0.0.1:18080/78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0","assertionSigned":true,"responseSigned":false,"hiddenFromAppPortal":false,"enableRequestedAuthnContext":false,"enableAlwaysAcceptAcsUrlInSignedAuthnRequest":false,"sloBinding":"HTTP_POST"}',1795993173005546,1795993173984894);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','attribute','dd8006e8-aa72-42cd-8319-4316657792c8','84a9f504-be33-4831-8716-0399b5d2696c','saml_subject','{"name":"saml_subject","value":"${user.id}","required":true,"mappingType":"CORE"}',1795993173005594,1795993173005594);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','group','ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e','','Parallels Business Account Admins','{"name":"Parallels Business Account Admins","description":"for the product"}',1795993173257390,1795993173257390);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','group','92ff2fcb-9b8e-44a7-8493-1cf404313adb','','Parallels Desktop Users','{"name":"Parallels Desktop Users","description":"for the product"}',1795993173276603,1795993173276603);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','attribute','a7b0ee58-90df-43fc-9705-7255d9d7916d','84a9f504-be33-4831-8716-0399b5d2696c','displayname','{"name":"displayname","value":"${user.name.given + '' '' + user.name.family}","required":false,"mappingType":"CUSTOM"}',1795993173761738,1795993173761738);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','attribute','e6619a48-f5a5-4014-90e7-6a4352ee3e3e','84a9f504-be33-4831-8716-0399b5d2696c','groups','{"name":"groups","value":"${user.memberOfGroupIDs}","required":false,"mappingType":"CUSTOM"}',1795993173832750,1795993173832750);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','attribute','3282c57f-da79-4bf7-8404-c4e570aceb67','84a9f504-be33-4831-8716-0399b5d2696c','name','{"name":"name","value":"${user.username}","required":false,"mappingType":"CUSTOM"}',1795993173896541,1795993173896541);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','attribute','e183817c-309e-4b73-95f5-02adeb879ee2','84a9f504-be33-4831-8716-0399b5d2696c','objectidentifier','{"name":"objectidentifier","value":"${user.id}","required":false,"mappingType":"CUSTOM"}',1795993173957942,1795993173957942);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','store','6239a7b7-9063-44ea-95df-d029903a6af7','','Parallels','{"name":"Parallels","type":"scim","status":"ACTIVE","managed":true,"configuration":{"SCIM_URL":"http://127.0.0.1:18080/scim/78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0/v2","SCIM_VERSION":"2.0","USERS_RESOURCE":"/Users","GROUPS_RESOURCE":"/Groups","AUTHENTICATION_METHOD":"OAuth 2 Bearer Token","AUTHORIZATION_TYPE":"Bearer","OAUTH_ACCESS_TOKEN":"edjTBtOfNOGU8qpAUZldWtmc30f1ivKJYEo3CKv45YE","UNIQUE_USER_IDENTIFIER":"userName","USER_FILTER":"userName eq \"%s\"","CREATE_USERS":true,"UPDATE_USERS":true,"DISABLE_USERS":true,"REMOVE_ACTION":"Delete"}}',1795993175313256,1795993175313256);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','plan','0c2f4ab6-36f3-47d2-8e2a-c1a8ae5e5d96','','Product users','{"name":"Product users","status":"ACTIVE"}',1795993175346123,1795993175346123);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','store','8682693d-ea0e-4670-ba71-74fb12ce9294','','PingOne Directory','{"name":"PingOne Directory","type":"directory","status":"ACTIVE","configuration":{}}',1795993175379190,1795993175379190);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','rule','f74cfb76-d9d7-42c3-8d94-6abd329c9176','0c2f4ab6-36f3-47d2-8e2a-c1a8ae5e5d96','Everybody','{"name":"Everybody","plan":{"id":"0c2f4ab6-36f3-47d2-8e2a-c1a8ae5e5d96"},"sourceStore":{"id":"8682693d-ea0e-4670-ba71-74fb12ce9294"},"targetStore":{"id":"6239a7b7-9063-44ea-95df-d029903a6af7"},"populationExpression":"population.id pr","groups":[{"id":"ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e"},{"id":"92ff2fcb-9b8e-44a7-8493-1cf404313adb"}],"active":true,"deprovision":false}',1795993175404776,1795993175443662);
INSERT INTO resources VALUES('04ce7b55-0250-40e9-a944-47106e778358','revision','7e7d8dcc-7e2b-4b10-bdef-9e5cb4de2875','','','{}',1795993175473525,1795993175473525);
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
INSERT INTO users VALUES('04ce7b55-0250-40e9-a944-47106e778358','6b1b31ed-dffa-47d6-b97d-6e9fdc9af598','ada@lumen.example','{"username":"ada@lumen.example","email":"ada@lumen.example","name":{"given":"Ada","family":"Lovelace"},"population":{"id":"9ac1286f-fab0-4214-b1bf-124bdda6b0ae"},"enabled":true,"lifecycle":{"status":"ACCOUNT_OK"},"emailVerified":false,"verifyStatus":"NOT_INITIATED","mfaEnabled":false,"identityProvider":{"type":"PING_ONE"}}','$argon2id$v=19$m=8192,t=1,p=1$wBsAQ+OcK+Y599C4yJR59g$S88aXqiSDBHlVNoPPEz4o9pPtUe86ML4DF3f7Z1jo6A',0,0,1795993175890573,1795993175890573,NULL,NULL);
INSERT INTO users VALUES('04ce7b55-0250-40e9-a944-47106e778358','9c6c5dac-e36c-405e-9f8d-d5905619cae9','grace@lumen.example','{"username":"grace@lumen.example","email":"grace@lumen.example","name":{"given":"Grace","family":"Hopper"},"population":{"id":"9ac1286f-fab0-4214-b1bf-124bdda6b0ae"},"enabled":true,"lifecycle":{"status":"ACCOUNT_OK"},"emailVerified":false,"verifyStatus":"NOT_INITIATED","mfaEnabled":false,"identityProvider":{"type":"PING_ONE"},"lastSignOn":{"at":"2026-11-29T22:59:38.87793982Z"}}','$argon2id$v=19$m=8192,t=1,p=1$nWyxEjHPxJv3opCsKvuX+w$3AsaLSL6LS/ntWtOwj6jFiZf7UAVeZ/xKHdYZGoljkk',0,0,1795993176151486,1795993176151486,NULL,NULL);
CREATE TABLE memberships (
    environment TEXT NOT NULL,
    group_id TEXT NOT NULL,
    member_kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (environment, group_id, member_kind, member_id)
);
INSERT INTO memberships VALUES('04ce7b55-0250-40e9-a944-47106e778358','ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e','user','6b1b31ed-dffa-47d6-b97d-6e9fdc9af598');
INSERT INTO memberships VALUES('04ce7b55-0250-40e9-a944-47106e778358','92ff2fcb-9b8e-44a7-8493-1cf404313adb','user','9c6c5dac-e36c-405e-9f8d-d5905619cae9');
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
INSERT INTO signing_keys VALUES('04ce7b55-0250-40e9-a944-47106e778358','e5d2500d-a862-43f2-bc98-7901216e6f80','Default Signing Key',1,replace('-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDdgZTVd6+IACjg\n2FG3r2sVkoUYU9qj5/efRQX1DrSs8ZvfF0x6/rgNt1RG4mhjRC1jxf9aNsijMc+1\nImWemCXRH2zdBivz6ZHCIBCWJc+Dk/8uLdUcgTwqnmmUUKj+4KaaHJS9YhOwCLrY\nRPfx0nuVdUOjhYvSrgBdK+EFot89bGvx8kIk/6M6yjRpiWYkRDihRjhMxtx3mWIq\nD5WZuxuAIqrjFD0CXHFYXu4V4IBRB7SikL15rroSwQQjKhMv9BYjaOfDEjh+HGWg\nnfksOeQeeCnWBjLa14PRjwiXx/A28OZO5qq7dJF4r7YPOO1GLruQUXEnOywCai2R\nPOYA8uz7AgMBAAECggEAacgDzUvael7lJrd3kvqFb6howjztaaASO6/pT+Xld7/s\nWcZVIlm5iOdXqoBeLKW27XJ1Z15JQ9I6aLzT/cCYMr3IrebQH6wYDTZl5WaKKsKH\nN0TxBKtdEddUAV3hztJ3DZr/l0+aqlMI89Y/+G610SLOme1hYEvzZYtaa2gkJz7X\nvoKDasXL1aOUTRbOKPLc63w8ZMT6Sgrp9VIzm1k9+YIoN6+1cgp3pDMMb4v37/w6\neKByLcIN8vStMXB8H+kTsp+jX3MDnvOXbW6tNNS+bUMI3RknwOMyutIcyo4lCWSq\nT56Z04nVnKxm+H76FUmX7Xs8jc5liotQ3UTAEA0N2QKBgQD5ksoIREnLt4owvYqm\nsqtkzfT3hF2wrOctcF37C6wy9qBW/9dvFYxaPr6InTrUNrvAg5FDMR8By4N8e+Jy\nli75iVTKlIdx7WCumhNc0hlIjh/U8Irmzq3O99rK7y52qswY07GWTpA030FXMEnz\nBTyTSJH3aVVvJZDsAziVE8qVowKBgQDjNcU/9PpAMwzTvPuy6zLFpb1UpqaVMH5G\nHPrp54xLXFHrThNWRbWHmbqyWJ3juWJCd1aEnd08Y/Y9WnfWUiG1JzsJV2/Ppihs\nIRAWf1pdllQmnYacUT1gmcgzwX+msborBkoRqeLA0cWZtAUT/h0DLmTf0X79ydpP\n3kk+HGXQyQKBgQDfiI0yCE/8ieDZNPtZwU/oEtxlUYZE9yh8N1fFwjey0djc83u3\nABrcvbQUUpddecSCcpUKFJYMGocjWSaCsWdTk6CBbbU+4nklCdVr3rZMmReDtwsC\nHX3pkW/DMaVxHht95SX7VVSuNoSknhit9TPDS02JxyuBSKlb6qqkQ7zAdwKBgCmz\nKKyATZ2SwPvrZ1aDDCJyNLlgjJo8+C/uCa78LCd4niBNiAcBbDui3zz0PqYY1AvW\n0y4ruvrmbb7855mSIVWaCZ/BSGgX2rtdphI69V7PxEoCBz6ROm6MSs4U6VSysbRL\nxzROtasl1NpMy9HLhY+b6C+bx27UqRiXd2HK3HThAoGBANsktiQKforgcXeaFv//\n++c8PT9idCyv+m/aE1gwB4A+6EqBu1ZoQ8q7Fl8x9RQxt+EO/HeOKPVDATrQVhDG\nBHFjyHtGrInLVQVSejUuKeHO0zfIAUMdo0wAdPQCJytREFy7jwoBG/nOFeFzV9U/\nHf1tjj3XvC4sK4m8HZNHcKlG\n-----END PRIVATE KEY-----\n','\n',char(10)),replace('-----BEGIN CERTIFICATE-----\nMIIC/jCCAeagAwIBAgIQQ803A76ZF+al1KSslE+eazANBgkqhkiG9w0BAQsFADA7\nMRwwGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJz\nYWwgbW9jayBJZFAwHhcNMjYxMTI5MDAwMDAwWhcNMjcxMTI5MDAwMDAwWjA7MRww\nGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJzYWwg\nbW9jayBJZFAwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDdgZTVd6+I\nACjg2FG3r2sVkoUYU9qj5/efRQX1DrSs8ZvfF0x6/rgNt1RG4mhjRC1jxf9aNsij\nMc+1ImWemCXRH2zdBivz6ZHCIBCWJc+Dk/8uLdUcgTwqnmmUUKj+4KaaHJS9YhOw\nCLrYRPfx0nuVdUOjhYvSrgBdK+EFot89bGvx8kIk/6M6yjRpiWYkRDihRjhMxtx3\nmWIqD5WZuxuAIqrjFD0CXHFYXu4V4IBRB7SikL15rroSwQQjKhMv9BYjaOfDEjh+\nHGWgnfksOeQeeCnWBjLa14PRjwiXx/A28OZO5qq7dJF4r7YPOO1GLruQUXEnOywC\nai2RPOYA8uz7AgMBAAEwDQYJKoZIhvcNAQELBQADggEBAG+ow8uWpJxJqhcIfEdx\nRLDTZTAO+p01F4yWbfn+U4GQfogGEWWfV8NkdGX7PqhG7HJoZa8DpB/jxoPk1y1L\nkiyFVVOq1yWf0PAW1wR/ae1qpfxlFerl40n0Ytw9It62IS6ndcVcjk/9IJu5kNQu\n/yJAdHQ/hdRAvNPgZp6WyvHz/7uniIL6J2fKKnRUMw9qCnj81U4vSx0xzRK+qpM6\nTH3OIU+SpJbHGKCg9mTsd1bdA58g9DaTA4+ciLjXM1ANoBeiRjrKnWOWj/2kcR6Q\nFs2Aa/QuaNdIgBgSKCWMNb0X7xXsK4AEkoqTX6mqjOY2KD7HSVDt/6awobaO3Tuh\nYCU=\n-----END CERTIFICATE-----\n','\n',char(10)),1795993172917255,'SIGNING');
CREATE TABLE sessions (
    token TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_index TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO sessions VALUES('73b6357ee17c0287ed2bf3ad1f18e2f9093d0ce9cf10054921239b05e7fb298b','04ce7b55-0250-40e9-a944-47106e778358','9c6c5dac-e36c-405e-9f8d-d5905619cae9','_71361f77f7c323ae31b1b3384c79e958',1795993178883531,1796021978883531);
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
INSERT INTO synced VALUES('04ce7b55-0250-40e9-a944-47106e778358','6239a7b7-9063-44ea-95df-d029903a6af7','group','92ff2fcb-9b8e-44a7-8493-1cf404313adb','30b0da0c-d67b-43fd-b554-c6a3e7ef0554','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Parallels Desktop Users","externalId":"92ff2fcb-9b8e-44a7-8493-1cf404313adb","members":[{"value":"0d122455-516b-4e4b-90e8-98e3e28d6cf3"}]}',NULL,1795993177085623);
INSERT INTO synced VALUES('04ce7b55-0250-40e9-a944-47106e778358','6239a7b7-9063-44ea-95df-d029903a6af7','group','ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e','336220b1-6c2b-4589-aca8-a5cd116ba519','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Parallels Business Account Admins","externalId":"ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e","members":[{"value":"1a1425e2-eb3e-4d80-ad61-5920fbaaf3cb"}]}',NULL,1795993177431337);
INSERT INTO synced VALUES('04ce7b55-0250-40e9-a944-47106e778358','6239a7b7-9063-44ea-95df-d029903a6af7','user','6b1b31ed-dffa-47d6-b97d-6e9fdc9af598','1a1425e2-eb3e-4d80-ad61-5920fbaaf3cb','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@lumen.example","externalId":"6b1b31ed-dffa-47d6-b97d-6e9fdc9af598","active":true,"name":{"givenName":"Ada","familyName":"Lovelace"},"displayName":"Ada Lovelace","emails":[{"value":"ada@lumen.example","type":"work","primary":true}]}',NULL,1795993176312245);
INSERT INTO synced VALUES('04ce7b55-0250-40e9-a944-47106e778358','6239a7b7-9063-44ea-95df-d029903a6af7','user','9c6c5dac-e36c-405e-9f8d-d5905619cae9','0d122455-516b-4e4b-90e8-98e3e28d6cf3','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"grace@lumen.example","externalId":"9c6c5dac-e36c-405e-9f8d-d5905619cae9","active":true,"name":{"givenName":"Grace","familyName":"Hopper"},"displayName":"Grace Hopper","emails":[{"value":"grace@lumen.example","type":"work","primary":true}]}',NULL,1795993176728207);
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
INSERT INTO participants VALUES('73b6357ee17c0287ed2bf3ad1f18e2f9093d0ce9cf10054921239b05e7fb298b','04ce7b55-0250-40e9-a944-47106e778358','84a9f504-be33-4831-8716-0399b5d2696c','["9c6c5dac-e36c-405e-9f8d-d5905619cae9","urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",null,null]','_71361f77f7c323ae31b1b3384c79e958',1795993178963193);
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
