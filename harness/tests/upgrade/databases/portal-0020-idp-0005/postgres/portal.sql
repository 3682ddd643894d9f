--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: binary; Type: COLLATION; Schema: public; Owner: -
--

CREATE COLLATION public."binary" (provider = libc, locale = 'C');


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _sqlx_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);


--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    id text NOT NULL,
    email text NOT NULL,
    name text,
    password_hash text NOT NULL,
    created bigint NOT NULL
);


--
-- Name: activations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.activations (
    id text NOT NULL,
    tenant_id text NOT NULL,
    secret_hash text NOT NULL,
    email text NOT NULL,
    device_id text NOT NULL,
    device_name text NOT NULL,
    app_version text NOT NULL,
    created bigint NOT NULL,
    expires bigint NOT NULL,
    spent bigint NOT NULL
);


--
-- Name: asserted_roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.asserted_roles (
    user_id text NOT NULL,
    business_id text NOT NULL,
    in_admins bigint NOT NULL,
    in_users bigint NOT NULL,
    groups text NOT NULL,
    asserted bigint NOT NULL
);


--
-- Name: audit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit (
    id text NOT NULL,
    business_id text,
    place bigint NOT NULL,
    happened bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail text NOT NULL,
    address text NOT NULL
);


--
-- Name: business_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.business_accounts (
    id text NOT NULL,
    name text NOT NULL,
    details text NOT NULL,
    created bigint NOT NULL
);


--
-- Name: devices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.devices (
    license_id text NOT NULL,
    device_id text NOT NULL,
    name text NOT NULL,
    token_hash text NOT NULL,
    activated bigint NOT NULL,
    validated bigint NOT NULL
);


--
-- Name: domains; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.domains (
    domain text NOT NULL,
    business_id text NOT NULL,
    txt_value text NOT NULL,
    status text NOT NULL,
    detail text NOT NULL,
    added bigint NOT NULL,
    checked bigint
);


--
-- Name: groups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.groups (
    id text NOT NULL,
    business_id text NOT NULL,
    display_name text NOT NULL,
    display_name_key text NOT NULL,
    external_id text,
    resource text NOT NULL,
    version bigint NOT NULL,
    created bigint NOT NULL,
    last_modified bigint NOT NULL
);


--
-- Name: license_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.license_keys (
    license_key text NOT NULL,
    edition text NOT NULL,
    licensing text NOT NULL,
    seats bigint NOT NULL,
    starts bigint NOT NULL,
    ends bigint NOT NULL,
    used bigint NOT NULL,
    devices bigint DEFAULT 5 NOT NULL,
    grace bigint DEFAULT 0 NOT NULL,
    cancelled text
);


--
-- Name: licenses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.licenses (
    id text NOT NULL,
    business_id text NOT NULL,
    subscription_id text NOT NULL,
    user_id text NOT NULL,
    granted bigint NOT NULL,
    revoked bigint,
    revoked_because text
);


--
-- Name: logout_requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.logout_requests (
    relay_state text NOT NULL,
    tenant_id text NOT NULL,
    request_id text NOT NULL,
    created bigint NOT NULL,
    expires bigint NOT NULL
);


--
-- Name: members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.members (
    business_id text NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    added bigint NOT NULL,
    last_login bigint
);


--
-- Name: memberships; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.memberships (
    group_id text NOT NULL,
    member_id text NOT NULL,
    kind text NOT NULL
);


--
-- Name: refusals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.refusals (
    reference text NOT NULL,
    business_id text,
    code text NOT NULL,
    public_text text NOT NULL,
    private_text text NOT NULL,
    next_text text NOT NULL,
    refused bigint NOT NULL,
    domain text,
    who text,
    who_verified bigint DEFAULT 0 NOT NULL,
    flow text DEFAULT 'sso'::text NOT NULL,
    place text DEFAULT ''::text NOT NULL,
    facts text DEFAULT '[]'::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL
);


--
-- Name: scim_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scim_log (
    id text NOT NULL,
    business_id text NOT NULL,
    happened bigint NOT NULL,
    place bigint NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status bigint NOT NULL,
    detail text NOT NULL,
    took_ms bigint NOT NULL
);


--
-- Name: scim_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scim_tokens (
    token_hash text NOT NULL,
    tenant_id text NOT NULL,
    hint text NOT NULL,
    created bigint NOT NULL,
    expires bigint,
    last_used bigint,
    clear_text text
);


--
-- Name: seen_assertions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.seen_assertions (
    issuer text NOT NULL,
    assertion_id text NOT NULL,
    expires bigint NOT NULL
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    token_hash text NOT NULL,
    account_id text,
    user_id text,
    workspace text,
    created bigint NOT NULL,
    seen bigint NOT NULL,
    expires bigint NOT NULL,
    saml_tenant text,
    saml_subject text,
    saml_session_index text
);


--
-- Name: signing_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signing_keys (
    id text NOT NULL,
    private_key text NOT NULL,
    certificate text NOT NULL,
    created bigint NOT NULL
);


