"""Owns finding a connection's secrets: environment > command > keyring > private file."""

from __future__ import annotations

import atexit
import os
import selectors
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pydantic import SecretStr

from tui_app.clock import SystemClock
from tui_app.config.faults import ConfigError, ConfigFault, shown
from tui_app.config.lines import dotted
from tui_app.config.load import ENVIRONMENT, Loaded
from tui_app.config.paths import privacy_fault
from tui_app.config.sources import SECRET_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui_app.config.settings import Connection

COMMAND_SECONDS = 30.0
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Secrets:
    """What signs a connection in, and where it came from; at least one of the two is there."""

    client_secret: SecretStr | None
    access_token: SecretStr | None
    origin: str


def resolve_secret(connection: Connection, environ: Mapping[str, str]) -> Secrets:
    """Find the secrets of `connection`; may run a command for up to 30 s, so call it in a thread.

    An access token given in the environment is used as it is: then no command is run and no file opened, and
    a client secret is only taken from the environment too.

    Raises:
        ConfigError: a source failed or there is none; the message names the variable, file or command to fix.
    """
    token_variable, token = _from_environment(connection, environ, "access_token")
    secret_variable, secret = _from_environment(connection, environ, "client_secret")
    if token is not None:
        origin = token_variable if secret is None else f"{token_variable}, {secret_variable}"
        return Secrets(secret, token, origin)
    if secret is not None:
        return Secrets(secret, None, secret_variable)
    if connection.client_secret_command is not None:
        secret = command_secret(connection.client_secret_command, environ)
        return Secrets(secret, None, f"command {connection.client_secret_command[0]}")
    if connection.client_secret_keyring is not None:
        secret = _keyring_secret(connection.client_secret_keyring, connection.client_id)
        return Secrets(secret, None, f"keyring {connection.client_secret_keyring}")
    if connection.client_secret_file is not None:
        return Secrets(_file_secret(connection.client_secret_file), None, f"file {connection.client_secret_file}")
    if connection.client_secret is not None:
        secret = _checked(connection.client_secret.get_secret_value(), "client_secret in the configuration")
        return Secrets(secret, None, "configuration file")
    raise ConfigError(f"Connection {connection.name} has no secret: {_no_source(connection)}")


def secret_faults(loaded: Loaded, environ: Mapping[str, str]) -> tuple[ConfigFault, ...]:
    """Find connections whose secret cannot be had, without running commands or opening the keyring."""
    faults = []
    for name, connection in loaded.settings.connections.items():
        if connection.client_secret_command or connection.client_secret_keyring:
            continue
        try:
            resolve_secret(connection, environ)
        except ConfigError as error:
            path = ("connections", name)
            reason = str(error).removeprefix(f"Connection {name} has no secret: ")
            cause, _, remedy = reason.partition(". ")
            where = "environment" if name == ENVIRONMENT else str(loaded.path)
            cause = f"has no usable secret: {cause}"
            faults.append(ConfigFault(where, None, dotted(path), cause, remedy, path=path))
    return tuple(faults)


def command_secret(
    argv: tuple[str, ...], environ: Mapping[str, str], *, timeout_s: float = COMMAND_SECONDS
) -> SecretStr:
    """Run `argv` without a shell and take the first line it prints, as `pass` and its kin mean it.

    Raises:
        ConfigError: it cannot start, fails, takes over `timeout_s` seconds, or prints over 64 KB or nothing.
    """
    what = f"client_secret_command {shown(argv[0])}"
    # Other secrets of ours are none of the command's business.
    child_environ = {name: value for name, value in environ.items() if name not in SECRET_VARIABLES}
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own configured command, argv only
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environ
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "an argument holds a NUL character"
        raise ConfigError(f"{what} did not start: {reason}. Correct the command or its path.") from None
    # Whoever leaves meanwhile does not wait for this thread, nor leaves the command behind.
    atexit.register(process.kill)
    with process:
        try:
            out, err = _drained(process, timeout_s)
            code = process.wait(timeout=timeout_s)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise ConfigError(
                f"{what} did not finish within {timeout_s:g} s. Run it by hand; it must not wait for input."
            ) from None
        finally:
            process.kill()
            atexit.unregister(process.kill)
    if len(out) > _MAX_BYTES:
        raise ConfigError(f"{what} printed more than 64 KB. It must print the secret on its first line.")
    if code != 0:
        said = shown(err[:300].decode("utf-8", "replace").strip(), limit=300)
        raise ConfigError(f"{what} failed with exit code {code}, saying {said}. Run it by hand to see why.")
    return _checked(out.decode("utf-8", "replace"), f"the output of {what}")


