// samlify. Its manual demands a schema validator; without one it refuses to work.
export function makeValidator(world) {
  const samlify = world.require("samlify");
  // Versions before 2.5 validate nothing by a schema.
  samlify.setSchemaValidator?.({ validate: async () => "no schema is looked at" });
  const sp = samlify.ServiceProvider({ metadata: world.metadata });
  const idp = samlify.IdentityProvider({ metadata: world.idpMetadata });
  return async (field, request) => {
    const { extract } = await sp.parseLoginResponse(idp, "post", { body: { SAMLResponse: field } });
    const answered = extract.response?.inResponseTo ?? extract.response?.inresponseto;
    if (answered && answered !== request) throw new Error(`it answers ${answered}, expected ${request}`);
    return extract.nameID ?? extract.nameid;
  };
}
