"""Owns clients that know the documents and nothing of ours: HTTP by urllib or curl, and a holder of the ready line."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

UPS, CATALOG, SANDBOXES = "/data/core/ups", "/data/foundation/catalog", "/data/foundation/sandbox-management"
EXPORT, REGISTRY, QUERY = "/data/foundation/export", "/data/foundation/schemaregistry", "/data/foundation/query"
SCOPES = "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session"
PATIENCE_S = 10.0

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        assert self.headers["content-type"].startswith("application/json"), self.headers
        return json.loads(self.content)


Send = Callable[[str, str, dict[str, str], str | None], Answer]
"""Method, URL, headers and body to answer."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def by_urllib(method: str, url: str, headers: dict[str, str], body: str | None) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    data = None if body is None else body.encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - a loopback URL of the test
    try:
        with opener.open(request, timeout=PATIENCE_S) as found:
            return _answer(found.status, found.headers.items(), found.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.headers.items(), refused.read())


def by_curl(method: str, url: str, headers: dict[str, str], body: str | None) -> Answer:
    command = ["curl", "-q", "-sS", "-i", "--noproxy", "*", "--max-time", str(PATIENCE_S), url]
    command += ["--head"] if method == "HEAD" else ["-X", method]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if body is not None:
        command += ["--data-binary", body]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S + 5)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    named = [line.partition(":") for line in lines]
    return _answer(int(first.split()[1]), [(name, value.strip()) for name, _, value in named], content)


def _answer(status: int, headers: Any, content: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers}, content)


@dataclass(frozen=True)
class Stranger:
    """Holds what the ready line says and sends what the documents print."""

    ready: Mapping[str, Any]
    send: Send
    token: str

    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "x-api-key": self.ready["client_id"],
            "x-gw-ims-org-id": self.ready["org_id"],
            "x-sandbox-name": "prod",
        }

    def call(self, method: str, path: str, body: str | None = None, *, without: str = "", **more: str) -> Answer:
        """Send one call; `more` are further headers, an underscore for each hyphen of their names."""
        content = {} if body is None else {"Content-Type": "application/json"}
        headers = content | self.headers() | {name.replace("_", "-"): value for name, value in more.items()}
        headers.pop(without, None)
        return self.send(method, self.ready["base_url"] + path, headers, body)

    def get(self, path: str, **more: str) -> Any:
        answer = self.call("GET", path, **more)
        assert answer.status == 200, answer
        return answer.json()

    def post(self, path: str, body: object, status: int) -> Any:
        answer = self.call("POST", path, json.dumps(body))
        assert answer.status == status, answer
        return answer.json()

    def until(self, path: str, key: str, *words: str) -> Any:
        """Ask again and again, as the documents say, until what `key` names is one of these words."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.get(path))[key] not in words:
            assert time.monotonic() < deadline, found
        return found
