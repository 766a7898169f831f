"""The client of the remote platform: the only package that speaks HTTP.

Import the module you need: `errors` is cheap and loads no HTTP library, `client` loads everything.
"""
