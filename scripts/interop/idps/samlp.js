// An identity provider around the npm package samlp, set up as its README
// says: a user, a login form, the guide's attributes. Arguments: port, folder
// with idp.key and idp.crt, the service provider's assertion consumer service.
'use strict';
const fs = require('fs');
const path = require('path');
const [port, folder, acs] = process.argv.slice(2);
const load = (name) => require(require.resolve(name, { paths: [process.cwd()] }));
const express = load('express');
const session = load('express-session');
const samlp = load('samlp');

const base = `http://127.0.0.1:${port}`;
const key = fs.readFileSync(path.join(folder, 'idp.key'));
const cert = fs.readFileSync(path.join(folder, 'idp.crt'));
const user = { name: 'grace@lumen.example', password: 'Corp-2-maple-lantern' };

class Mapper {
  getClaims() {
    return {
      name: user.name,
      displayname: 'Grace Hopper',
      objectidentifier: '7d3c1f0e-2b4a-4c6d-8e9f-0a1b2c3d4e5f',
      groups: ['11111111-2222-4333-8444-555555555555', '66666666-7777-4888-9999-000000000000'],
    };
  }
  getNameIdentifier() {
    return { nameIdentifier: user.name, nameIdentifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress' };
  }
}
Mapper.prototype.metadata = [];
const profileMapper = () => new Mapper();
profileMapper.prototype = { metadata: [] };

const app = express();
app.use(express.urlencoded({ extended: false, limit: '4mb' }));
app.use(session({ secret: 'interop', resave: false, saveUninitialized: true }));

const answer = samlp.auth({
  issuer: `${base}/metadata`, key, cert, profileMapper,
  getPostURL: (audience, request, req, callback) => callback(null, acs),
  getUserFromRequest: (req) => req.session.user,
});
const escaped = (text) => String(text).replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);
const login = (req, res) => {
  const carried = { ...req.query, ...req.body };
  const fields = ['SAMLRequest', 'RelayState', 'SigAlg', 'Signature']
    .filter((name) => carried[name])
    .map((name) => `<input type="hidden" name="${name}" value="${escaped(carried[name])}">`);
  res.send(`<!DOCTYPE html><title>Sign on</title><form method="post" action="/login">${fields.join('')}
    <input type="hidden" name="how" value="${req.method}">
    <input name="username"><input name="password" type="password"><button>Sign on</button></form>`);
};
const sso = (req, res, next) => (req.session.user ? answer(req, res, next) : login(req, res));
app.get('/sso', sso);
app.post('/sso', sso);
app.post('/login', (req, res, next) => {
  if (req.body.username !== user.name || req.body.password !== user.password) {
    res.status(401).send('<!DOCTYPE html><title>Sign on</title><p>User name or password is wrong.</p>');
    return;
  }
  req.session.user = { id: user.name };
  if (req.body.how === 'GET') {
    req.query = { SAMLRequest: req.body.SAMLRequest, RelayState: req.body.RelayState, SigAlg: req.body.SigAlg, Signature: req.body.Signature };
    req.body = {};
    req.method = 'GET';
  }
  answer(req, res, next);
});
app.get('/metadata', samlp.metadata({
  issuer: `${base}/metadata`, cert, profileMapper,
  redirectEndpointPath: '/sso', postEndpointPath: '/sso',
}));
app.listen(Number(port), '127.0.0.1', () => console.log('ready'));
