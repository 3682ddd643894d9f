// xml-crypto verifies signatures and knows nothing of SAML: the application does the rest.
export function makeValidator(world) {
  const { SignedXml } = world.require("xml-crypto");
  const { DOMParser } = world.require("@xmldom/xmldom");
  const xpath = world.require("xpath");
  const element = (name) => `*[local-name(.)='${name}']`;
  return async (field, request) => {
    const xml = Buffer.from(field, "base64").toString();
    const document = new DOMParser().parseFromString(xml, "text/xml");
    const assertions = xpath.select(`//${element("Assertion")}`, document);
    const [signature] = xpath.select(`/${element("Response")}/${element("Assertion")}/${element("Signature")}`, document);
    if (assertions.length !== 1 || !signature) throw new Error("expected one signed assertion");
    const verifier = new SignedXml({ publicCert: world.pem });
    verifier.loadSignature(signature);
    if (!verifier.checkSignature(xml)) throw new Error("the signature does not verify");
    const [assertion] = assertions;
    const uri = xpath.select1(`string(.//${element("Reference")}/@URI)`, signature);
    if (uri !== `#${assertion.getAttribute("ID")}`) throw new Error("the signature is of another element");
    const read = (path) => xpath.select1(`string(${path})`, assertion);
    const confirmed = `./${element("Subject")}/${element("SubjectConfirmation")}/${element("SubjectConfirmationData")}`;
    if (read(`${confirmed}/@InResponseTo`) !== request) throw new Error("it answers another request");
    return read(`./${element("Subject")}/${element("NameID")}`);
  };
}
