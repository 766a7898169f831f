"""Two processes submit under faults and kill -9: the platform has one job for each submission, and history knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.submissions import FAULTS, submitted

if TYPE_CHECKING:
    from pathlib import Path


def test_forty_submissions_under_faults_and_kills_make_forty_jobs(tmp_path: Path) -> None:
    outcome = submitted(tmp_path, submissions=40)
    assert outcome.wrong == []
    assert (outcome.jobs, outcome.made, outcome.open_intents) == (40, 40, 0)
    # Not all of it in fair weather, or it would prove nothing.
    assert outcome.kills >= 3
    assert outcome.how["looked for"] > 0
    assert sum(outcome.met.values()) >= 10
    assert outcome.met.keys() == FAULTS.keys()
