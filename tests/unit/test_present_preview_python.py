"""The Python program of the preview: it runs, sends the body unchanged, and holds no secret."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tests.support.engines import HOSTILE
from tests.support.samples import create_body, dataset_body
from tui_app.present.preview import DATASETS, EXPORT_JOBS, Target, python_text
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

BREAKERS = ('"""', "'''", "\\", "\\'", '\\"', "{x}", "\x00", "\ud800", '"+__import__("os").system("x")+"', *HOSTILE)


class Handler(BaseHTTPRequestHandler):
    """Keeps what it is sent and answers as the platform does."""

    received: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, content))
        answer: Any = {"id": 24115} if self.path == EXPORT_JOBS else ["@/dataSets/d1"]
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the framework's name
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.received.clear()
    Handler.status = 200
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-"], input=program, capture_output=True, text=True, encoding="utf-8", env=environ, check=False
    )


@pytest.mark.parametrize(
    ("path", "body", "printed"), [(EXPORT_JOBS, create_body(), "24115"), (DATASETS, dataset_body(), "d1")]
)
def test_it_sends_the_body_and_prints_the_id(address: str, path: str, body: dict[str, Any], printed: str) -> None:
    hostile = {**body, "hostile": [*BREAKERS], "none": None, "yes": True, "deep": {"n": 1.5}}
    done = run(
        python_text(Target(address, path, "ORG@AdobeOrg", "dev"), hostile), ACCESS_TOKEN="tok", AEPX_CLIENT_ID="key"
    )
    assert done.stderr == ""
    assert done.stdout.strip() == printed
    ((asked, headers, content),) = Handler.received
    assert asked == path
    assert json.loads(content) == hostile
    assert headers["authorization"] == "Bearer tok"
    assert headers["x-api-key"] == "key"
    assert headers["x-gw-ims-org-id"] == "ORG@AdobeOrg"
    assert headers["x-sandbox-name"] == "dev"
    assert headers["content-type"] == "application/json"


def test_a_refusal_is_raised_and_nothing_printed(address: str) -> None:
    Handler.status = 403
    program = python_text(Target(address, EXPORT_JOBS, "O", "s"), {})
    done = run(program, ACCESS_TOKEN="tok", AEPX_CLIENT_ID="key")
    assert done.returncode == 1
    assert "403" in done.stderr
    assert done.stdout == ""
    assert len(Handler.received) == 1


@pytest.mark.parametrize("text", BREAKERS)
def test_hostile_text_stays_inside_literals_and_is_safe_to_show(text: str) -> None:
    program = python_text(Target("https://x", EXPORT_JOBS, text, text), {text: {"fields": text, "list": [text, text]}})
    assert safe_text(program, lines=True) == program
    tree = ast.parse(program)
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls == {"httpx.post", "json.dumps", "response.raise_for_status", "response.json", "print"}
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(values["BODY"]) == {text: {"fields": text, "list": [text, text]}}


def test_it_verifies_the_certificate_and_holds_no_secret() -> None:
    program = python_text(Target("https://x", EXPORT_JOBS, "O", "s"), create_body())
    assert "verify" not in program
    assert "os.environ['ACCESS_TOKEN']" in program
    assert 'os.environ["AEPX_CLIENT_ID"]' in program


def test_a_call_that_is_not_known_prints_its_answer() -> None:
    assert "print(response.text)" in python_text(Target("https://x", "/other", "O", "s"), {})
