// An identity provider around the npm package samlify, set up as its guide
// says: signed requests only, the template of its example, a login form, single
// logout. Arguments: port, folder with idp.key and idp.crt, the service
// provider's metadata file.
'use strict';
const fs = require('fs');
const path = require('path');
const [port, folder, spFile] = process.argv.slice(2);
const load = (name) => require(require.resolve(name, { paths: [process.cwd()] }));
const express = load('express');
const session = load('express-session');
const samlify = load('samlify');
samlify.setSchemaValidator(load('@authenio/samlify-node-xmllint'));

const base = `http://127.0.0.1:${port}`;
const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
const person = { name: 'grace@lumen.example', password: 'Corp-2-maple-lantern', displayname: 'Grace Hopper',
  objectidentifier: '7d3c1f0e-2b4a-4c6d-8e9f-0a1b2c3d4e5f', groups: '11111111-2222-4333-8444-555555555555' };
const { redirect, post } = samlify.Constants.namespace.binding;
const attributes = ['name', 'displayname', 'objectidentifier', 'groups'].map((name) => ({
  name, valueTag: name, nameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic', valueXsiType: 'xs:string' }));
const context = samlify.SamlLib.defaultLoginResponseTemplate.context.replace('{AuthnStatement}',
  '<saml:AuthnStatement AuthnInstant="{AuthnInstant}" SessionIndex="{SessionIndex}"><saml:AuthnContext>'
  + '<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>'
  + '</saml:AuthnContext></saml:AuthnStatement>');
const idp = samlify.IdentityProvider({
  entityID: `${base}/metadata`, signingCert: read('idp.crt'), privateKey: read('idp.key'),
  wantAuthnRequestsSigned: true, wantLogoutRequestSigned: true,
  nameIDFormat: ['urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'],
  singleSignOnService: [redirect, post].map((Binding) => ({ Binding, Location: `${base}/sso` })),
  singleLogoutService: [redirect, post].map((Binding) => ({ Binding, Location: `${base}/slo` })),
  loginResponseTemplate: { context, attributes },
});
const sp = samlify.ServiceProvider({ metadata: fs.readFileSync(spFile) });

const app = express();
app.use(express.urlencoded({ extended: false, limit: '4mb' }));
app.use(session({ secret: 'interop', resave: false, saveUninitialized: false }));
const escaped = (text) => String(text).replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);

// The bytes that the signature of the HTTP-Redirect binding covers.
const octets = (url) => {
  const raw = Object.fromEntries((url.split('?')[1] || '').split('&').map((it) => [it.split('=')[0], it]));
  return ['SAMLRequest', 'RelayState', 'SigAlg'].filter((name) => raw[name]).map((name) => raw[name]).join('&');
};
const envelope = (how, url, body) => (how === 'GET'
  ? { query: Object.fromEntries(new URL(url, base).searchParams), octetString: octets(url) } : { body });
const binding = (how) => (how === 'GET' ? 'redirect' : 'post');

const form = (to, name, value, state) => `<!DOCTYPE html><title>Continue</title><body onload="document.forms[0].submit()">
  <form method="post" action="${escaped(to)}"><input type="hidden" name="${name}" value="${value}">
  ${state ? `<input type="hidden" name="RelayState" value="${escaped(state)}">` : ''}<button>Continue</button></form>`;
const refused = (res, error) => res.status(400).send(`<!DOCTYPE html><title>Refused</title><p>${escaped(error.message || error)}</p>`);

// replaced - fills in the template, as in the example of the guide.
const replaced = (request, signedOn) => (template) => {
  const now = new Date();
  const later = new Date(now.getTime() + 300000).toISOString();
  const acs = sp.entityMeta.getAssertionConsumerService('post');
  const id = idp.entitySetting.generateID();
  const values = {
    ID: id, AssertionID: idp.entitySetting.generateID(), Destination: acs, SubjectRecipient: acs,
    Audience: sp.entityMeta.getEntityID(), Issuer: idp.entityMeta.getEntityID(), IssueInstant: now.toISOString(),
    ConditionsNotBefore: now.toISOString(), ConditionsNotOnOrAfter: later, SubjectConfirmationDataNotOnOrAfter: later,
    NameIDFormat: idp.entitySetting.nameIDFormat, NameID: person.name, InResponseTo: request.extract.request.id,
    StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success', AuthnInstant: signedOn.at, SessionIndex: signedOn.index,
  };
  for (const { valueTag } of attributes) values[`attr${valueTag[0].toUpperCase()}${valueTag.slice(1)}`] = person[valueTag];
  return { id, context: samlify.SamlLib.replaceTagsByValue(template, values) };
};

const answer = async (res, request, state, signedOn) => {
  const made = await idp.createLoginResponse(sp, request, 'post', { email: person.name },
    { relayState: state, customTagReplacement: replaced(request, signedOn) });
  res.send(form(made.entityEndpoint, 'SAMLResponse', made.context, state));
};

const sso = async (req, res) => {
  try {
    const how = req.method;
    const request = await idp.parseLoginRequest(sp, binding(how), envelope(how, req.originalUrl, req.body));
    const state = how === 'GET' ? req.query.RelayState : req.body.RelayState;
    if (req.session.signedOn) return await answer(res, request, state, req.session.signedOn);
    req.session.pending = { request, state };
    return res.send(`<!DOCTYPE html><title>Sign on</title><form method="post" action="/login">
      <input name="username"><input name="password" type="password"><button>Sign on</button></form>`);
  } catch (error) { return refused(res, error); }
};
app.get('/sso', sso);
app.post('/sso', sso);
app.post('/login', async (req, res) => {
  try {
    if (req.body.username !== person.name || req.body.password !== person.password) {
      return res.status(401).send('<!DOCTYPE html><title>Sign on</title><p>User name or password is wrong.</p>');
    }
    if (!req.session.pending) return res.redirect('/');
    req.session.signedOn = { at: new Date().toISOString(), index: idp.entitySetting.generateID() };
    const { request, state } = req.session.pending;
    delete req.session.pending;
    return await answer(res, request, state, req.session.signedOn);
  } catch (error) { return refused(res, error); }
});
const slo = async (req, res) => {
  try {
    const how = req.method;
    const request = await idp.parseLogoutRequest(sp, binding(how), envelope(how, req.originalUrl, req.body));
    const state = how === 'GET' ? req.query.RelayState : req.body.RelayState;
    const { signedOn } = req.session;
    if (signedOn && request.extract.nameID === person.name) delete req.session.signedOn;
    const made = idp.createLogoutResponse(sp, request, binding(how), state || '');
    if (how === 'GET') return res.redirect(made.context);
    return res.send(form(made.entityEndpoint, 'SAMLResponse', made.context, state));
  } catch (error) { return refused(res, error); }
};
app.get('/slo', slo);
app.post('/slo', slo);
app.get('/metadata', (req, res) => res.type('application/samlmetadata+xml').send(idp.getMetadata()));
app.listen(Number(port), '127.0.0.1', () => console.log('ready'));