--
-- Name: social_identities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.social_identities (
    provider text NOT NULL,
    subject text NOT NULL,
    account_id text NOT NULL,
    linked bigint NOT NULL
);


--
-- Name: social_logins; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.social_logins (
    state_hash text NOT NULL,
    provider text NOT NULL,
    browser_hash text NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    expires bigint NOT NULL
);


--
-- Name: sso_requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sso_requests (
    relay_state text NOT NULL,
    tenant_id text NOT NULL,
    request_id text NOT NULL,
    browser_hash text,
    activation_id text,
    return_to text NOT NULL,
    created bigint NOT NULL,
    expires bigint NOT NULL,
    spent bigint NOT NULL
);


--
-- Name: subscriptions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscriptions (
    id text NOT NULL,
    business_id text NOT NULL,
    license_key text NOT NULL,
    name text NOT NULL,
    licensing text NOT NULL,
    seats bigint NOT NULL,
    starts bigint NOT NULL,
    ends bigint NOT NULL,
    registered bigint NOT NULL,
    devices bigint DEFAULT 5 NOT NULL,
    grace bigint DEFAULT 0 NOT NULL,
    cancelled text,
    group_name text,
    group_id text
);


--
-- Name: tenants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tenants (
    id text NOT NULL,
    business_id text NOT NULL,
    application_done bigint NOT NULL,
    admins_group_name text,
    admins_group_id text,
    users_group_name text,
    users_group_id text,
    idp_entity_id text,
    idp_sso_url text,
    idp_certificates text,
    idp_wants_signed_requests bigint NOT NULL,
    scim_enabled bigint NOT NULL,
    scim_done bigint NOT NULL,
    users_done bigint NOT NULL,
    started_by text NOT NULL,
    backup_login text,
    active bigint NOT NULL,
    started bigint NOT NULL,
    signature_policy text DEFAULT 'either'::text NOT NULL,
    unsolicited bigint DEFAULT 0 NOT NULL,
    sign_requests bigint DEFAULT 0 NOT NULL,
    encryption bigint DEFAULT 0 NOT NULL,
    idp_sso_post_url text,
    idp_slo text DEFAULT '[]'::text NOT NULL,
    request_binding text DEFAULT 'redirect'::text NOT NULL,
    force_authn bigint DEFAULT 0 NOT NULL,
    requested_authn_context text,
    idp_metadata_url text,
    idp_metadata_signer text,
    idp_metadata_until bigint,
    idp_metadata_fresh_until bigint
);


--
-- Name: user_emails; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_emails (
    business_id text NOT NULL,
    user_id text NOT NULL,
    value_key text NOT NULL COLLATE public."binary"
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id text NOT NULL,
    business_id text NOT NULL,
    user_name text NOT NULL,
    user_name_key text NOT NULL,
    email text,
    external_id text,
    display_name text,
    active bigint NOT NULL,
    source text NOT NULL,
    resource text NOT NULL,
    version bigint NOT NULL,
    created bigint NOT NULL,
    last_modified bigint NOT NULL,
    last_login bigint,
    display_name_key text COLLATE public."binary",
    keyed bigint DEFAULT 0 NOT NULL
);


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._sqlx_migrations VALUES (1, 'portal', '2026-11-29 22:59:28.377098+00', true, '\xaba7ea6ce315756d185fae976387593b6f76f1843c9416e9ea07345e93a4558eb9b4b98528ced6a743cb0e29748093d3', 218175131);
INSERT INTO public._sqlx_migrations VALUES (2, 'saml settings', '2026-11-29 22:59:28.607623+00', true, '\x46069eff8437da7aaf5ea9678a7828a06d60e6f7af146e8e209466425fb88768ef39dff166976083ee57da11181378e6', 21403427);
INSERT INTO public._sqlx_migrations VALUES (3, 'single logout', '2026-11-29 22:59:28.629237+00', true, '\x3de38b4b8c384e47bc986e64b8635aad8934b3821f09c53c999b58b6c60cc2021b3608f391dc615c03b378e57efdef0d', 15830046);
INSERT INTO public._sqlx_migrations VALUES (4, 'scim queries', '2026-11-29 22:59:28.645276+00', true, '\x5aab5c15c5be9fc19bee7d7d0e25e48bd9146664f6f51f8b5748ad79285c159a280118cc1b89be28dbd801ad2d1bd2d2', 53399656);
INSERT INTO public._sqlx_migrations VALUES (5, 'licensing', '2026-11-29 22:59:28.701747+00', true, '\xdd3f7f15235729fbf48ac341670710e171e8a486f8f83a4c37e80c8241116d572e94c0a0ede78c5c66c033f19d3fe024', 9989026);
INSERT INTO public._sqlx_migrations VALUES (6, 'scim log', '2026-11-29 22:59:28.710762+00', true, '\xa39416e3c449225db6f0f9c664765d25fb1fb900dec5e736e768c1c09705d56923f5ec6b3919c8e0f103453d769ab40a', 11652750);
INSERT INTO public._sqlx_migrations VALUES (7, 'social sign in', '2026-11-29 22:59:28.722934+00', true, '\xf366ca6498c0db52ea38c3bcc4207736c676557991ea7ea8cf42e17f17579b27372c2b2f89ce78ebc6adcdedccb485aa', 24084317);
INSERT INTO public._sqlx_migrations VALUES (12, 'scim token at start', '2026-11-29 22:59:28.760051+00', true, '\xa82fb6b388c3560c982810af46c8aba363c17d6bf76220f316b1c50ae545124b3004463ccede9575d962b64a1e1a9a79', 14323957);
INSERT INTO public._sqlx_migrations VALUES (20, 'sign in problems', '2026-11-29 22:59:28.773688+00', true, '\x8f4414c86b0aba9667a7973fd4cac28e16aac31b2250cc75b1e1fda3356e7672c42727cb9254cd3aaff00b8244fe291f', 23435362);


