"""Idioms of the framework that nothing else would hold us to."""

from __future__ import annotations

import ast
from pathlib import Path

import tui_app

SCREENS = Path(tui_app.__file__).parent / "tui"


def test_no_message_handler_calls_its_base() -> None:
    """The framework calls the handler of every class in the line of bases: a call to `super()` would run it twice."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in SCREENS.rglob("*.py")
        for handler in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(handler, ast.FunctionDef | ast.AsyncFunctionDef)
        and handler.name.startswith("on_")
        and handler.name != "on_event"
        for node in ast.walk(handler)
        if isinstance(node, ast.Attribute)
        and node.attr == handler.name
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "super"
    ]
    assert found == []
