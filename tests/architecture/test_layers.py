"""What import-linter cannot see: what a bare import loads, who touches time, how text reaches the screen."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "tui_app"
MODULES: Final = tuple(sorted(PACKAGE.rglob("*.py")))
IDS: Final = [str(path.relative_to(ROOT)) for path in MODULES]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("tui_app", "textual rich httpx sqlite3 pydantic click starlette"),
        ("tui_app.clock", "textual httpx sqlite3 pydantic"),
        ("tui_app.api.errors", "httpx textual sqlite3"),
        ("tui_app.models.export_job", "httpx textual sqlite3"),
        ("tui_app.history.history", "httpx textual starlette"),
        ("tui_app.engine.engine", "textual rich click httpx starlette uvicorn"),
        ("tui_app.present.jobs", "textual httpx sqlite3"),
        ("tui_app.wiring", "textual rich starlette uvicorn httpx"),
        ("tui_app.cli.main", "textual starlette uvicorn httpx sqlite3"),
        ("tui_app.emulator.app", "pydantic httpx textual sqlite3"),
    ],
)
def test_an_import_loads_no_more_than_its_layer_needs(module: str, absent: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {absent.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_says_what_it_owns(path: Path) -> None:
    said = ast.get_docstring(tree(path)) or ""
    first = said.partition("\n")[0]
    assert len(first) > 20
    assert first.endswith((".", ":", ";")) or "\n" in said
    assert path.read_text(encoding="utf-8").startswith('"""')


_TIMES: Final = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.sleep",
        "time.monotonic",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "date.today",
        "asyncio.sleep",
    }
)
_MAY_TELL_TIME: Final = {
    "tui_app/clock.py": "it is the clock",
    "tui_app/data/database_worker.py": "a process of its own, which looks at its memory again and again",
    "tui_app/api/errors.py": "a Retry-After date of an answer without a Date, when nobody handed in the time",
}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_only_the_clock_knows_the_time(path: Path) -> None:
    if str(path.relative_to(ROOT)) in _MAY_TELL_TIME:
        return
    found = [f"line {line}: {name}" for name, line in calls(tree(path)) if name in _TIMES]
    assert found == []


_SHOWN_MARKUP: Final = frozenset({"Static", "Label", "Button", "Checkbox", "RadioButton", "notify", "TabPane"})


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.is_relative_to(PACKAGE / "tui")], ids=lambda path: path.name
)
def test_no_text_from_outside_is_taken_for_markup(path: Path) -> None:
    # A plain string is markup to Textual, and `[/x]` ends the app: only literals and `Content` are shown as they are.
    found = [
        f"line {node.lineno}: {ast.unparse(node)[:100]}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _name(node.func).rpartition(".")[2] in _SHOWN_MARKUP and _is_risky(node)
    ]
    assert found == []


def test_the_scan_for_markup_sees_what_it_must() -> None:
    risky = ("Static(name)", "Label(f'{x}')", "self.notify(str(error))", "Button('a' + b)", "Static(job.text)")
    safe = (
        "Static('words')",
        "Static()",
        "Static(Content(name))",
        "Label(name, markup=False)",
        "self.notify(text, markup=False)",
        "Static(highlight(text))",
        "Static(id='x')",
        "Label('one' if x else 'two')",
    )
    assert [one for one in risky if not _is_risky(expression(one))] == []
    assert [one for one in safe if _is_risky(expression(one))] == []


def _is_risky(call: ast.Call) -> bool:
    if any(word.arg == "markup" and ast.unparse(word.value) == "False" for word in call.keywords):
        return False
    shown = [*call.args[:1], *(word.value for word in call.keywords if word.arg in ("content", "label", "message"))]
    return any(_may_hold_outside_text(one) for one in shown)


def _may_hold_outside_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return False
    if isinstance(node, ast.IfExp):
        return _may_hold_outside_text(node.body) or _may_hold_outside_text(node.orelse)
    if isinstance(node, ast.Call):
        # A call is trusted to make Content; those that plainly make a str are not.
        return _name(node.func).rpartition(".")[2] in {"str", "safe_text", "join", "format", "fit", "repr", "strip"}
    return True


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def expression(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


def calls(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield _name(node.func), node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module in ("time", "asyncio"):
            for one in node.names:
                yield f"{node.module}.{one.name}", node.lineno


def _name(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
