// samlify as a service provider: PORT IDP-METADATA.
//
// As its documentation says, in "Installation" (a validator of the schema), "SP configuration", "Signed
// SAML Response" (signed assertions), "Encrypted Assertion" and "Receiving a SAML Response", which leaves
// "application-specific checks" to the caller: audience, Destination, the ID of the browser's request,
// which is answered once, and the end of the session. It says nothing of SubjectConfirmation, and the
// library does not return it. Logout messages have to be signed; the application finds sessions by NameID
// and remembers the IDs of LogoutRequests.
//
// HTTPS, because the session cookie has SameSite=None. Its key signs and decrypts; keys and certificates
// are in the folder SP_KEYS.
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are installed apart from this folder.
const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const samlify = require("samlify");
samlify.setSchemaValidator(require("@authenio/samlify-node-xmllint"));

const [port, idpFile] = process.argv.slice(2);
const base = `https://127.0.0.1:${port}`;
const key = (name) => readFileSync(join(process.env.SP_KEYS, name), "utf8");
const binding = (name) => `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${name}`;
// The library refuses to sign requests unless the identity provider's metadata wants it.
const metadata = readFileSync(idpFile, "utf8").replace("<md:IDPSSODescriptor", '<md:IDPSSODescriptor WantAuthnRequestsSigned="true"');

const sp = samlify.ServiceProvider({
  entityID: `${base}/metadata`,
  authnRequestsSigned: true,
  wantAssertionsSigned: true,
  wantLogoutRequestSigned: true,
  wantLogoutResponseSigned: true,
  requestSignatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  privateKey: key("sp.key"),
  encPrivateKey: key("sp.key"),
  signingCert: key("sp.crt"),
  encryptCert: key("sp.crt"),
  nameIDFormat: ["urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"],
  // The default order is not that of the schema.
  elementsOrder: samlify.Constants.elementsOrder.shibboleth,
  // Milliseconds: clocks that are a minute apart.
  clockDrifts: [-60000, 60000],
  assertionConsumerService: [{ Binding: binding("POST"), Location: `${base}/acs` }],
  singleLogoutService: [
    { Binding: binding("Redirect"), Location: `${base}/slo` },
    { Binding: binding("POST"), Location: `${base}/slo` },
  ],
});
// Whether assertions are encrypted is a setting of the identity provider: plain ones are refused
// with it, and encrypted ones without it.
const [plain, encrypted] = [false, true].map((isAssertionEncrypted) =>
  samlify.IdentityProvider({ metadata, isAssertionEncrypted, wantLogoutRequestSigned: true, wantLogoutResponseSigned: true }));

// Sessions by cookie: the ID of the request, or the user.
const sessions = new Map();
const cookieOf = (request) => /session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
const newSession = (content) => {
  const name = randomBytes(16).toString("hex");
  sessions.set(name, content);
  return { "Set-Cookie": `session=${name}; Path=/; HttpOnly; Secure; SameSite=None` };
};
const answer = (to, status, text, headers = {}) => {
  to.writeHead(status, { "Content-Type": "text/html; charset=utf-8", ...headers });
  to.end(text);
};
const redirect = (to, where, headers = {}) => answer(to, 303, "", { Location: where, ...headers });
const require_ = (holds, what) => {
  if (!holds) throw new Error(what);
};
const remembered = new Set();

async function login(to, session, body) {
  const xml = Buffer.from(body.SAMLResponse, "base64").toString();
  const idp = /<[\w:]*EncryptedAssertion[\s>]/.test(xml) ? encrypted : plain;
  const { extract } = await sp.parseLoginResponse(idp, "post", { body });
  const audience = [extract.audience].flat();
  require_(audience.includes(`${base}/metadata`), "another audience");
  require_(extract.response.destination === `${base}/acs`, "another Destination");
  require_(session?.request && extract.response.inResponseTo === session.request, "another request");
  // A request is answered once.
  delete session.request;
  require_(typeof extract.nameID === "string" && extract.nameID, "no NameID");
  const { sessionIndex, sessionNotOnOrAfter } = extract.sessionIndex ?? {};
  const user = { name: extract.nameID, index: sessionIndex, ends: sessionNotOnOrAfter && new Date(sessionNotOnOrAfter) };
  return redirect(to, "/whoami", newSession({ user }));
}

