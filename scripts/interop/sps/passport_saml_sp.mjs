// @node-saml/passport-saml with express, express-session and passport as a service provider: PORT
// IDP-METADATA.
//
// As its README says, in "Configure strategy", "Provide the authentication callback", "Authenticate
// requests" and "SLO (single logout)" (the second callback says which user is logged out), with the
// options of node-saml's README ("InResponseTo Validation": `always`; "Issuer Validation"; "Security and
// signatures"). Both say nothing of binding a request to the browser, so all browsers share the cache of
// requests, as by default (node_saml_sp.mjs has a cache for each browser); and nothing of the length of a
// session, of Destination, and of the IDs of LogoutRequests.
//
// HTTPS, because the session cookie has SameSite=None: without it, a LogoutRequest by HTTP-POST arrives
// without the session. Its key signs and decrypts; keys and certificates are in the folder SP_KEYS.
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are installed apart from this folder.
const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const express = require("express");
const session = require("express-session");
const passport = require("passport");
const { Strategy, ValidateInResponseTo } = require("@node-saml/passport-saml");

const [port, idp] = process.argv.slice(2);
const base = `https://127.0.0.1:${port}`;
const metadata = readFileSync(idp, "utf8");
const read = (pattern) => metadata.match(pattern)?.[1];
const key = (name) => readFileSync(join(process.env.SP_KEYS, name), "utf8");

const sameUser = (user, profile) =>
  user?.nameID === profile.nameID && (!profile.sessionIndex || profile.sessionIndex === user.sessionIndex);
const strategy = new Strategy(
  {
    passReqToCallback: true,
    issuer: `${base}/metadata`,
    audience: `${base}/metadata`,
    callbackUrl: `${base}/login/callback`,
    entryPoint: read(/HTTP-Redirect" Location="([^"]+\/sso)"/),
    logoutUrl: read(/HTTP-Redirect" Location="([^"]+\/slo)"/),
    logoutCallbackUrl: `${base}/logout/callback`,
    idpIssuer: read(/entityID="([^"]+)"/),
    idpCert: read(/X509Certificate>([^<]+)</),
    privateKey: key("sp.key"),
    publicCert: key("sp.crt"),
    decryptionPvk: key("sp.key"),
    signatureAlgorithm: "sha256",
    digestAlgorithm: "sha256",
    wantAssertionsSigned: true,
    // For an identity provider that signs the assertion only.
    wantAuthnResponseSigned: false,
    validateInResponseTo: ValidateInResponseTo.always,
    identifierFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
  },
  // The user of a login: what the logout needs. A profile may have no NameID: an encrypted one is not
  // decrypted.
  (request, profile, done) => {
    if (!profile.nameID) return done(new Error("no NameID"));
    const { nameID, nameIDFormat, nameQualifier, spNameQualifier, sessionIndex } = profile;
    done(null, { nameID, nameIDFormat, nameQualifier, spNameQualifier, sessionIndex });
  },
  // The user whom the identity provider logs out. The library compares it with request.user.
  (request, profile, done) => done(null, sameUser(request.user, profile) ? request.user : null),
);
passport.use(strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(session({
  secret: randomBytes(32).toString("hex"),
  resave: false,
  saveUninitialized: false,
  cookie: { httpOnly: true, secure: true, sameSite: "none" },
}));
app.use(passport.session());
const form = express.urlencoded({ extended: false, limit: "10mb" });

app.get("/", (_, to) => to.send("a public page"));
app.get("/whoami", (request, to) => {
  if (!request.user) return to.status(401).send("nobody is logged in");
  to.type("text/plain").send(`user=${request.user.nameID};`);
});
app.get("/metadata", (_, to) => {
  const text = strategy.generateServiceProviderMetadata(key("sp.crt"), key("sp.crt"));
  // The library handles both bindings at this URL, and its metadata offers one.
  const both = text.replace(
    /<SingleLogoutService ([^>]*)HTTP-POST("[^>]*)\/>/,
    (one, before, after) => `${one}<SingleLogoutService ${before}HTTP-Redirect${after}/>`,
  );
  to.type("application/samlmetadata+xml").send(both);
});
app.get("/login", passport.authenticate("saml"));
app.post("/login/callback", form, passport.authenticate("saml"), (_, to) => to.redirect(303, "/whoami"));
app.get("/logout", (request, to, next) => {
  if (!request.user) return to.redirect("/");
  strategy.logout(request, (error, url) => (error ? next(error) : to.redirect(url)));
});
// A LogoutRequest is answered by the library. After a LogoutResponse, the application goes on.
app.all("/logout/callback", form, passport.authenticate("saml"), (request, to, next) =>
  request.logout((error) => (error ? next(error) : to.redirect(303, "/"))));
// Refusals look alike: a text that differs would help to decrypt an assertion.
app.use((error, request, to, next) => {
  console.error(error?.stack?.split("\n")[0]);
  to.status(403).send("refused");
});

createServer({ key: key("tls.key"), cert: key("tls.crt") }, app).listen(Number(port), "127.0.0.1");
