"""Owns reading a request that somebody pasted: a JSON body, or a curl command as browsers and people write it.

Nothing is ever executed or expanded, and no secret gets into what is returned or said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from tui_app.models.request_json import PasteError, read_object, shown_name
from tui_app.models.shell_words import OpenQuoteError, commands_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_app.models.base import JsonObject

EXPORT_JOBS_PATH: Final = "/data/core/ups/export/jobs"
"""API reference 2.2."""
LONGEST: Final = 4_000_000
"""Characters of a text worth reading: a body with ten thousand field paths has a sixth of them."""

_NEITHER: Final = "Paste the JSON body of the create call, or a command that begins with curl."
_OTHER_TOOLS: Final = re.compile(
    r"\s*(?:await\s+)?(fetch\s*\(|Invoke-\w+|\$session\s*=|wget\b|http\s|https\s)", re.IGNORECASE
)
_CURL: Final = re.compile(r"(?:.*[/\\])?curl(?:\.exe)?", re.IGNORECASE)
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$\n?", re.MULTILINE)
_WINDOWS_QUOTES: Final = re.compile(r'\s*\{\s*\\"')
"""How PowerShell hands JSON to a program: with a backslash before each quote."""
_PROMPT: Final = re.compile(r"[$>#%]\s+(?=\S*curl)")
_LOOKS_LIKE_CURL: Final = re.compile(r"(?:^|[\s;&|$>(/\\])curl(?:\.exe)?(?:\s|$)", re.IGNORECASE)

_SECRET_WORD: Final = re.compile(
    r"token|secret|passw|auth|api[-_]?key|session|signature|credential|cookie", re.IGNORECASE
)
_SECRET_KEYS: Final = frozenset(
    {"access_token", "client_secret", "refresh_token", "authorization", "password", "jwt_token"}
)
"""Keys of a body, in lower case, that no create call has; people paste them with it from their tools."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_VARIABLE: Final = re.compile(
    r"(?:(?:bearer|basic)\s+)?(?:\$\{?\w+\}?|\$env:\w+|%\w+%|\{\{[^{}]*\}\}|\{[^{}]*\}|<[^<>]*>)", re.IGNORECASE
)
"""What stands where a value is to be put: of a shell, of Postman, of a document."""

_DATA: Final = {
    "-d": "data",
    "--data": "data",
    "--data-ascii": "data",
    "--data-binary": "data",
    "--data-raw": "raw",
    "--json": "json",
}
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FORMS: Final = frozenset({"-F", "--form", "--form-string", "--data-urlencode", "--url-query"})
_SECRET_OPTIONS: Final = {
    "-u": "the user and password",
    "--user": "the user and password",
    "-U": "the password of the proxy",
    "--proxy-user": "the password of the proxy",
    "-b": "the cookies",
    "--cookie": "the cookies",
    "--oauth2-bearer": "the bearer token",
    "--pass": "the password of a key",
}
_WITH_VALUE: Final = frozenset({
    "-A", "--user-agent", "-c", "--cookie-jar", "-C", "--continue-at", "-e", "--referer", "-E", "--cert", "--key",
    "--cacert", "--capath", "--ciphers", "-m", "--max-time", "--connect-timeout", "-o", "--output", "-r",
    "--range", "--retry", "--retry-delay", "--retry-max-time", "-w", "--write-out", "-x", "--proxy", "--resolve",
    "--connect-to", "--interface", "--limit-rate", "-T", "--upload-file", "-K", "--config", "--proto", "-D",
    "--dump-header", "--trace", "--trace-ascii", "--unix-socket", "--max-redirs", "-Y", "-y", "--cert-type",
    "--key-type", "--stderr", "-z", "--time-cond", "-t", "-Q", "-P", "--noproxy", "--dns-servers",
    "--expect100-timeout", "--keepalive-time", "--local-port", "--preproxy", "--socks5", "--tls-max",
    "--aws-sigv4",
})  # fmt: skip
_SHORT_WITH_VALUE: Final = frozenset("dHXFubUAcCeEmorwxTKDYyztQP")


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a text asks for.

    `dropped` names the secrets that were in it, as in "the bearer token"; `remarks` are sentences of what a person
    should know; `org_id` and `sandbox_name` are those of the headers, None where it had none.
    """

    body: JsonObject
    dropped: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    org_id: str | None = None
    sandbox_name: str | None = None

    def strangers(self, *, org_id: str, sandbox_name: str) -> tuple[str, ...]:
        """Return a sentence for each of organization and sandbox that is another than the session's."""
        told = []
        if self.org_id is not None and self.org_id != org_id:
            told.append(f"The command is for organization {shown_name(self.org_id)}; this session is in {org_id}.")
        if self.sandbox_name is not None and self.sandbox_name != sandbox_name:
            told.append(
                f"The command is for sandbox {shown_name(self.sandbox_name)}; this session is in {sandbox_name}."
            )
        return tuple(told)

    @property
    def dropped_text(self) -> str:
        """One sentence that says which secrets were left out, "" when there were none."""
        return f"Left out: {', '.join(self.dropped)}; aepx uses its own." if self.dropped else ""


