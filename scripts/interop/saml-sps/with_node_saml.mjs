// @node-saml/node-saml logs in through the mock IdP.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

// The packages are installed apart from this folder.
const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const { SAML, ValidateInResponseTo } = require("@node-saml/node-saml");
const here = dirname(fileURLToPath(import.meta.url));
const idp = (...words) =>
  execFileSync("python3", [join(here, "idp.py"), ...words], { encoding: "utf8" }).trim();

const [signed, kind] = process.argv.slice(2);
const entity = `https://node-saml.example/${signed}/${kind}`;
const acs = `${entity}/acs`;
const metadata = await (await fetch(idp("application", entity, acs, signed, kind))).text();
const read = (pattern) => metadata.match(pattern)[1];

const saml = new SAML({
  issuer: entity,
  audience: entity,
  callbackUrl: acs,
  entryPoint: read(/HTTP-Redirect" Location="([^"]+\/sso)"/),
  idpIssuer: read(/entityID="([^"]+)"/),
  idpCert: read(/X509Certificate>([^<]+)</),
  wantAssertionsSigned: signed !== "response",
  wantAuthnResponseSigned: signed !== "assertion",
  validateInResponseTo: ValidateInResponseTo.always,
  identifierFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
});

const form = JSON.parse(idp("sign-on", await saml.getAuthorizeUrlAsync("where-i-was", undefined, {})));
const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: form.SAMLResponse });

const demand = (name, wanted, came) => {
  if (JSON.stringify(wanted) !== JSON.stringify(came)) {
    console.error(`${name}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(came)}`);
    process.exit(1);
  }
};
demand("RelayState", "where-i-was", form.RelayState);
demand("NameID", "ada@example.com", profile.nameID);
demand("email", "ada@example.com", profile.attributes.email);
demand("name", "Ada Lovelace", profile.attributes.name);
demand("groups", ["Admins", "Users"], profile.attributes.groups);
