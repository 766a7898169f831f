"""Owns the log: one private file, one place where secrets and controls are taken out; never stdout."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import stat
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import quote, quote_plus

MASK = "***"

_MAX_BYTES = 1_000_000
_KEPT = 3
_SHORTEST_SECRET = 4
_OURS = "tui_app"

# Redaction belongs to the process, as logging itself does: any module may log, one place knows what to hide.
_secrets: set[str] = set()

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer)(\s+|%20|\+)[^\s\"'<>,;)]+"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,2}"), MASK),
    (
        re.compile(
            r"(?i)\b((?:client_secret|access_token|refresh_token|id_token|jwt_token|password)\b"
            r"(?:\\?[\"'])?\s*[:=]\s*(?:Secret\w*\()?b?(?:\\?[\"'])?)[^\s\"'&,;}\\)]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(://)[^/\s@]+@"), rf"\1{MASK}@"),
)
# All that a terminal showing the log could act on; tabs and line ends are dealt with before.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")


def register_secret(value: str) -> None:
    """Keep `value` out of every log line from now on, URL-encoded too; call it on each new token.

    Values shorter than four characters are ignored: masking them would eat the log.
    """
    if len(value) >= _SHORTEST_SECRET:
        _secrets.update({value, quote(value, safe=""), quote_plus(value)})


def redact(text: str) -> str:
    """Return `text` with registered secrets, bearer tokens, secret fields and URL credentials masked."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats a record whole, traceback included, then redacts and escapes it.

    Lines after the first are indented, so that remote text cannot forge an entry.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    # UTC: logs are compared with the platform's times.
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of `record`, safe to keep and to show."""
        lines = redact(super().format(record)).replace("\t", "    ").split("\n")
        return "\n  | ".join(_CONTROLS.sub(_escaped, line) for line in lines)


class PrivateFileHandler(RotatingFileHandler):
    """A rotating file that only its owner can read, and that stays silent when it cannot be written."""

    def _open(self) -> io.TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        if os.name != "nt" and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)
        # Unbuffered: what a full disk refused must not come back as an error when the file is closed.
        return io.TextIOWrapper(
            io.FileIO(descriptor, "a"), encoding="utf-8", errors="backslashreplace", write_through=True
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Drop the entry: a full disk must neither stop the app nor write over its screen."""


def configure(path: Path, level: str = "INFO") -> bool:
    """Send all logging to the file at `path`, 1 MB and three older ones, and nothing to the terminal.

    `level` counts for our own loggers; other packages are heard from WARNING on, for their lower levels print
    headers. A second call replaces the first. Returns False, and drops entries, if the file cannot be opened.
    """
    close()
    handler: logging.Handler
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = PrivateFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_KEPT)
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(RedactingFormatter())
    handler.set_name(_OURS)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    return isinstance(handler, PrivateFileHandler)


def current_path() -> Path | None:
    """Return the path of the log in use, None when there is none."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrivateFileHandler):
            return Path(handler.baseFilename)
    return None


def close() -> None:
    """Undo `configure`; registered secrets stay registered."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if handler.get_name() == _OURS]:
        root.removeHandler(handler)
        with contextlib.suppress(OSError):
            handler.close()
    logging.captureWarnings(capture=False)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - the last Latin-1 character
