"""How moments are written, also by a clock that is not the platform's."""

from __future__ import annotations

import pytest

from tui_app.present.times import ago, everything

NOW = 1_772_366_400_000


@pytest.mark.parametrize(
    ("moment", "written"),
    [(NOW - 2_400_000, "40m ago"), (NOW - 7_000, "5s ago"), (NOW + 3_588_000, "in 59m48s"), (None, "-")],
)
def test_a_moment_is_past_or_to_come_never_both(moment: int | None, written: str) -> None:
    assert ago(moment, NOW) == written
    assert everything(moment, NOW).rstrip(")").endswith(written)
