// Better Auth with its SSO plugin as a service provider: PORT IDP-METADATA.
//
// As its documentation says, in "SAML configuration", "SAML security" (InResponseTo, timestamps and
// algorithms; unsolicited Responses are refused) and the plugin's options for single logout. Everything is in
// memory. With OWN_METADATA, its metadata is not that of the plugin but `spMetadata.metadata`, with a
// certificate and with single logout by HTTP-POST only.
//
// HTTPS, because Better Auth then sets Secure cookies. Keys and certificates are in the folder SP_KEYS.
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// The packages are installed apart from this folder.
const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { betterAuth } = await load("better-auth");
const { memoryAdapter } = await load("better-auth/adapters/memory");
const { toNodeHandler } = await load("better-auth/node");
const { sso } = await load("@better-auth/sso");

const [port, idp] = process.argv.slice(2);
const base = `https://127.0.0.1:${port}`;
const plugin = `${base}/api/auth/sso/saml2`;
const key = (name) => readFileSync(join(process.env.SP_KEYS, name), "utf8");
// Its library refuses to sign requests unless the identity provider's metadata wants it.
const metadata = readFileSync(idp, "utf8").replace("<md:IDPSSODescriptor", '$& WantAuthnRequestsSigned="true"');
const certificate = key("sp.crt").replace(/-----[A-Z ]+-----|\s/g, "");
const issuer = `${base}/metadata`;
const ownMetadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${issuer}">
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" AuthnRequestsSigned="true" WantAssertionsSigned="true">
    <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
    <SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${plugin}/sp/slo/idp"/>
    <NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>
    <AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${plugin}/sp/acs/idp"/>
  </SPSSODescriptor>
</EntityDescriptor>`;

const auth = betterAuth({
  baseURL: base,
  secret: "interop-interop-interop-interop-interop",
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], ssoProvider: [] }),
  rateLimit: { enabled: false },
  plugins: [sso({
    saml: {
      enableInResponseToValidation: true,
      allowIdpInitiated: false,
      requireTimestamps: true,
      clockSkew: 60_000,
      algorithms: { onDeprecated: "reject" },
      enableSingleLogout: true,
      wantLogoutRequestSigned: true,
      wantLogoutResponseSigned: true,
    },
    defaultSSO: [{
      providerId: "idp",
      domain: "corp.example",
      samlConfig: {
        issuer,
        entryPoint: metadata.match(/HTTP-Redirect" Location="([^"]+\/sso)"/)[1],
        callbackUrl: `${base}/whoami`,
        wantAssertionsSigned: true,
        authnRequestsSigned: true,
        idpMetadata: { metadata },
        spMetadata: { privateKey: key("sp.key"), ...(process.env.OWN_METADATA && { metadata: ownMetadata }) },
        identifierFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        mapping: { id: "nameID", email: "email", name: "displayName", firstName: "firstName", lastName: "lastName" },
      },
    }],
  })],
});
const handle = toNodeHandler(auth);

// call PATH BODY — what a page of the application does with its client: a POST with JSON.
const call = (request, path, body) => auth.handler(new Request(base + path, {
  method: "POST",
  headers: { "Content-Type": "application/json", Origin: base, Cookie: request.headers.cookie ?? "" },
  body: JSON.stringify(body),
}));
const redirect = (to, answer, location) => {
  for (const cookie of answer.headers.getSetCookie()) to.appendHeader("Set-Cookie", cookie);
  to.writeHead(location ? 303 : answer.status, location ? { Location: location } : {}).end();
};

createServer({ key: key("tls.key"), cert: key("tls.crt") }, async (request, to) => {
  const { pathname } = new URL(request.url, base);
  try {
    if (pathname.startsWith("/api/auth/")) return await handle(request, to);
    if (pathname === "/") return to.end("a public page");
    if (pathname === "/login") {
      const answer = await call(request, "/api/auth/sign-in/sso", { providerId: "idp", callbackURL: "/whoami" });
      return redirect(to, answer, (await answer.json()).url);
    }
    if (pathname === "/logout") {
      const answer = await call(request, "/api/auth/sso/saml2/logout/idp", { callbackURL: "/" });
      return redirect(to, answer, answer.headers.get("Location"));
    }
    if (pathname === "/whoami") {
      const session = await auth.api.getSession({ headers: new Headers({ Cookie: request.headers.cookie ?? "" }) });
      to.writeHead(session ? 200 : 401, { "Content-Type": "text/plain; charset=utf-8" });
      return to.end(session ? `user=${session.user.email};` : "nobody is logged in");
    }
    to.writeHead(404).end("not found");
  } catch (error) {
    console.error(error);
    to.writeHead(500).end("error");
  }
}).listen(Number(port), "127.0.0.1");
