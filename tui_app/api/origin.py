"""Owns the rule that credentials go to one origin only. Pure; nothing here sends anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from tui_app.api.errors import ApiError, OriginError
from tui_app.config.settings import is_loopback_host
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEFAULT_PORTS = {"https": 443, "http": 80}
# Whitespace, control characters and backslashes are where URL parsers disagree about the host.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\uffff\U00010000-\U0010ffff\\]")
_DOT_SEGMENT = re.compile(r"(?i)(^|/)(\.|%2e){1,2}(/|$)")
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port that requests may go to, with the path that all of them share."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, base_url: str, *, setting: str = "base_url") -> Origin:
        """Read a configured base URL.

        Args:
            base_url: such as `https://platform.adobe.io`.
            setting: the name of the setting, for the message.

        Raises:
            OriginError: it is no plain http(s) URL, or it is `http://` to another machine.
        """
        what = f"The setting {setting} cannot be used."
        parts = _split(base_url)
        if parts is None or not parts.scheme or parts.query:
            raise OriginError(
                what,
                cause="It is not a plain http or https address.",
                next_step=f"Set {setting} to an address such as https://platform.adobe.io.",
            )
        if parts.scheme == "http" and not is_loopback_host(parts.host):
            raise OriginError(
                what,
                cause=f"It would send credentials unencrypted to {safe_text(parts.host)}.",
                next_step=f"Use https:// in {setting}; http:// is allowed for this machine only.",
            )
        return cls(parts.scheme, parts.host, parts.port, parts.path.rstrip("/"))

    def resolve(self, reference: str) -> str:
        """Return the full URL of a path of ours or of a link from an answer.

        A path is taken below the base URL. An absolute link is reduced to its path and query, and must have
        this origin; `:443` and no port are the same for https.

        Raises:
            OriginError: the reference leads, or could be read to lead, anywhere else.
        """
        parts = _split(reference)
        if parts is None:
            raise self._refusal(reference)
        if not parts.scheme:
            path = self.prefix + parts.path
        elif (parts.scheme, parts.host, parts.port) == (self.scheme, self.host, self.port):
            path = parts.path
        else:
            raise self._refusal(reference)
        return str(self) + path + (f"?{parts.query}" if parts.query else "")

    def __str__(self) -> str:
        """The origin as text, without the port where it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def _refusal(self, reference: str) -> OriginError:
        return OriginError(
            "A link from the platform was not followed.",
            cause=f"It does not belong to {self}: {safe_text(reference[:_SHOWN])}",
            next_step="Check base_url; if it is right, report this to whoever runs the service.",
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    scheme: str
    host: str
    port: int
    path: str
    query: str


def _split(reference: str) -> _Parts | None:
    """Take a URL or an absolute path apart; None for everything that two parsers could read differently."""
    if not reference or _UNSAFE.search(reference):
        return None
    try:
        parts = urlsplit(reference)
        port = parts.port
    except ValueError:
        return None
    if parts.path.startswith("//") or _DOT_SEGMENT.search(parts.path) or parts.fragment:
        return None
    if not parts.scheme:
        is_path = reference.startswith("/") and not reference.startswith("//")
        return _Parts("", "", 0, parts.path, parts.query) if is_path else None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return _Parts(
        parts.scheme, parts.hostname, _DEFAULT_PORTS[parts.scheme] if port is None else port, parts.path, parts.query
    )


def path_segment(value: str) -> str:
    """Quote an opaque id for use as one segment of a path.

    Raises:
        ApiError: the id is empty, or `.` or `..`, and would address the collection instead; or it is no Unicode.
    """
    if value in {"", ".", ".."}:
        raise ApiError(
            f"No request was sent for the id {value!r}.",
            cause="It would address the whole collection.",
            next_step="Give the id of one object.",
        )
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry and a URL cannot
        shown = safe_text(value)
    raise ApiError(
        f"No request was sent for the id {shown}.",
        cause="It holds half of a character.",
        next_step="Copy the id again.",
    )


def with_query(path: str, query: Iterable[tuple[str, str]]) -> str:
    """Return the path with its query, encoded."""
    encoded = urlencode(list(query), errors="replace")
    return f"{path}?{encoded}" if encoded else path
