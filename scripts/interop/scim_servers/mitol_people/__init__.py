"""The user model of mitol_server.py."""