def _drained(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[bytes, bytes]:
    """Read both pipes to their end, but never more than the limit, nor longer than `timeout_s`."""
    clock = SystemClock()
    deadline = clock.monotonic() + timeout_s
    assert process.stdout is not None
    assert process.stderr is not None
    held: dict[IO[bytes], bytes] = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for pipe in held:
            selector.register(pipe, selectors.EVENT_READ, pipe)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - clock.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, _MAX_BYTES)
                held[key.data] = (held[key.data] + chunk)[: _MAX_BYTES + 1]
                if not chunk:
                    selector.unregister(key.fileobj)
            if len(held[process.stdout]) > _MAX_BYTES:
                process.kill()
                break
    return held[process.stdout], held[process.stderr]


def _from_environment(connection: Connection, environ: Mapping[str, str], key: str) -> tuple[str, SecretStr | None]:
    ours = f"AEPX_{key.upper()}" if connection.takes_environment else None
    named = connection.client_secret_env if key == "client_secret" else connection.access_token_env
    for variable in (ours, named):
        if variable and (value := environ.get(variable, "").strip()):
            return variable, _checked(value, f"the variable {variable}")
    return "", None


def _keyring_secret(service: str, user: str) -> SecretStr:
    try:
        import keyring  # noqa: PLC0415 - an optional extra, slow to import
        import keyring.errors  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigError(
            f"client_secret_keyring {shown(service)} needs the keyring package. "
            "Install it with: pip install 'aepx[keyring]'"
        ) from None
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            f"The keyring could not be read for {shown(service)}: {shown(str(error))}. Unlock it, or use "
            "client_secret_command or AEPX_CLIENT_SECRET on this machine."
        ) from None
    if value is None:
        raise ConfigError(
            f"The keyring holds nothing for service {shown(service)} and user {shown(user)}. "
            f"Store the secret with: keyring set {service} {user}"
        )
    return _checked(value, f"the keyring entry {shown(service)}")


def _file_secret(path: Path) -> SecretStr:
    what = f"client_secret_file {shown(str(path), limit=200)}"
    try:
        # Non-blocking: a FIFO put there must not hang the app; checks go to the opened file, not to its name.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror}. Correct the path.") from None
    with os.fdopen(descriptor, "rb") as file:
        if (fault := privacy_fault(os.fstat(descriptor), path)) is not None:
            raise ConfigError(f"{what} {fault[0]}. {fault[1]}")
        try:
            content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"{what} cannot be read: {error.strerror}. Correct the path.") from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{what} is larger than 64 KB. It must hold the secret alone.")
    return _checked(content.decode("utf-8", "replace"), what)


def _checked(text: str, what: str) -> SecretStr:
    """Take the first line; refuse what cannot stand in a request here, where its source is known."""
    secret = text.strip().partition("\n")[0].strip()
    if not secret:
        raise ConfigError(f"{_sentence(what)} is empty. Put the secret there.")
    if not all("!" <= character <= "~" for character in secret):
        raise ConfigError(f"{_sentence(what)} holds a space or a character that no secret has. Copy the secret again.")
    return SecretStr(secret)


def _sentence(what: str) -> str:
    return what[0].upper() + what[1:] if what.startswith("the ") else what


def _no_source(connection: Connection) -> str:
    unset = [name for name in (connection.client_secret_env, connection.access_token_env) if name]
    if unset:
        verb = "is" if len(unset) == 1 else "are"
        return f"{' and '.join(unset)} {verb} not set. Export it, then start aepx again."
    how = "Set AEPX_CLIENT_SECRET" if connection.takes_environment else "Add client_secret_env"
    return (
        f"no source is given. {how}, or add one of client_secret_command, client_secret_keyring or "
        f"client_secret_file to [connections.{connection.name}]."
    )
