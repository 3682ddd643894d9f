// @node-saml/node-saml as a service provider: PORT IDP-METADATA.
// It signs with sp.key of the folder SP_KEYS.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are installed apart from this folder.
const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const { SAML, ValidateInResponseTo } = require("@node-saml/node-saml");

const [port, idp] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const metadata = readFileSync(idp, "utf8");
const read = (pattern) => metadata.match(pattern)?.[1];
// Without keys, its requests are not signed.
const keys = process.env.SP_KEYS;
const privateKey = keys && readFileSync(join(keys, "sp.key"), "utf8");
const certificate = keys && readFileSync(join(keys, "sp.crt"), "utf8");
const saml = new SAML({
  privateKey,
  publicCert: certificate,
  signatureAlgorithm: "sha256",
  issuer: `${base}/metadata`,
  audience: `${base}/metadata`,
  callbackUrl: `${base}/acs`,
  entryPoint: read(/HTTP-Redirect" Location="([^"]+\/sso)"/),
  logoutUrl: read(/HTTP-Redirect" Location="([^"]+\/slo)"/),
  logoutCallbackUrl: `${base}/slo`,
  idpIssuer: read(/entityID="([^"]+)"/),
  idpCert: read(/X509Certificate>([^<]+)</),
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: false,
  validateInResponseTo: ValidateInResponseTo.always,
  identifierFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
});

const sessions = new Map();
const answer = (to, status, text, headers = {}) => {
  to.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  to.end(text);
};
createServer(async (request, to) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const path = new URL(request.url, base).pathname;
  try {
    if (path === "/metadata") {
      const text = saml.generateServiceProviderMetadata(null, certificate);
      return answer(to, 200, text, { "Content-Type": "application/samlmetadata+xml" });
    }
    if (path === "/login") {
      return answer(to, 302, "", { Location: await saml.getAuthorizeUrlAsync("", undefined, {}) });
    }
    if (path === "/whoami") {
      const cookie = /session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
      const user = sessions.get(cookie)?.nameID;
      return user ? answer(to, 200, `user=${user};`) : answer(to, 401, "nobody is logged in");
    }
    if (path === "/logout") {
      const profile = sessions.get(/session=(\w+)/.exec(request.headers.cookie ?? "")?.[1]);
      if (!profile) return answer(to, 302, "", { Location: "/whoami" });
      return answer(to, 302, "", { Location: await saml.getLogoutUrlAsync(profile, "", {}) });
    }
    if (path === "/slo") {
      // Its metadata offers HTTP-POST.
      const isPost = request.method === "POST";
      const { search, searchParams } = new URL(request.url, base);
      const fields = Object.fromEntries(isPost ? form : searchParams);
      const isAnswer = "SAMLResponse" in fields;
      const { profile, loggedOut } = isPost
        ? await (isAnswer ? saml.validatePostResponseAsync(fields) : saml.validatePostRequestAsync(fields))
        : await saml.validateRedirectAsync(fields, search.slice(1));
      if (!loggedOut) throw new Error("the library says nobody is logged out");
      sessions.delete(/session=(\w+)/.exec(request.headers.cookie ?? "")?.[1]);
      if (!profile) return answer(to, 302, "", { Location: "/whoami" });
      const location = await saml.getLogoutResponseUrlAsync(profile, fields.RelayState ?? "", {}, true);
      return answer(to, 302, "", { Location: location });
    }
    if (path === "/acs" && request.method === "POST") {
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: form.get("SAMLResponse") });
      if (!profile) throw new Error("the library returns no profile");
      const session = randomBytes(16).toString("hex");
      sessions.set(session, profile);
      return answer(to, 303, "", { Location: "/whoami", "Set-Cookie": `session=${session}; Path=/; HttpOnly` });
    }
    answer(to, 404, "not found");
  } catch (error) {
    answer(to, 403, `${error.name}: ${error.message}`.slice(0, 2000));
  }
}).listen(Number(port), "127.0.0.1");