def read_request_text(text: str, *, path: str = EXPORT_JOBS_PATH) -> Pasted:
    """Return the request in a text: a JSON object, or the data of a curl command.

    Args:
        text: as pasted or read; a byte order mark, a shell's prompt and the fence of a code block may stand around it.
        path: of the call that is wanted; a command for another gets a remark.

    Raises:
        PasteError: it is neither, or holds what no body can.
    """
    if len(text) > LONGEST:
        raise PasteError(
            f"It has {len(text):,} characters, which is too long for a request.",
            f"Take the request alone; it may have {LONGEST:,}.",
        )
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    if text.lstrip().startswith(("```", "~~~")):
        text = _FENCE.sub("", text)
    start = text.lstrip()
    if not start:
        raise PasteError("There is nothing in it.", _NEITHER)
    if start.startswith(("{", "[")):
        return _pasted(read_object(text), [], [])
    if _LOOKS_LIKE_CURL.search(text) and not _OTHER_TOOLS.match(text):
        return _Reading(text, path).pasted()
    if _OTHER_TOOLS.match(text):
        raise PasteError("It is a command of another tool than curl.", 'In a browser, choose "Copy as cURL (bash)".')
    if start.startswith('"') or start[0].isdigit():
        read_object(text)
    raise PasteError("It is not JSON and no curl command.", _NEITHER)