--
-- Data for Name: accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.accounts VALUES ('59c89c66-fda3-4704-947b-edfdbd0e3e85', 'ada@lumen.example', 'Ada Lovelace', '$argon2id$v=19$m=19456,t=2,p=1$p1yRdXaY9PJaTy66ehFbmA$K35sIT2prqxWpW1vJ7D9ewe+0u5wuNNrgTL8+sSezBA', 1795993170225695);


--
-- Data for Name: activations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.activations VALUES ('b95875c1-5f17-49ca-99ac-0e9cbdcbbbdf', '78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', '95b89731a2e6cbf3fd343e2c1e21eead6ab06ef26e92d35639cddde96861d3c7', 'grace@lumen.example', 'desktop-sim-1', 'A simulated Mac', '0.1.0', 1795993178421868, 1795994078421868, 1);


--
-- Data for Name: asserted_roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.asserted_roles VALUES ('0d122455-516b-4e4b-90e8-98e3e28d6cf3', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 0, 1, '["92ff2fcb-9b8e-44a7-8493-1cf404313adb"]', 1795993179141976);


--
-- Data for Name: audit; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit VALUES ('b56c20cc-62e2-4265-94d5-b63cb1f0e2da', NULL, 1, 1795993169894406, 'ada@lumen.example', 'wrong-password', 'ada@lumen.example', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('6f16036d-1858-47ca-9f64-ce82740c76c3', NULL, 1, 1795993170264959, 'ada@lumen.example', 'account-registered', 'ada@lumen.example', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('2b42fe44-9102-49d8-af92-2df8741c51ef', NULL, 1, 1795993171297804, 'ada@lumen.example', 'logged-in-by-password', 'ada@lumen.example', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('db7d2b37-c3f7-49f8-a306-18a6b28b81cc', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1, 1795993171415842, 'ada@lumen.example', 'license-key-registered', '••••••-••••••-••••••-••••••-LQEF2N', 'subscription Parallels Desktop for Mac Business Edition', '127.0.0.1');
INSERT INTO public.audit VALUES ('347ee950-9979-4415-8b50-878616185df6', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 2, 1795993171492798, 'ada@lumen.example', 'idp-integration-started', '78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('79829d5b-07f1-4968-8161-0a62541d45a5', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 3, 1795993171682984, 'ada@lumen.example', 'domain-added', 'lumen.example', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('cba0b25f-bbc6-4e28-b3c6-54e7390d0943', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 4, 1795993171904046, 'ada@lumen.example', 'domain-looked-up', 'lumen.example', 'the TXT record was found', '127.0.0.1');
INSERT INTO public.audit VALUES ('5e23fec8-d4f2-433e-98da-b8e83e0f40ff', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 5, 1795993173143473, 'ada@lumen.example', 'idp-integration-changed', 'application', 'confirmed', '127.0.0.1');
INSERT INTO public.audit VALUES ('309e7ad1-4851-4809-abff-efd63132d9e6', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 6, 1795993173498553, 'ada@lumen.example', 'idp-integration-changed', 'groups', 'admins: Parallels Business Account Admins (ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e), users: Parallels Desktop Users (92ff2fcb-9b8e-44a7-8493-1cf404313adb)', '127.0.0.1');
INSERT INTO public.audit VALUES ('ab08b122-e8cf-4c9f-bfb9-5863423a0c78', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 7, 1795993174143180, 'ada@lumen.example', 'idp-integration-changed', 'saml', 'http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358 at http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358/saml20/idp/sso, certificate C5:9B:FD:DA:DE:36:D3:03…', '127.0.0.1');
INSERT INTO public.audit VALUES ('813e54ba-9f8b-440a-ad58-c941849098dd', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 8, 1795993174266753, 'ada@lumen.example', 'scim-token-made', '…45YE', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('ffc7aeda-a695-4950-8428-600f9723a8da', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 9, 1795993174545775, 'ada@lumen.example', 'idp-integration-changed', 'scim', 'SCIM support on, confirmed', '127.0.0.1');
INSERT INTO public.audit VALUES ('41073c9d-d23b-445b-911b-090bf6659cd8', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 10, 1795993174854046, 'ada@lumen.example', 'idp-integration-changed', 'users', 'confirmed', '127.0.0.1');
INSERT INTO public.audit VALUES ('20867f26-f955-49d3-a145-bcc34c1935d2', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 11, 1795993175054801, 'ada@lumen.example', 'idp-integration-changed', 'backup-login', 'ada@lumen.example', '127.0.0.1');
INSERT INTO public.audit VALUES ('23852848-c2af-4786-8961-569943f1d775', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 12, 1795993175206233, 'ada@lumen.example', 'idp-integration-activated', '78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('39fcf371-4e6a-4172-b3e3-0bb1f7f1fbd6', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 13, 1795993175683878, 'scim', 'group-created', 'Parallels Desktop Users', '0 joined, 0 left', '');
INSERT INTO public.audit VALUES ('9d4a97a7-2653-4c2f-a971-bf1b33adb0bc', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 14, 1795993175817821, 'scim', 'group-created', 'Parallels Business Account Admins', '0 joined, 0 left', '');
INSERT INTO public.audit VALUES ('c82c19d4-9731-4bd9-a1c9-5417376f245c', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 15, 1795993176109308, 'scim', 'user-created', 'ada@lumen.example', '', '');
INSERT INTO public.audit VALUES ('4d5ddef0-a8db-4e1f-8246-1f4520c613a0', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 16, 1795993176609909, 'scim', 'user-created', 'grace@lumen.example', '', '');
INSERT INTO public.audit VALUES ('4caf493d-bb14-4eb6-a5fe-43aec219f0ab', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 17, 1795993176971492, 'scim', 'group-changed', 'Parallels Desktop Users', '1 joined, 0 left', '');
INSERT INTO public.audit VALUES ('bfc77a0a-fd2c-4461-bab6-520a9d23be64', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 18, 1795993177329216, 'scim', 'group-changed', 'Parallels Business Account Admins', '1 joined, 0 left', '');
INSERT INTO public.audit VALUES ('78c9d25a-64fa-4596-9970-ed4e8ed4fa32', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 19, 1795993179303533, 'portal', 'license-granted', 'grace@lumen.example', 'subscription Parallels Desktop for Mac Business Edition', '');
INSERT INTO public.audit VALUES ('84338e63-e892-439a-bd58-f6e18efba286', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 20, 1795993179351268, 'grace@lumen.example', 'desktop-activated', 'desktop-sim-1', 'A simulated Mac, app version 0.1.0', '127.0.0.1');
INSERT INTO public.audit VALUES ('06bc8f64-99a4-4d49-850e-c7517c75679b', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 21, 1795993180665652, 'ada@lumen.example', 'logged-in-by-password', 'ada@lumen.example', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('4611a64b-80c5-4508-a941-e65ecf06ae95', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 22, 1795993181731065, 'ada@lumen.example', 'wrong-password', 'ada@lumen.example', '', '127.0.0.1');
INSERT INTO public.audit VALUES ('f2731ae5-450c-4987-806c-5147b825f73f', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 23, 1795993181812418, 'ada@lumen.example (not verified)', 'sign-in-refused', 'R-72C7A016F7', 'login with a password: backup-login-wrong-password', '127.0.0.1');


--
-- Data for Name: business_accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.business_accounts VALUES ('7e94eced-bb51-4ded-9019-4abb3459a2cb', 'Lumen Works', '{"country":"GB"}', 1795993171374151);


--
-- Data for Name: devices; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.devices VALUES ('3e12fcc0-29cb-4629-800d-c77df345a41c', 'desktop-sim-1', 'A simulated Mac', 'e8ddb009da9a837921d4340d5b060dcbdf5fa6dc0306cd3079d2ba84c2e7401c', 1795993179230046, 1795993179230046);


--
-- Data for Name: domains; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.domains VALUES ('lumen.example', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 'parallels-domain-verification=24905569e7b4a74367d602b26569c47c956bdb00241c63bdafce2e3d25288adc', 'verified', 'the TXT record was found', 1795993171680785, 1795993171886077);


--
-- Data for Name: groups; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.groups VALUES ('30b0da0c-d67b-43fd-b554-c6a3e7ef0554', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 'Parallels Desktop Users', 'parallels desktop users', '92ff2fcb-9b8e-44a7-8493-1cf404313adb', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"92ff2fcb-9b8e-44a7-8493-1cf404313adb","displayName":"Parallels Desktop Users"}', 2, 1795993175657105, 1795993176916669);
INSERT INTO public.groups VALUES ('336220b1-6c2b-4589-aca8-a5cd116ba519', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 'Parallels Business Account Admins', 'parallels business account admins', 'ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e","displayName":"Parallels Business Account Admins"}', 2, 1795993175800682, 1795993177295457);


--
-- Data for Name: license_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.license_keys VALUES ('95CQ3N-PHT9WE-ULBRSL-SBBJS2-LQEF2N', 'business', 'per-user', 5, 1795993171340232, 1827529171340232, 1, 5, 0, NULL);
INSERT INTO public.license_keys VALUES ('5CQL2C-D5N5FW-6DVFSH-CQVHNX-5JKC6P', 'business', 'per-user', 5, 1795993177548046, 1827529177548046, 0, 5, 0, NULL);
INSERT INTO public.license_keys VALUES ('DQYC8K-2443BP-HUYV2E-GRWYJ6-MZGL64', 'business', 'per-device', 5, 1795993177569542, 1827529177569542, 0, 5, 0, NULL);
INSERT INTO public.license_keys VALUES ('JR8ALQ-6N8ZZQ-2GTHWA-PM4E5U-UJMMVZ', 'business', 'per-user', 5, 1795993177641426, 1795906777545314, 0, 5, 0, NULL);


--
-- Data for Name: licenses; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.licenses VALUES ('3e12fcc0-29cb-4629-800d-c77df345a41c', '7e94eced-bb51-4ded-9019-4abb3459a2cb', '76bfb181-75e3-4213-9a7b-97cc8b7dcc1b', '0d122455-516b-4e4b-90e8-98e3e28d6cf3', 1795993179230046, NULL, NULL);


--
-- Data for Name: logout_requests; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: members; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.members VALUES ('7e94eced-bb51-4ded-9019-4abb3459a2cb', 'ada@lumen.example', 'admin', 1795993171374151, 1795993180648932);


--
-- Data for Name: memberships; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.memberships VALUES ('30b0da0c-d67b-43fd-b554-c6a3e7ef0554', '0d122455-516b-4e4b-90e8-98e3e28d6cf3', 'User');
INSERT INTO public.memberships VALUES ('336220b1-6c2b-4589-aca8-a5cd116ba519', '1a1425e2-eb3e-4d80-ad61-5920fbaaf3cb', 'User');


--
-- Data for Name: refusals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.refusals VALUES ('R-72C7A016F7', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 'backup-login-wrong-password', 'The e-mail address or the password is wrong.', 'the password of the backup login was wrong', 'If this was you, try again with the portal''s password, not the corporate one. If it was not, an attacker is guessing the password: choose a stronger password or another backup login.', 1795993181786690, NULL, 'ada@lumen.example', 0, 'password', '/profile/business/idp_integration?step=backup-login#step-backup-login', '[]', '127.0.0.1', 1);


--
-- Data for Name: scim_log; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.scim_log VALUES ('c457bf46-9858-4ac6-8880-5cdc0246a418', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993175615496, 1, 'GET', '/Groups?filter=displayName+eq+%22Parallels+Desktop+Users%22', 200, '', 64);
INSERT INTO public.scim_log VALUES ('638353f4-b500-476b-aaff-70da89766cef', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993175704173, 2, 'POST', '/Groups', 201, '', 68);
INSERT INTO public.scim_log VALUES ('ed0af08f-f573-4097-a1f2-8fc38391b2e4', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993175768710, 3, 'GET', '/Groups?filter=displayName+eq+%22Parallels+Business+Account+Admins%22', 200, '', 19);
INSERT INTO public.scim_log VALUES ('8fc84a41-26f6-4e25-9ead-c3034ba16f48', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993175831754, 4, 'POST', '/Groups', 201, '', 39);
INSERT INTO public.scim_log VALUES ('d6d49b14-431c-40d8-8434-e4e36936de76', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993176008329, 5, 'GET', '/Users?filter=userName+eq+%22ada%40lumen.example%22', 200, '', 43);
INSERT INTO public.scim_log VALUES ('f5d8f6d8-11da-46f6-b88f-7686cd9cf642', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993176147695, 6, 'POST', '/Users', 201, '', 96);
INSERT INTO public.scim_log VALUES ('774461ad-a659-47ff-8395-a8ea28d38fd9', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993176493457, 7, 'GET', '/Users?filter=userName+eq+%22grace%40lumen.example%22', 200, '', 77);
INSERT INTO public.scim_log VALUES ('697d9857-d368-47cb-a92d-a212bd093d33', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993176623535, 8, 'POST', '/Users', 201, '', 83);
INSERT INTO public.scim_log VALUES ('3effa4be-c912-4226-926b-e9b68a78514f', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993177060964, 9, 'PATCH', '/Groups/30b0da0c-d67b-43fd-b554-c6a3e7ef0554', 200, '', 256);
INSERT INTO public.scim_log VALUES ('3750f009-7b5b-403f-b3f5-feb396e2ed52', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993177408469, 10, 'PATCH', '/Groups/336220b1-6c2b-4589-aca8-a5cd116ba519', 200, '', 206);


--
-- Data for Name: scim_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.scim_tokens VALUES ('6973f6de155ca1b08dd648c2f2e5afad4d0298e4512a88479df18125aa78c741', '78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', 'pwSg', 1795993171471851, 1795993174259109, NULL, NULL);
INSERT INTO public.scim_tokens VALUES ('99ec15f6e99416a60867f4e68d3406a56177c5af2ecea864cd3f13a9b2d34949', '78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', '45YE', 1795993174266216, NULL, 1795993175551655, NULL);


--
-- Data for Name: seen_assertions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.seen_assertions VALUES ('http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358', '_f8aa0d89ded3aae890aa6de31e6547aa', 1795993538963000);


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES ('0b180d63a389f2732f5685a1ac9c91443ee6d3f9eea29f298518bcde66b8a5ab', '59c89c66-fda3-4704-947b-edfdbd0e3e85', NULL, '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993171263681, 1795993171263681, 1796036371263681, NULL, NULL, NULL);
INSERT INTO public.sessions VALUES ('c329c043f7910249722812219e6df2ae34f40eac6cc7d0e259b738109661b005', '59c89c66-fda3-4704-947b-edfdbd0e3e85', NULL, '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1795993180648932, 1795993180648932, 1796036380648932, NULL, NULL, NULL);


--
-- Data for Name: signing_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signing_keys VALUES ('licenses', '-----BEGIN PRIVATE KEY-----
MFECAQEwBQYDK2VwBCIEIGIz6MDHNB8tHQZO9Cdn7Y2wCe03LysH7R6OPpHn6UXb
gSEANp+t544CobvipCD82Eaklai7hcnGaol838n9cY0XW7w=
-----END PRIVATE KEY-----
', '-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEANp+t544CobvipCD82Eaklai7hcnGaol838n9cY0XW7w=
-----END PUBLIC KEY-----
', 1795993179389114);


--
-- Data for Name: social_identities; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: social_logins; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sso_requests; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sso_requests VALUES ('XdIWnuyJmXWavzitVsYSlTxhmInEu-a4', '78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', '_fb263a2a222edb7670ad8202298307e434504017', NULL, 'b95875c1-5f17-49ca-99ac-0e9cbdcbbbdf', '', 1795993178377795, 1795994078377795, 1);


--
-- Data for Name: subscriptions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.subscriptions VALUES ('76bfb181-75e3-4213-9a7b-97cc8b7dcc1b', '7e94eced-bb51-4ded-9019-4abb3459a2cb', '95CQ3N-PHT9WE-ULBRSL-SBBJS2-LQEF2N', 'Parallels Desktop for Mac Business Edition', 'per-user', 5, 1795993171340232, 1827529171340232, 1795993171374151, 5, 0, NULL, NULL, NULL);


--
-- Data for Name: tenants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tenants VALUES ('78bfc62d-6b5c-41d4-8dbd-b92bb9b090c0', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 1, 'Parallels Business Account Admins', 'ebfe8010-2df3-44b9-a0cb-c8e3a14f5e2e', 'Parallels Desktop Users', '92ff2fcb-9b8e-44a7-8493-1cf404313adb', 'http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358', 'http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358/saml20/idp/sso', '["-----BEGIN CERTIFICATE-----\nMIIC/jCCAeagAwIBAgIQQ803A76ZF+al1KSslE+eazANBgkqhkiG9w0BAQsFADA7\nMRwwGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJz\nYWwgbW9jayBJZFAwHhcNMjYxMTI5MDAwMDAwWhcNMjcxMTI5MDAwMDAwWjA7MRww\nGgYDVQQDDBNEZWZhdWx0IFNpZ25pbmcgS2V5MRswGQYDVQQKDBJSZWhlYXJzYWwg\nbW9jayBJZFAwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDdgZTVd6+I\nACjg2FG3r2sVkoUYU9qj5/efRQX1DrSs8ZvfF0x6/rgNt1RG4mhjRC1jxf9aNsij\nMc+1ImWemCXRH2zdBivz6ZHCIBCWJc+Dk/8uLdUcgTwqnmmUUKj+4KaaHJS9YhOw\nCLrYRPfx0nuVdUOjhYvSrgBdK+EFot89bGvx8kIk/6M6yjRpiWYkRDihRjhMxtx3\nmWIqD5WZuxuAIqrjFD0CXHFYXu4V4IBRB7SikL15rroSwQQjKhMv9BYjaOfDEjh+\nHGWgnfksOeQeeCnWBjLa14PRjwiXx/A28OZO5qq7dJF4r7YPOO1GLruQUXEnOywC\nai2RPOYA8uz7AgMBAAEwDQYJKoZIhvcNAQELBQADggEBAG+ow8uWpJxJqhcIfEdx\nRLDTZTAO+p01F4yWbfn+U4GQfogGEWWfV8NkdGX7PqhG7HJoZa8DpB/jxoPk1y1L\nkiyFVVOq1yWf0PAW1wR/ae1qpfxlFerl40n0Ytw9It62IS6ndcVcjk/9IJu5kNQu\n/yJAdHQ/hdRAvNPgZp6WyvHz/7uniIL6J2fKKnRUMw9qCnj81U4vSx0xzRK+qpM6\nTH3OIU+SpJbHGKCg9mTsd1bdA58g9DaTA4+ciLjXM1ANoBeiRjrKnWOWj/2kcR6Q\nFs2Aa/QuaNdIgBgSKCWMNb0X7xXsK4AEkoqTX6mqjOY2KD7HSVDt/6awobaO3Tuh\nYCU=\n-----END CERTIFICATE-----\n"]', 0, 1, 1, 1, 'ada@lumen.example', 'ada@lumen.example', 1, 1795993171461531, 'either', 0, 0, 0, 'http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358/saml20/idp/sso', '[{"binding":"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect","location":"http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358/saml20/idp/slo"},{"binding":"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST","location":"http://127.0.0.1:18081/04ce7b55-0250-40e9-a944-47106e778358/saml20/idp/slo"}]', 'redirect', 0, NULL, NULL, NULL, NULL, NULL);


--
-- Data for Name: user_emails; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_emails VALUES ('7e94eced-bb51-4ded-9019-4abb3459a2cb', '1a1425e2-eb3e-4d80-ad61-5920fbaaf3cb', 'ada@lumen.example');
INSERT INTO public.user_emails VALUES ('7e94eced-bb51-4ded-9019-4abb3459a2cb', '0d122455-516b-4e4b-90e8-98e3e28d6cf3', 'grace@lumen.example');


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES ('1a1425e2-eb3e-4d80-ad61-5920fbaaf3cb', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 'ada@lumen.example', 'ada@lumen.example', 'ada@lumen.example', '6b1b31ed-dffa-47d6-b97d-6e9fdc9af598', 'Ada Lovelace', 1, 'scim', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"6b1b31ed-dffa-47d6-b97d-6e9fdc9af598","userName":"ada@lumen.example","name":{"familyName":"Lovelace","givenName":"Ada"},"displayName":"Ada Lovelace","active":true,"emails":[{"value":"ada@lumen.example","type":"work","primary":true}]}', 1, 1795993176065939, 1795993176065939, NULL, 'ada lovelace', 1);
INSERT INTO public.users VALUES ('0d122455-516b-4e4b-90e8-98e3e28d6cf3', '7e94eced-bb51-4ded-9019-4abb3459a2cb', 'grace@lumen.example', 'grace@lumen.example', 'grace@lumen.example', '9c6c5dac-e36c-405e-9f8d-d5905619cae9', 'Grace Hopper', 1, 'scim', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"9c6c5dac-e36c-405e-9f8d-d5905619cae9","userName":"grace@lumen.example","name":{"familyName":"Hopper","givenName":"Grace"},"displayName":"Grace Hopper","active":true,"emails":[{"value":"grace@lumen.example","type":"work","primary":true}]}', 1, 1795993176560096, 1795993176560096, 1795993179141976, 'grace hopper', 1);


--
-- Name: _sqlx_migrations _sqlx_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);


--
-- Name: accounts accounts_email_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_email_key UNIQUE (email);


--
-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);


--
-- Name: activations activations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_pkey PRIMARY KEY (id);


--
-- Name: asserted_roles asserted_roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.asserted_roles
    ADD CONSTRAINT asserted_roles_pkey PRIMARY KEY (user_id);


--
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);


--
-- Name: business_accounts business_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.business_accounts
    ADD CONSTRAINT business_accounts_pkey PRIMARY KEY (id);


--
-- Name: devices devices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (license_id, device_id);


--
-- Name: devices devices_token_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_token_hash_key UNIQUE (token_hash);


--
-- Name: groups groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (id);


--
-- Name: license_keys license_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.license_keys
    ADD CONSTRAINT license_keys_pkey PRIMARY KEY (license_key);


--
-- Name: licenses licenses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.licenses
    ADD CONSTRAINT licenses_pkey PRIMARY KEY (id);


--
-- Name: logout_requests logout_requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logout_requests
    ADD CONSTRAINT logout_requests_pkey PRIMARY KEY (relay_state);


--
-- Name: members members_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (business_id, email);


--
-- Name: memberships memberships_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (group_id, member_id);


--
-- Name: domains old_domains_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT old_domains_pkey PRIMARY KEY (domain);


--
-- Name: refusals refusals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refusals
    ADD CONSTRAINT refusals_pkey PRIMARY KEY (reference);


--
-- Name: scim_log scim_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scim_log
    ADD CONSTRAINT scim_log_pkey PRIMARY KEY (id);


--
-- Name: scim_tokens scim_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scim_tokens
    ADD CONSTRAINT scim_tokens_pkey PRIMARY KEY (token_hash);


--
-- Name: seen_assertions seen_assertions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seen_assertions
    ADD CONSTRAINT seen_assertions_pkey PRIMARY KEY (issuer, assertion_id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_hash);


--
-- Name: signing_keys signing_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (id);


--
-- Name: social_identities social_identities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.social_identities
    ADD CONSTRAINT social_identities_pkey PRIMARY KEY (provider, subject);


--
-- Name: social_logins social_logins_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.social_logins
    ADD CONSTRAINT social_logins_pkey PRIMARY KEY (state_hash);


--
-- Name: sso_requests sso_requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_requests
    ADD CONSTRAINT sso_requests_pkey PRIMARY KEY (relay_state);


--
-- Name: subscriptions subscriptions_license_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_license_key_key UNIQUE (license_key);


--
-- Name: subscriptions subscriptions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);


--
-- Name: tenants tenants_business_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_business_id_key UNIQUE (business_id);


--
-- Name: tenants tenants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);


--
-- Name: user_emails user_emails_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_emails
    ADD CONSTRAINT user_emails_pkey PRIMARY KEY (user_id, value_key);


--
-- Name: users users_business_id_user_name_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_business_id_user_name_key_key UNIQUE (business_id, user_name_key);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: audit_action; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_action ON public.audit USING btree (action, happened);


--
-- Name: audit_business; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_business ON public.audit USING btree (business_id, place);


--
-- Name: domains_business; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX domains_business ON public.domains USING btree (business_id);


--
-- Name: groups_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX groups_created ON public.groups USING btree (business_id, created, id);


--
-- Name: groups_display_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX groups_display_name ON public.groups USING btree (business_id, display_name_key);


--
-- Name: groups_external_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX groups_external_id ON public.groups USING btree (business_id, external_id);


--
-- Name: groups_last_modified; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX groups_last_modified ON public.groups USING btree (business_id, last_modified, id);


--
-- Name: licenses_holder; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX licenses_holder ON public.licenses USING btree (business_id, user_id) WHERE (revoked IS NULL);


--
-- Name: licenses_subscription; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX licenses_subscription ON public.licenses USING btree (subscription_id);


--
-- Name: members_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX members_email ON public.members USING btree (email);


--
-- Name: memberships_member; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX memberships_member ON public.memberships USING btree (member_id);


--
-- Name: refusals_business; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refusals_business ON public.refusals USING btree (COALESCE(business_id, ''::text), refused, "position");


--
-- Name: refusals_domain; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refusals_domain ON public.refusals USING btree (domain, refused);


--
-- Name: refusals_refused; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refusals_refused ON public.refusals USING btree (refused);


--
-- Name: scim_log_business; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX scim_log_business ON public.scim_log USING btree (business_id, happened, place);


--
-- Name: scim_tokens_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX scim_tokens_tenant ON public.scim_tokens USING btree (tenant_id);


--
-- Name: sessions_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_account ON public.sessions USING btree (account_id);


--
-- Name: sessions_saml; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_saml ON public.sessions USING btree (saml_tenant, saml_subject);


--
-- Name: sessions_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_user ON public.sessions USING btree (user_id);


--
-- Name: sso_requests_browser; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sso_requests_browser ON public.sso_requests USING btree (tenant_id, browser_hash);


--
-- Name: subscriptions_business; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscriptions_business ON public.subscriptions USING btree (business_id);


--
-- Name: user_emails_value; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX user_emails_value ON public.user_emails USING btree (business_id, value_key, user_id);


--
-- Name: users_active; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_active ON public.users USING btree (business_id, active, created, id);


--
-- Name: users_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_created ON public.users USING btree (business_id, created, id);


--
-- Name: users_display_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_display_name ON public.users USING btree (business_id, display_name_key);


--
-- Name: users_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_email ON public.users USING btree (business_id, email);


--
-- Name: users_external_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_external_id ON public.users USING btree (business_id, external_id);


--
-- Name: users_last_modified; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_last_modified ON public.users USING btree (business_id, last_modified, id);


--
-- Name: users_not_keyed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_not_keyed ON public.users USING btree (id) WHERE (keyed = 0);


--
-- Name: users_user_name_order; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_user_name_order ON public.users USING btree (business_id, user_name_key COLLATE public."binary");


--
-- Name: activations activations_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);


--
-- Name: devices devices_license_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_license_id_fkey FOREIGN KEY (license_id) REFERENCES public.licenses(id);


--
-- Name: groups groups_business_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.business_accounts(id);


--
-- Name: licenses licenses_subscription_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.licenses
    ADD CONSTRAINT licenses_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.subscriptions(id);


--
-- Name: logout_requests logout_requests_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logout_requests
    ADD CONSTRAINT logout_requests_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);


--
-- Name: members members_business_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.business_accounts(id);


--
-- Name: memberships memberships_group_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.groups(id);


--
-- Name: domains old_domains_business_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT old_domains_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.business_accounts(id);


--
-- Name: scim_tokens scim_tokens_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scim_tokens
    ADD CONSTRAINT scim_tokens_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);


--
-- Name: social_identities social_identities_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.social_identities
    ADD CONSTRAINT social_identities_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);


--
-- Name: sso_requests sso_requests_tenant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_requests
    ADD CONSTRAINT sso_requests_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);


--
-- Name: subscriptions subscriptions_business_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.business_accounts(id);


--
-- Name: tenants tenants_business_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.business_accounts(id);


--
-- Name: user_emails user_emails_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_emails
    ADD CONSTRAINT user_emails_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: users users_business_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.business_accounts(id);


--
-- PostgreSQL database dump complete
--


