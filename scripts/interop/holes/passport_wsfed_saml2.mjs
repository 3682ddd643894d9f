// passport-wsfed-saml2, its SAML 2.0 part.
export function makeValidator(world) {
  const name = "passport-wsfed-saml2/lib/passport-wsfed-saml2";
  const { SAML } = world.require(`${name}/saml`);
  const Samlp = world.require(`${name}/samlp`);
  const saml = new SAML({ cert: world.certificate, realm: world.issuer, checkAudience: true, checkExpiration: true, recipientUrl: world.acs });
  const samlp = new Samlp({ cert: world.certificate, realm: world.issuer, destinationUrl: world.acs }, saml);
  return (field, request) =>
    new Promise((resolve, reject) => {
      const xml = Buffer.from(field, "base64").toString();
      if (!xml.includes(`InResponseTo="${request}"`)) return reject(new Error(`the Response does not answer ${request}`));
      samlp.validateSamlResponse(xml, (error, profile) =>
        error ? reject(error) : resolve(profile["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"]),
      );
    });
}