class _Reading:
    """The first curl command of a text, option by option."""

    def __init__(self, text: str, path: str) -> None:
        self._path = path
        self._dropped: list[str] = []
        self._remarks: list[str] = []
        self._data: list[str] = []
        self._kinds: list[str] = []
        self._org_id: str | None = None
        self._sandbox_name: str | None = None
        self._method = ""
        self._url = ""
        self._is_get = False
        self._words, self._document = self._command(
            _PROMPT.sub("", text.lstrip(), count=1) if _PROMPT.match(text.lstrip()) else text
        )

    def pasted(self) -> Pasted:
        """Return what the command would have sent."""
        words = iter(self._words)
        for word in words:
            self._take(word, words)
        self._judge_address()
        method = self._method.upper() or ("GET" if self._is_get or not self._data else "POST")
        if not self._data:
            said = f" (it is a {method})" if method in _METHODS else ""
            raise PasteError(
                f"The curl command sends no data{said}.",
                "Copy the call that creates the job, with its -d or --data-raw.",
            )
        if method != "POST":
            self._remarks.append("The command does not POST; its data are taken as the body of a create call.")
        separator = "" if set(self._kinds) == {"json"} else "&"
        if separator and len(self._data) > 1:
            raise PasteError(
                f"The curl command has {len(self._data)} pieces of data, which curl joins by &: that is no JSON.",
                "Leave one of them, the JSON body.",
            )
        data = separator.join(self._data)
        if _WINDOWS_QUOTES.match(data):
            data = data.replace('\\"', '"')
        return _pasted(
            read_object(data, of_command=True),
            self._dropped,
            self._remarks,
            org_id=self._org_id,
            sandbox_name=self._sandbox_name,
        )

    def _command(self, text: str) -> tuple[list[str], str | None]:
        try:
            found = commands_of(text)
        except OpenQuoteError as error:
            where = "" if error.line is None else f" that opens at line {error.line}, column {error.column}"
            raise PasteError(
                f"A quote{where} is never closed.", "Copy the whole command.", line=error.line, column=error.column
            ) from None
        others = 0
        for place, command in enumerate(found):
            at = next((index for index, word in enumerate(command.words) if _CURL.fullmatch(word)), None)
            if at is None:
                others += 1
                continue
            others += len(found) - place - 1
            if others:
                self._remarks.append("Only the first curl command is read; what stands around it is left out.")
            return command.words[at + 1 :], command.document
        raise PasteError("It is not JSON and no curl command.", _NEITHER)

    def _take(self, word: str, words: Iterator[str]) -> None:
        """Read one word, and the value behind it where it is an option that has one."""
        if not word.startswith("-") or word == "-":
            if not self._url or ("/" in word and "/" not in self._url):
                self._url = word
            return
        if word.startswith("--"):
            self._option(word, words)
            return
        for place, letter in enumerate(word[1:], start=2):
            if letter in _SHORT_WITH_VALUE:
                rest = word[place:]
                self._option(f"-{letter}", iter([rest]) if rest else words)
                return
            self._option(f"-{letter}", iter(()))

    def _option(self, name: str, words: Iterator[str]) -> None:
        if name in _DATA:
            self._add_data(name, _value(name, words))
        elif name in {"-H", "--header"}:
            self._header(_value(name, words))
        elif name in {"-X", "--request"}:
            self._method = _value(name, words)
        elif name == "--url":
            self._url = _value(name, words)
        elif name in {"-G", "--get"}:
            self._is_get = True
        elif name in _FORMS:
            raise PasteError(
                f"The curl command sends a form ({name}), not JSON.", "Copy the call that creates the job."
            )
        elif name in _SECRET_OPTIONS:
            if not _VARIABLE.fullmatch(_value(name, words)):
                self._drop(_SECRET_OPTIONS[name])
        elif name in _WITH_VALUE:
            _value(name, words)
            if name in {"-T", "--upload-file", "-K", "--config"}:
                self._remarks.append(f"The command's {name} reads a file, which is left out.")
        elif name == "--next":
            self._remarks.append("The command sends several requests; their data are read as one.")

    def _add_data(self, name: str, value: str) -> None:
        if value.startswith("@") and _DATA[name] != "raw":
            file = value[1:]
            if file == "-" and self._document is not None:
                value = self._document
            elif file == "-":
                raise PasteError(
                    "The curl command takes its data from standard input (@-), which is not in the text.",
                    "Paste the JSON itself.",
                )
            else:
                raise PasteError(
                    f"The curl command takes its data from the file {shown_name(file)}, which is not read.",
                    f"Paste the content of that file, or give it as --file {shown_name(file)}.",
                )
        self._data.append(value)
        self._kinds.append(_DATA[name])

    def _header(self, header: str) -> None:
        name, colon, value = header.partition(":")
        name, value = name.strip(), value.strip()
        key = name.lower()
        if not colon:
            if _SECRET_WORD.search(header) or "bearer" in key:
                self._drop("a header without a name")
            return
        if not value or _VARIABLE.fullmatch(value):
            return
        if key == "x-gw-ims-org-id":
            self._org_id = value
        elif key == "x-sandbox-name":
            self._sandbox_name = value
        elif key in {"authorization", "proxy-authorization"}:
            self._drop("the bearer token" if value.lower().startswith("bearer") else f"the {key} header")
        elif key == "cookie":
            self._drop("the cookies")
        elif _SECRET_WORD.search(name):
            self._drop(name if _NAME.fullmatch(name) else "a header")

    def _drop(self, what: str) -> None:
        if what not in self._dropped:
            self._dropped.append(what)

    def _judge_address(self) -> None:
        """Leave out what is secret in the address, and say so if it is another than that of the call."""
        try:
            parts = urlsplit(self._url if "://" in self._url else f"//{self._url}")
            has_password = bool(parts.password or parts.username)
        except ValueError:
            self._remarks.append("The command's address cannot be read.")
            return
        if has_password:
            self._drop("the user and password of the address")
        for name, _ in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=None):
            if _SECRET_WORD.search(name):
                self._drop(f"{name} of the address" if _NAME.fullmatch(name) else "a parameter of the address")
        path = parts.path.rstrip("/")
        if self._url and not path.endswith(self._path):
            self._remarks.append(f"The command calls another address than {self._path}; only its data are taken.")


def _value(name: str, words: Iterator[str]) -> str:
    value = next(words, None)
    if value is None:
        raise PasteError(f"The curl command ends behind {name}, which takes a value.", "Copy the whole command.")
    return value


def _pasted(
    body: JsonObject,
    dropped: list[str],
    remarks: list[str],
    *,
    org_id: str | None = None,
    sandbox_name: str | None = None,
) -> Pasted:
    secret = [key for key in body if key.lower() in _SECRET_KEYS]
    if {"id", "status"} <= body.keys():
        remarks.append(
            "It looks like the record of a job, not like a request: what is no part of a request would be sent as it "
            "is. To repeat a job, clone it."
        )
    return Pasted(
        {key: value for key, value in body.items() if key not in secret},
        (*dropped, *(f"{key} of the body" for key in secret)),
        tuple(remarks),
        org_id,
        sandbox_name,
    )
