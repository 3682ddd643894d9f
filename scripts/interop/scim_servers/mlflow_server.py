"""The SCIM endpoints of mlflow-oidc-auth with SQLite: mlflow_server.py PORT TOKEN_FILE

The package makes the token itself; it is written into TOKEN_FILE."""

import os
import pathlib
import sys
import tempfile

port, token_file = sys.argv[1:]
token_file = pathlib.Path(token_file).resolve()
folder = tempfile.mkdtemp()
os.chdir(folder)
os.environ.setdefault("SECRET_KEY", "interop")
os.environ.setdefault("SCIM_RATE_LIMIT_PER_MINUTE", "0")
os.environ.setdefault("OIDC_USERS_DB_URI", f"sqlite:///{folder}/auth.db")

import uvicorn  # noqa: E402 (the settings come first)
from fastapi import FastAPI  # noqa: E402
from mlflow_oidc_auth.routers.scim import scim_router  # noqa: E402
from mlflow_oidc_auth.store import store  # noqa: E402

app = FastAPI()
app.include_router(scim_router)
token_file.write_text(store.create_scim_token("interop", created_by=None)[1])
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
