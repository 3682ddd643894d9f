// saml2-js.
export function makeValidator(world) {
  const saml2 = world.require("saml2-js");
  const sp = new saml2.ServiceProvider({
    entity_id: world.issuer,
    assert_endpoint: world.acs,
    allow_unencrypted_assertion: true,
    private_key: "",
    certificate: "",
    audience: world.issuer,
  });
  const idp = new saml2.IdentityProvider({
    sso_login_url: world.sso,
    certificates: [world.pem],
    allow_unencrypted_assertion: true,
  });
  return (field, request) =>
    new Promise((resolve, reject) =>
      sp.post_assert(idp, { request_body: { SAMLResponse: field } }, (error, response) => {
        if (error) return reject(error);
        const answered = response.response_header.in_response_to;
        if (answered !== request) return reject(new Error(`it answers ${answered}, expected ${request}`));
        resolve(response.user.name_id);
      }),
    );
}
