// @boxyhq/saml20.
export function makeValidator(world) {
  const saml20 = world.require("@boxyhq/saml20").default;
  return async (field, request) => {
    const xml = Buffer.from(field, "base64").toString();
    const profile = await saml20.validate(xml, { publicKey: world.certificate, audience: world.issuer, inResponseTo: request });
    return profile.claims["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"];
  };
}
