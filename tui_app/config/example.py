"""Owns the commented example, which `aepx config init` writes and config.example.toml repeats."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tui_app.config.faults import ConfigError, shown
from tui_app.config.settings import Connection, Settings

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE = """\
# Configuration of aepx. Nothing here is in force until a line is uncommented: text starts with "# ",
# a setting with "#" alone, and the values shown are the defaults unless they name an example.
#
# Order: defaults < this file < environment (AEPX_...) < flags.  See the result with: aepx config show
# Check it with: aepx config check

# The connection used when neither --connection nor AEPX_CONNECTION names one.
#default_connection = "acme"

# Refuse everything that changes the platform.
#read_only = {read_only}

# DEBUG, INFO, WARNING or ERROR. The log is a file; nothing is printed.
#log_level = "{log_level}"

# One place for history and log, instead of the platform's directories. Relative paths start at this file.
#data_dir = "~/aepx"

# A connection: one organization and how to sign in. The values are on the credentials page of your project
# in the Adobe Developer Console (OAuth server-to-server).
#[connections.acme]
#org_id = "0123456789ABCDEF01234567@AdobeOrg"
#client_id = "0123456789abcdef0123456789abcdef"

# The client secret, from one of these; the first that is given wins, AEPX_CLIENT_SECRET before all of them.
# A variable that holds it:
#client_secret_env = "AEP_ACME_SECRET"
# A command that prints it on its first line; a list of words, no shell; 30 s at most:
#client_secret_command = ["pass", "show", "aep/acme"]
# The system's keyring (pip install 'aepx[keyring]'); store it with: keyring set aepx-acme CLIENT_ID
#client_secret_keyring = "aepx-acme"
# A file of your own with mode 0600:
#client_secret_file = "acme.secret"
# Or an access token made elsewhere, used as it is while it lasts; the variable that holds it:
#access_token_env = "AEP_ACME_TOKEN"

# The sandbox to work in. There is no default: without it, give --sandbox or AEPX_SANDBOX.
#sandbox = "prod"

#scopes = "{scopes}"
#base_url = "{base_url}"
#ims_url = "{ims_url}"
#token_path = "{token_path}"

# More certificates to trust, beside the system's (a company proxy):
#ca_bundle = "company-ca.pem"

# What may be done in a sandbox: "open", "protected" (destructive or costly actions ask for its name) or
# "read-only". A production sandbox is protected unless it says otherwise here.
#[connections.acme.sandboxes.prod]
#policy = "protected"

# How often the platform is asked, in seconds, and how much slower when nothing runs or nobody looks.
#[poll]
#list_seconds = {poll.list_seconds:g}
#running_seconds = {poll.running_seconds:g}
#idle_factor = {poll.idle_factor:g}
#blurred_factor = {poll.blurred_factor:g}

# How politely: requests at once, requests a second sustained, and at most so many in a burst.
#[limits]
#concurrency = {limits.concurrency}
#per_second = {limits.per_second:g}
#burst = {limits.burst}

# How much of each sandbox's history stays on this machine; 0 keeps all of it. The oldest jobs go first: those made
# more than so many days ago, and as many as it takes for the file to be at most so many MiB (1,000,000 jobs take
# about 750). Jobs that still run always stay.
#[history]
#keep_days = {history.keep_days}
#keep_mib = {history.keep_mib}

#[ui]
#theme = "{ui.theme}"
# "relative" or "absolute"
#time_style = "{ui.time_style}"

# Keys by action id; "?" in the app shows both.
#[keys]
#"job.cancel" = "x"
"""


def example_toml() -> str:
    """Return the commented example; its defaults are the code's own."""
    defaults = Settings()
    connection = Connection(name="acme")
    return _TEMPLATE.format(
        read_only=str(defaults.read_only).lower(),
        log_level=defaults.log_level,
        scopes=connection.scopes,
        base_url=connection.base_url,
        ims_url=connection.ims_url,
        token_path=connection.token_path,
        poll=defaults.poll,
        limits=defaults.limits,
        history=defaults.history,
        ui=defaults.ui,
    )


def write_example(path: Path) -> None:
    """Write the example to `path` with mode 0600, its directory with 0700; an existing file is left alone.

    Raises:
        ConfigError: the file exists or cannot be written.
    """
    name = shown(str(path), limit=200)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{name} exists already and was not changed. Edit it, or give another path with --config."
        ) from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be written: {error.strerror}. Give another path with --config.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(example_toml())
