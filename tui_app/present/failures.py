"""Owns how a failure, and how fresh the data is, are said in a line and in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.models.failure import FailureKind
from tui_app.present.times import duration
from tui_app.text import safe_text

if TYPE_CHECKING:
    from tui_app.models.failure import Failure

_WORDS: Final[dict[FailureKind, str]] = {
    FailureKind.NETWORK: "offline",
    FailureKind.THROTTLED: "throttled",
    FailureKind.SERVICE: "failing",
    FailureKind.BAD_ANSWER: "bad answer",
    FailureKind.AUTH: "no sign-in",
    FailureKind.PERMISSION: "no access",
    FailureKind.LOCAL: "no history",
}
_FRESH_STEP_MS: Final = 5_000
_STALE_AFTER_MS: Final = 60_000


def freshness(
    *,
    now_ms: int,
    last_ok_ms: int | None,
    held_ms: int | None = None,
    next_try_ms: int | None,
    paused_since: str | None,
    failure: Failure | None,
) -> tuple[str, str]:
    """Return the header's freshness marker and its role.

    Args:
        now_ms: epoch ms.
        last_ok_ms: when the platform last answered.
        held_ms: the same, of an earlier session too: how old what is shown may be.
        next_try_ms: when it is asked again.
        paused_since: a time of day, None when not paused.
        failure: why the list is not fresh.
    """
    if paused_since is not None:
        return f"PAUSED since {paused_since}", "overdue"
    if failure is not None:
        word = _WORDS.get(failure.kind, failure.kind.value.replace("_", " "))
        return f"{word}{_held_since(held_ms, now_ms)}{countdown(next_try_ms, now_ms)}", "failed"
    if last_ok_ms is None:
        return "connecting…", "muted"
    since = now_ms - last_ok_ms
    if since >= _STALE_AFTER_MS:
        return f"stale {duration(since - since % 60_000)}", "overdue"
    if since < _FRESH_STEP_MS:
        return "live", "succeeded"
    return f"live {duration(since - since % _FRESH_STEP_MS)} ago", "succeeded"


def _held_since(held_ms: int | None, now_ms: int) -> str:
    """Return ` 3h02m` where what is shown is as old as that: ages go on, what they are told of may have ended."""
    since = now_ms - held_ms if held_ms is not None else 0
    return f" {duration(since - since % 60_000)}" if since >= _STALE_AFTER_MS else ""


def countdown(next_try_ms: int | None, now_ms: int) -> str:
    """Return `, next try 12s`, or nothing when no try is planned."""
    if next_try_ms is None:
        return ""
    return f", next try {duration(max(0, next_try_ms - now_ms) + 999)}" if next_try_ms > now_ms else ", trying"


def figures(*, running: int, failed: int, stuck: int, narrow: bool) -> str:
    """Return the header's counts: running now, failed within 24 hours, maybe stuck; as marks where room is short."""
    if narrow:
        return f">{running:,} !{failed:,}{f' ^{stuck:,}' if stuck else ''}"
    return f"{running:,} running  {failed:,} failed 24h{f'  {stuck:,} stuck?' if stuck else ''}"


def failure_line(failure: Failure) -> str:
    """Return a failure as one harmless line: what and why."""
    return safe_text(f"{failure.what}: {failure.cause}" if failure.cause else failure.what)


def failure_text(failure: Failure) -> tuple[tuple[str, str], ...]:
    """Return all that is known of a failure as label and value, values harmless, the body on lines of its own."""
    rows = [
        ("what", failure.what),
        ("cause", failure.cause),
        ("next step", failure.next_step),
        ("http status", str(failure.http_status or "")),
        ("code", failure.code or ""),
        ("request id", failure.request_id or ""),
    ]
    found = [(label, safe_text(value)) for label, value in rows if value]
    if failure.body:
        found.append(("answer", safe_text(failure.body, lines=True)))
    return tuple(found)
