"""Owns the shape of the configuration: its tables and keys, their defaults and bounds."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

DEFAULT_SCOPES = "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session"

_HEADER_VALUE = re.compile(r"[!-~]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# Names reach window titles, file names and request headers, so they stay plain.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def is_loopback_host(host: str) -> bool:
    """Answer whether `host` can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(value: object) -> object:
    """Accept an `https://host[:port]` origin; messages never repeat the value, it may carry a password."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL", "Write it like https://platform.adobe.io.") from None
    if parts.scheme not in {"https", "http"} or not _HEADER_VALUE.fullmatch(host):
        raise ValueError("is not an https:// URL with a host", "Write it like https://platform.adobe.io.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "carries a user name or password",
            "Remove everything up to the @; credentials have their own keys.",
        )
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("has something after the host", "Give scheme, host and port only; the app adds the paths.")
    if parts.scheme == "http" and not is_loopback_host(host):
        raise ValueError(
            f"would send credentials unencrypted to {host}",
            "Use https://; http:// is for loopback only (localhost, 127.0.0.1, [::1]).",
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _header_value(value: object) -> object:
    if isinstance(value, str) and value and not _HEADER_VALUE.fullmatch(value):
        raise ValueError(
            "holds a space, a control character or a letter outside ASCII",
            "Copy it again from the Adobe Developer Console, project credentials page.",
        )
    return value


def _variable_name(value: object) -> object:
    if isinstance(value, str) and not _VARIABLE.fullmatch(value):
        raise ValueError(
            "is not the name of an environment variable",
            "Name the variable that holds the secret, for example AEP_ACME_SECRET; never the secret itself.",
        )
    return value


def _argv(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic collects ValueError, not TypeError
            "is one string; no shell is used", 'Write a list of words: ["pass", "show", "aep/acme"].'
        )
    if isinstance(value, list) and (not value or not all(isinstance(word, str) and word for word in value)):
        raise ValueError("is not a list of words", 'Write it like ["pass", "show", "aep/acme"].')
    return value


def _scopes(value: object) -> object:
    if isinstance(value, list) and all(isinstance(scope, str) for scope in value):
        return ",".join(value)
    return value


def _level(value: object) -> object:
    if isinstance(value, str) and value.upper() not in _LEVELS:
        raise ValueError("is not a log level", f"Use one of {', '.join(_LEVELS)}.")
    return value.upper() if isinstance(value, str) else value


def _amount(unit: str, most: int) -> Callable[[object], object]:
    """Return the check of a whole number of `unit`, 0 to `most`; strict, because what it limits is thrown away."""

    def check(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        raise ValueError(f"is not a whole number of {unit}", f"Write one from 1 to {most:,}, or 0 to keep everything.")

    return check


def _home(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) and value else value


WebOrigin = Annotated[str, BeforeValidator(_origin)]
HeaderValue = Annotated[str, BeforeValidator(_header_value)]
VariableName = Annotated[str, BeforeValidator(_variable_name)]
HomePath = Annotated[Path, BeforeValidator(_home)]


class Table(BaseModel):
    """A table of the configuration file; frozen, and closed to keys nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SandboxSettings(Table):
    """What the user says of one sandbox; `policy` None leaves it to the engine (product section 4)."""

    policy: Literal["open", "protected", "read-only"] | None = None


class Connection(Table):
    """One organization and how to sign in to it.

    `scopes` is comma-separated; `base_url` and `ims_url` are origins, no path. `client_secret_keyring` is
    the keyring's service name; the user name in it is the client id. `takes_environment` says whether
    AEPX_CLIENT_SECRET and AEPX_ACCESS_TOKEN belong to this connection: they do for the one in force when the
    environment was read, so switching connections never sends one organization's secret to another.
    """

    name: Name
    org_id: HeaderValue = ""
    client_id: HeaderValue = ""
    scopes: Annotated[str, BeforeValidator(_scopes)] = DEFAULT_SCOPES
    sandbox: Name | None = None
    base_url: WebOrigin = "https://platform.adobe.io"
    ims_url: WebOrigin = "https://ims-na1.adobelogin.com"
    token_path: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$")] = "/ims/token/v3"  # noqa: S105 - a path
    ca_bundle: HomePath | None = None
    client_secret_env: VariableName | None = None
    client_secret_file: HomePath | None = None
    client_secret_command: Annotated[tuple[str, ...], BeforeValidator(_argv)] | None = None
    client_secret_keyring: str | None = None
    client_secret: SecretStr | None = None
    access_token_env: VariableName | None = None
    sandboxes: dict[Name, SandboxSettings] = {}
    takes_environment: bool = True

    @property
    def is_loopback(self) -> bool:
        """Whether the platform of this connection is this machine (the emulator)."""
        return is_loopback_host(urlsplit(self.base_url).hostname or "")

    def policy(self, sandbox: str) -> Literal["open", "protected", "read-only"] | None:
        """Return the policy configured for `sandbox`, or None when the file is silent."""
        found = self.sandboxes.get(sandbox)
        return None if found is None else found.policy


class PollSettings(Table):
    """How often the platform is asked, in seconds; the factors stretch that when idle or blurred."""

    list_seconds: float = Field(default=15, ge=1, le=3600)
    running_seconds: float = Field(default=10, ge=1, le=3600)
    idle_factor: float = Field(default=2, ge=1, le=100)
    blurred_factor: float = Field(default=2, ge=1, le=100)


class LimitSettings(Table):
    """How politely the platform is asked (product section 4); `per_second` is the sustained rate."""

    concurrency: int = Field(default=4, ge=1, le=16)
    per_second: float = Field(default=2.0, gt=0, le=50)
    burst: int = Field(default=6, ge=1, le=100)


class HistorySettings(Table):
    """What the local history keeps; 0 is all of it, which is the default.

    `keep_days` counts from a job's creation. `keep_mib` is the most that the history of one sandbox may take on disk,
    in MiB; the oldest jobs go first.
    """

    keep_days: Annotated[int, BeforeValidator(_amount("days", 36_500))] = 0
    keep_mib: Annotated[int, BeforeValidator(_amount("MiB", 1_048_576))] = 0


class UiSettings(Table):
    """How the app looks."""

    theme: str = Field(default="aepx-dark", min_length=1)
    time_style: Literal["relative", "absolute"] = "relative"


class Settings(Table):
    """The whole configuration after defaults, file, environment and flags.

    `default_connection` is the connection in force, whoever named it. `keys` maps action ids to keys.
    `data_dir` None means the platform's own directories.
    """

    default_connection: str | None = None
    read_only: bool = False
    log_level: Annotated[str, BeforeValidator(_level)] = "INFO"
    data_dir: HomePath | None = None
    connections: dict[Name, Connection] = {}
    poll: PollSettings = PollSettings()
    limits: LimitSettings = LimitSettings()
    history: HistorySettings = HistorySettings()
    ui: UiSettings = UiSettings()
    keys: dict[str, Annotated[str, StringConstraints(min_length=1)]] = {}

    @model_validator(mode="before")
    @classmethod
    def _name_connections(cls, data: Any) -> Any:
        """Give each connection the name of its table, so that it can be passed around alone."""
        if not isinstance(data, Mapping) or not isinstance(data.get("connections"), Mapping):
            return data
        named = {
            name: {**table, "name": name} if isinstance(table, Mapping) else table
            for name, table in data["connections"].items()
        }
        return {**data, "connections": named}
