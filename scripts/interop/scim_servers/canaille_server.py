"""Canaille with its storage in memory and one access token: canaille_server.py PORT TOKEN"""

import datetime
import sys

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from werkzeug.serving import make_server

port, token = sys.argv[1:]
app = create_app(
    {
        "SECRET_KEY": "interop",
        "SERVER_NAME": f"127.0.0.1:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE_SCIM": {"ENABLE_SERVER": True},
        "CANAILLE_OIDC": {},
    },
    backend=None,
)
with app.app_context():
    client = models.Client(
        client_id="interop", client_name="interop", client_secret="interop", scope=["openid"]
    )
    Backend.instance.save(client)
    Backend.instance.save(
        models.Token(
            token_id="interop",
            access_token=token,
            client=client,
            subject=None,
            type="access_token",
            refresh_token=f"refresh-{token}",
            scope=["openid"],
            issue_date=datetime.datetime.now(datetime.timezone.utc),
            lifetime=86400,
            audience=[client],
        )
    )
make_server("127.0.0.1", int(port), app, threaded=True).serve_forever()