async function logout(to, name, message, way, request) {
  const session = sessions.get(name);
  if (message === "SAMLResponse") {
    const { extract } = await sp.parseLogoutResponse(plain, way, request);
    require_(session?.logout && extract.response.inResponseTo === session.logout, "another request");
    require_(extract.response.destination === `${base}/slo`, "another Destination");
    sessions.delete(name);
    return redirect(to, "/");
  }
  const parsed = await sp.parseLogoutRequest(plain, way, request);
  const { extract } = parsed;
  require_(extract.issuer === plain.entityMeta.getEntityID(), "another issuer");
  require_(extract.request.destination === `${base}/slo`, "another Destination");
  require_(!remembered.has(extract.request.id), "a LogoutRequest of before");
  remembered.add(extract.request.id);
  const indexes = [extract.sessionIndex ?? []].flat();
  for (const [name, { user }] of sessions) {
    if (user?.name === extract.nameID && (!indexes.length || indexes.includes(user.index))) sessions.delete(name);
  }
  const relayState = (request.query ?? request.body).RelayState ?? "";
  const { context } = sp.createLogoutResponse(plain, parsed, "redirect", { relayState });
  return redirect(to, context);
}

createServer({ key: key("tls.key"), cert: key("tls.crt") }, async (request, to) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { pathname, search, searchParams } = new URL(request.url, base);
  const name = cookieOf(request);
  const session = sessions.get(name);
  try {
    if (pathname === "/") return answer(to, 200, "a public page");
    if (pathname === "/metadata") return answer(to, 200, sp.getMetadata(), { "Content-Type": "application/samlmetadata+xml" });
    if (pathname === "/whoami") {
      const user = session?.user;
      const isIn = user && !(user.ends && user.ends <= new Date());
      return isIn ? answer(to, 200, `user=${user.name};`, { "Content-Type": "text/plain; charset=utf-8" }) : answer(to, 401, "nobody is logged in");
    }
    if (pathname === "/login") {
      const { id, context } = sp.createLoginRequest(plain, "redirect");
      return redirect(to, context, newSession({ request: id }));
    }
    if (pathname === "/logout") {
      if (!session?.user) return redirect(to, "/");
      const user = { logoutNameID: session.user.name, nameIDFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", sessionIndex: session.user.index };
      const { id, context } = sp.createLogoutRequest(plain, "redirect", user);
      session.logout = id;
      return redirect(to, context);
    }
    const body = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    if (pathname === "/acs" && request.method === "POST") return await login(to, session, body);
    if (pathname === "/slo" && request.method === "POST") {
      return await logout(to, name, "SAMLResponse" in body ? "SAMLResponse" : "SAMLRequest", "post", { body });
    }
    if (pathname === "/slo") {
      // The signature covers the parameters as they were received, in this order.
      const raw = search.slice(1).split("&").map((it) => it.split("="));
      // By the decoded names: "SAML%52equest" is SAMLRequest, too.
      const names = [...searchParams.keys()];
      require_(new Set(names).size === names.length, "a parameter occurs twice");
      const signed = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg"].flatMap((it) => raw.filter(([one]) => one === it));
      const octetString = signed.map((it) => it.join("=")).join("&");
      const query = Object.fromEntries(searchParams);
      return await logout(to, name, "SAMLResponse" in query ? "SAMLResponse" : "SAMLRequest", "redirect", { query, octetString });
    }
    answer(to, 404, "not found");
  } catch (error) {
    // Refusals look alike: a text that differs would help to decrypt an assertion.
    console.error(String(error?.message ?? error).slice(0, 300));
    answer(to, 403, "refused");
  }
}).listen(Number(port), "127.0.0.1");
