// A service provider around one SAML library of npm, in a version to be judged:
// LIBRARY PORT IDP-METADATA. The web application makes the AuthnRequest, binds it to the
// browser and checks InResponseTo; the library does everything else.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";

const [library, port, idp] = process.argv.slice(2);
const folder = process.env.NODE_PACKAGES;
const require = createRequire(join(folder, "package.json"));
const base = `http://127.0.0.1:${port}`;
const read = (pattern) => readFileSync(idp, "utf8").match(pattern)[1];
const world = {
  require,
  folder,
  issuer: `${base}/metadata`,
  acs: `${base}/acs`,
  sso: read(/HTTP-Redirect" Location="([^"]+\/sso)"/),
  idp: read(/entityID="([^"]+)"/),
  certificate: read(/X509Certificate>([^<]+)</).replace(/\s/g, ""),
  idpMetadata: readFileSync(idp, "utf8"),
};
world.pem = `-----BEGIN CERTIFICATE-----\n${world.certificate.match(/.{1,64}/g).join("\n")}\n-----END CERTIFICATE-----\n`;
const { makeValidator, makeLogout } = await import(`./${library}.mjs`);
const endSession = await makeLogout?.(world);
// The metadata contains the endpoint only if the library has the function.
const logout = endSession ? `<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${base}/slo"/>` : "";
world.metadata = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${world.issuer}"><md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${logout}<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat><md:AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${world.acs}"/></md:SPSSODescriptor></md:EntityDescriptor>`;

const validate = await makeValidator(world);

function authnRequest(id) {
  const xml = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" Version="2.0" IssueInstant="${new Date().toISOString()}" Destination="${world.sso}" AssertionConsumerServiceURL="${world.acs}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>${world.issuer}</saml:Issuer></samlp:AuthnRequest>`;
  const to = new URL(world.sso);
  to.searchParams.set("SAMLRequest", deflateRawSync(xml).toString("base64"));
  return to.href;
}

const sessions = new Map();
const answer = (to, status, text, headers = {}) => {
  to.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  to.end(text);
};
// A library that fails in a callback must not end the server.
process.on("uncaughtException", (error) => console.error(error));
process.on("unhandledRejection", (error) => console.error(error));
createServer(async (request, to) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const path = new URL(request.url, base).pathname;
  const cookie = /session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
  const session = sessions.get(cookie);
  const open = (content) => {
    const name = randomBytes(16).toString("hex");
    sessions.set(name, content);
    return { "Set-Cookie": `session=${name}; Path=/; HttpOnly` };
  };
  try {
    if (path === "/metadata") return answer(to, 200, world.metadata, { "Content-Type": "application/samlmetadata+xml" });
    if (path === "/login") {
      const id = `_${randomBytes(16).toString("hex")}`;
      return answer(to, 302, "", { Location: authnRequest(id), ...open({ request: id }) });
    }
    if (path === "/whoami") return session?.user ? answer(to, 200, `user=${session.user};`) : answer(to, 401, "nobody is logged in");
    if (path === "/acs" && request.method === "POST") {
      if (!session?.request) throw new Error("this browser has no login under way");
      sessions.delete(cookie);
      const field = form.get("SAMLResponse");
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("the library gives no answer")), 10_000).unref());
      const user = await Promise.race([validate(field, session.request), late]);
      if (!user) throw new Error("the library returns no user");
      return answer(to, 303, "", { Location: "/whoami", ...open({ user }) });
    }
    if (path === "/slo" && endSession && request.method === "POST") {
      const { nameID, location } = await endSession(form.get("SAMLRequest"), form.get("RelayState"));
      // The session of this browser ends if the message names its user.
      if (session?.user === nameID) sessions.delete(cookie);
      return answer(to, 303, "", { Location: location });
    }
    answer(to, 404, "not found");
  } catch (error) {
    answer(to, 403, `${error?.name}: ${error?.message ?? error}`.slice(0, 2000));
  }
}).listen(Number(port), "127.0.0.1");
