"""Owns the timeline of one job on the screen; where the bars stand is decided by `present.timeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.present.timeline import timeline_lines
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.models.stage import Stage


class Timeline(TextLines):
    """Stages to scale; showing a later moment repaints the running stage and nothing else."""

    def show_stages(self, stages: Sequence[Stage], now_ms: int, *, whole_ms: int | None) -> None:
        """Draw the stages as they stand.

        Args:
            stages: all five, of `models.stage.stages`.
            now_ms: epoch ms, up to which the running stage is drawn.
            whole_ms: how long the job took, or has taken so far.
        """
        self.show(lambda width: timeline_lines(stages, now_ms, width, whole_ms=whole_ms))
