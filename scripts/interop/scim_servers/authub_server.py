"""The SCIM server of authub with its stores in memory: authub_server.py PORT TOKEN"""

import sys

import uvicorn
from authub.scim import ScimServer, StaticTokenAuthenticator
from fastapi import FastAPI

port, token = sys.argv[1:]
app = FastAPI()
ScimServer(authenticator=StaticTokenAuthenticator({token: "interop"})).attach(app)
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
