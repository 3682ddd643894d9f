// @node-saml/node-saml as a service provider: PORT IDP-METADATA.
//
// As its README says, in "InResponseTo Validation" and "Subject confirmation validation" (`always`),
// "Cache Provider" (the requests of each browser are kept in its session), "Issuer Validation",
// "Security and signatures" (SHA-256) and "SLO (single logout)". Signed assertions are required. What
// the README says nothing of has its default: the length of a session, Destination, the IDs of
// LogoutRequests, and whether a LogoutRequest without Signature is accepted.
//
// With the folder SP_KEYS, its key signs and decrypts, and the server speaks HTTPS.
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are installed apart from this folder.
const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const { SAML, ValidateInResponseTo } = require("@node-saml/node-saml");

const [port, idp] = process.argv.slice(2);
const keys = process.env.SP_KEYS;
const base = `${keys ? "https" : "http"}://127.0.0.1:${port}`;
const metadata = readFileSync(idp, "utf8");
const read = (pattern) => metadata.match(pattern)?.[1];
const key = (name) => (keys ? readFileSync(join(keys, name), "utf8") : undefined);
const options = {
  privateKey: key("sp.key"),
  publicCert: key("sp.crt"),
  decryptionPvk: key("sp.key"),
  signatureAlgorithm: "sha256",
  digestAlgorithm: "sha256",
  issuer: `${base}/metadata`,
  audience: `${base}/metadata`,
  callbackUrl: `${base}/acs`,
  entryPoint: read(/HTTP-Redirect" Location="([^"]+\/sso)"/),
  logoutUrl: read(/HTTP-Redirect" Location="([^"]+\/slo)"/),
  logoutCallbackUrl: `${base}/slo`,
  idpIssuer: read(/entityID="([^"]+)"/),
  idpCert: read(/X509Certificate>([^<]+)</),
  wantAssertionsSigned: true,
  // By default the Response has to be signed, too. An identity provider may sign the assertion only.
  wantAuthnResponseSigned: false,
  validateInResponseTo: ValidateInResponseTo.always,
};

// Sessions by cookie: the IDs of the requests of this browser, and its user.
const sessions = new Map();
const cookieOf = (request) => /session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
const newSession = (user) => {
  const name = randomBytes(16).toString("hex");
  sessions.set(name, { requests: new Map(), user });
  const end = keys ? "Secure; SameSite=None" : "SameSite=Lax";
  return [name, { "Set-Cookie": `session=${name}; Path=/; HttpOnly; ${end}` }];
};

// The library for one browser: it accepts answers to the requests of this browser only.
function samlOf(session) {
  const requests = session?.requests ?? new Map();
  return new SAML({
    ...options,
    cacheProvider: {
      saveAsync: async (id, value) => {
        requests.set(id, value);
        return { value, createdAt: Date.now() };
      },
      getAsync: async (id) => requests.get(id) ?? null,
      removeAsync: async (id) => (requests.delete(id) ? id : null),
    },
  });
}

const answer = (to, status, text, headers = {}) => {
  to.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  to.end(text);
};
const redirect = (to, where, headers = {}) => answer(to, 303, "", { Location: where, ...headers });

async function logout(to, session, request, form) {
  // The library's metadata offers HTTP-POST; its LogoutResponses come by HTTP-Redirect.
  const isPost = request.method === "POST";
  const { search, searchParams } = new URL(request.url, base);
  const fields = Object.fromEntries(isPost ? form : searchParams);
  const saml = samlOf(session);
  const isAnswer = "SAMLResponse" in fields;
  const { profile, loggedOut } = isPost
    ? await (isAnswer ? saml.validatePostResponseAsync(fields) : saml.validatePostRequestAsync(fields))
    : await saml.validateRedirectAsync(fields, search.slice(1));
  if (!loggedOut) throw new Error("the library says nobody is logged out");
  if (isAnswer) {
    if (session) session.user = undefined;
    return redirect(to, "/");
  }
  for (const one of sessions.values()) {
    const isOfUser = one.user?.nameID === profile.nameID;
    if (isOfUser && (!profile.sessionIndex || profile.sessionIndex === one.user.sessionIndex)) one.user = undefined;
  }
  return redirect(to, await saml.getLogoutResponseUrlAsync(profile, fields.RelayState ?? "", {}, true));
}

async function serve(request, to) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const path = new URL(request.url, base).pathname;
  const cookie = cookieOf(request);
  const session = sessions.get(cookie);
  try {
    if (path === "/") return answer(to, 200, "a public page");
    if (path === "/metadata") {
      const text = samlOf().generateServiceProviderMetadata(key("sp.crt") ?? null, key("sp.crt"));
      return answer(to, 200, text, { "Content-Type": "application/samlmetadata+xml" });
    }
    if (path === "/login") {
      const [name, header] = newSession();
      return redirect(to, await samlOf(sessions.get(name)).getAuthorizeUrlAsync("", undefined, {}), header);
    }
    if (path === "/whoami") {
      const user = session?.user?.nameID;
      return user ? answer(to, 200, `user=${user};`) : answer(to, 401, "nobody is logged in");
    }
    if (path === "/logout") {
      if (!session?.user) return redirect(to, "/");
      return redirect(to, await samlOf(session).getLogoutUrlAsync(session.user, "", {}));
    }
    if (path === "/slo") return await logout(to, session, request, form);
    if (path === "/acs" && request.method === "POST") {
      const { profile } = await samlOf(session).validatePostResponseAsync({ SAMLResponse: form.get("SAMLResponse") });
      if (!profile?.nameID) throw new Error("the library returns no user");
      // A new session at each login.
      sessions.delete(cookie);
      const [, header] = newSession(profile);
      return redirect(to, "/whoami", header);
    }
    answer(to, 404, "not found");
  } catch (error) {
    // Refusals look alike: a text that differs would help to decrypt an assertion.
    console.error(`${error?.name}: ${error?.message}`.slice(0, 300));
    answer(to, 403, "refused");
  }
}

const server = keys ? createTlsServer({ key: key("tls.key"), cert: key("tls.crt") }, serve) : createServer(serve);
server.listen(Number(port), "127.0.0.1");
