// passport-saml 1 to 3 and @node-saml/node-saml 4 and 5.
import { existsSync } from "node:fs";
import { join } from "node:path";

function load(world) {
  const candidates = [
    "@node-saml/node-saml",
    "passport-saml/lib/node-saml",
    "passport-saml/lib/passport-saml/saml",
  ];
  const found = candidates.find((name) => ["", ".js", "/package.json", "/index.js"].some((end) => existsSync(join(world.folder, "node_modules", name + end))));
  const { SAML } = world.require(found);
  return new SAML({
    issuer: world.issuer,
    audience: world.issuer,
    callbackUrl: world.acs,
    entryPoint: world.sso,
    idpIssuer: world.idp,
    cert: world.certificate,
    idpCert: world.certificate,
    // The default of version 3: the signature of the Response or of the assertion.
    wantAssertionsSigned: false,
    wantAuthnResponseSigned: false,
    // The web application checks InResponseTo.
    validateInResponseTo: found.startsWith("@") ? "never" : false,
    logoutUrl: world.idp,
  });
}

export function makeValidator(world) {
  const saml = load(world);
  const validate = saml.validatePostResponseAsync
    ? (field) => saml.validatePostResponseAsync({ SAMLResponse: field }).then(({ profile }) => profile)
    : (field) => new Promise((resolve, reject) => saml.validatePostResponse({ SAMLResponse: field }, (error, profile) => (error ? reject(error) : resolve(profile))));
  return async (field) => (await validate(field))?.nameID;
}

// Single logout by HTTP-POST, in versions that return promises: returns the name of the user and
// the URL of the answer.
export function makeLogout(world) {
  const saml = load(world);
  if (!saml.validatePostRequestAsync) return undefined;
  return async (field, relayState) => {
    const { profile, loggedOut } = await saml.validatePostRequestAsync({ SAMLRequest: field });
    if (!loggedOut) throw new Error("the library ends no session");
    const location = await saml.getLogoutResponseUrlAsync(profile, relayState ?? "", {}, true);
    return { nameID: profile.nameID, location };
  };
}
