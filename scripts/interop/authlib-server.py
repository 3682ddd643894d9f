"""An authorization server made with Authlib. Its clients authenticate by the JWTs of another issuer
(workload identity federation). It contains only what the package leaves to its user: the clients, the
key of that issuer, and which JWTs were used before.

Arguments: port, audience of access tokens, audience of another API, file with the public key (JWK) of
the other issuer, that issuer, the subject of its JWTs."""

import json
import logging
import sys

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, jsonify
from joserfc import jwk, jwt
from joserfc.errors import JoseError

PORT, AUDIENCE, OTHER, KEY_FILE, FEDERATED_ISSUER, SUBJECT = sys.argv[1:7]
ISSUER = f"http://127.0.0.1:{PORT}"
TOKEN_URL = f"{ISSUER}/token"
# The log has the reason of each refusal.
logging.basicConfig(level=logging.DEBUG)
app = Flask(__name__)
own_key = jwk.generate_key("EC", "P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
trusted_key = jwk.import_key(json.load(open(KEY_FILE)))


class Client(ClientMixin):
    def __init__(self, name):
        self.name = name

    def get_client_id(self):
        return self.name

    def get_allowed_scope(self, scope):
        return " ".join(one for one in (scope or "scim").split() if one == "scim")

    def check_endpoint_auth_method(self, method, endpoint):
        return method == Federation.CLIENT_AUTH_METHOD

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


# The tokens of `expired` ended an hour ago, those of `other` are for another API.
CLIENTS = {name: Client(name) for name in ("federated", "expired", "other")}


class Federation(JWTBearerClientAssertion):
    """Authlib wants the client's ID as issuer and subject; here they are those of the other issuer, and
    the parameter client_id names the client."""

    CLIENT_AUTH_METHOD = "private_key_jwt"
    used = set()

    def __call__(self, query_client, request):
        form = request.form
        if form.get("client_assertion_type") != self.CLIENT_ASSERTION_TYPE:
            return None
        client = query_client(form.get("client_id"))
        if not client:
            raise InvalidClientError(description="The client does not exist on this server.")
        request.client = client
        self.process_assertion_claims(form.get("client_assertion", ""), trusted_key)
        return self.authenticate_client(client)

    def verify_claims(self, claims):
        registry = jwt.JWTClaimsRegistry(
            leeway=self.leeway,
            iss={"essential": True, "value": FEDERATED_ISSUER},
            sub={"essential": True, "value": SUBJECT},
            aud={"essential": True, "values": [TOKEN_URL, ISSUER]},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            logging.debug("Assertion Error: %r", error)
            raise InvalidClientError(description=error.description) from error
        jti = claims.get("jti")
        if jti is None or jti in self.used:
            raise InvalidClientError(description="The JWT ID is missing or was used before.")
        self.used.add(jti)


class Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [Federation.CLIENT_AUTH_METHOD]


class Tokens(JWTBearerTokenGenerator):
    def get_jwks(self):
        return own_key

    def get_audiences(self, client, user, scope):
        return OTHER if client.name == "other" else AUDIENCE


def seconds(client, grant_type):
    return -3600 if client.name == "expired" else 600


server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=lambda token, request: None)
server.register_client_auth_method(Federation.CLIENT_AUTH_METHOD, Federation())
server.register_grant(Grant)
server.register_token_generator("client_credentials", Tokens(ISSUER, alg="ES256", expires_generator=seconds))


@app.post("/token")
def token():
    answer = server.create_token_response()
    if answer.status_code >= 400:
        logging.info("refused: %s", answer.get_data(as_text=True))
    return answer


@app.get("/jwks")
def jwks():
    return jsonify({"keys": [own_key.as_dict(private=False)]})


@app.get("/.well-known/oauth-authorization-server")
def metadata():
    return jsonify({
        "issuer": ISSUER,
        "token_endpoint": TOKEN_URL,
        "jwks_uri": f"{ISSUER}/jwks",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["scim"],
    })


app.run(host="127.0.0.1", port=int(PORT))
