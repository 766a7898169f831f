"""Failures read as one sentence after another, and travel as values."""

from __future__ import annotations

import pytest

from tui_app.models.failure import Failure, FailureError, FailureKind


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            ("Export job 24115 was not cancelled", "The sandbox is read-only.", "Choose another sandbox"),
            "Export job 24115 was not cancelled: The sandbox is read-only. Choose another sandbox.",
        ),
        (("The list is old", " ", ""), "The list is old."),
        (("The list is old.", "No answer!", "Sign in."), "The list is old: No answer! Sign in."),
        (("", "No answer", "Sign in"), "No answer. Sign in."),
        (("The list is old", "", "Ask again"), "The list is old. Ask again."),
        (("", "", ""), ""),
    ],
)
def test_a_failure_reads_as_sentences(parts: tuple[str, str, str], expected: str) -> None:
    failure = Failure(FailureKind.REFUSED, *parts)
    assert str(failure) == expected
    error = FailureError(failure)
    assert error.failure is failure
    assert str(error) == expected
