"""Owns the step from a value of exported data, nested as it may be, to JSON and to text."""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime, time
from typing import Any


def plain(value: object) -> Any:
    """Return a value as JSON can spell it; bytes as base64, what JSON has no words for as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {one if isinstance(one, str) else str(plain(one)): plain(each) for one, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def plain_text(value: object) -> str:
    """Return a value on one line: text as it is, anything else as JSON."""
    shown = plain(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, separators=(", ", ": "))
