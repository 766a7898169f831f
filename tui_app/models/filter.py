"""Owns what a filter asks of a job, as values, and the fields it can ask about; `filter_text` reads them from a line.

A condition either holds for a job or does not; there is no third answer. Where a job has no such value (no
duration yet, no error, a dataset that was never named), no condition on that field holds, and its negation does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from tui_app.models.export_job import STATUSES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["name", "words", "state", "flag", "moment", "span", "number"]
"""What a field's values are, and what a value without `*` means.

`name`: the whole id or name. `words`: text anywhere inside. `state`: one of a few words, or the beginning of
some. `flag`: yes or no. `moment`: a date or time. `span`: a length of time. `number`: a count.
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the language: how it is written, what kind of value it takes, what it asks, and an example."""

    name: str
    kind: Kind
    help: str
    example: str


FIELDS: Final[dict[str, Field]] = {
    one.name: one
    for one in (
        Field("status", "state", "status, or the beginning of one; running is every job not ended", "status:failed"),
        Field("id", "name", "job id", "id:24115"),
        Field("dataset", "name", "whole name or id of the dataset", "dataset:loyal*"),
        Field("segment", "name", "whole id of a segment it exports", "segment:2b7d*"),
        Field("error", "words", "text inside an error's code or message", 'error:"output path"'),
        Field("policy", "name", "whole id of the merge policy", "policy:9f1c*"),
        Field("batch", "name", "whole id of a batch it writes", "batch:01f0*"),
        Field("stage", "state", "stage it is in, or failed in", "stage:write"),
        Field("mine", "flag", "made by a person or a program, not by the platform's scheduler", "mine:yes"),
        Field("stuck", "flag", "running without a sign of life for 2 h", "stuck:yes"),
        Field("gone", "flag", "no longer known to the platform", "gone:yes"),
        Field("age", "span", "time since it was created", "age<7d"),
        Field("created", "moment", "when it was created", "created:2024-03-01..2024-03-08"),
        Field("updated", "moment", "when it last changed", "updated>=2024-03-01"),
        Field("ended", "moment", "when it ended", "ended<2024-03-01T12:00"),
        Field("duration", "span", "how long it took, or has taken so far", "duration>20m"),
        Field("profiles", "number", "how many profiles it exported", "profiles=0"),
    )
}
"""The fields by name, in the order they are shown to people."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text to look for: literal pieces, with any text (also none) between one and the next.

    `("loyal",)` is that whole text, `("loyal", "")` what begins with it, `("", "path", "")` what holds it. Pieces
    are taken literally: `*`, `%` and `_` in one mean themselves. Case does not matter, in any script.
    """

    pieces: tuple[str, ...]

    @staticmethod
    def inside(text: str) -> Pattern:
        """Return the pattern of every text that holds `text`."""
        return Pattern(("", text, ""))

    @staticmethod
    def beginning(text: str) -> Pattern:
        """Return the pattern of every text that begins with `text`."""
        return Pattern((text, ""))

    @property
    def is_whole(self) -> bool:
        """Whether only one text (in any case) fits."""
        return len(self.pieces) == 1

    def matches(self, text: str) -> bool:
        """Tell whether the whole of `text` fits; this is what any other reading of a pattern must agree with."""
        folded = text.casefold()
        first, *between = (piece.casefold() for piece in self.pieces)
        if not between:
            return folded == first
        last = between.pop()
        end = len(folded) - len(last)
        place = len(first)
        if place > end or not folded.startswith(first) or not folded.endswith(last):
            return False
        for piece in between:
            found = folded.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True


@dataclass(frozen=True, slots=True)
class AnyText:
    """Some text of the job fits `pattern`, which always begins and ends open: it asks for text inside.

    The texts, each for itself: job id, status, stage, dataset id, dataset name, each segment id, merge policy id,
    and the codes and messages of its errors. Batch ids, of which there are as many as jobs, count only where they
    begin with the text and it is long enough to mean one; `batch:` looks inside them.
    """

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class OneOf:
    """At least one text of the field fits at least one of the patterns; a job without such a text does not match.

    The texts: `status` as normalised, in capitals; `id`; `dataset` its id, and its name where known; `segment` each
    segment id; `error` codes and messages of all its errors as one text, a line each; `policy` the effective merge
    policy's id; `batch` each batch id; `stage` the one a running job is in or a failed job failed in, none for other
    ended jobs.

    An absent or empty text fits nothing, not even `*` alone: `error:*` finds the jobs with an error.
    """

    field: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The field's number is known, and is neither below `low` nor above `high`; both belong to the range.

    A bound that is None is not there; one is. `created`, `updated` and `ended` are epoch milliseconds; `age` is
    now less creation and `duration` the job's, or for a job that still runs (not ended, not gone) now less
    creation, both in milliseconds; `profiles` is a count. The now of `age` and `duration` is that of each
    answer, not that of the reading of the line. A creation time the platform did not give is unknown, not 1970.
    Bounds may be negative and always fit in 63 bits.
    """

    field: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Is:
    """The flag holds (or, with `holds` False, does not): every job has an answer.

    `mine`: not made by the platform's scheduler (API reference 2.8). `gone`: the platform no longer knows the job.
    `stuck`: not ended, not gone, and its update time is known and more than `stage.OVERDUE_AFTER_MS` before now.
    """

    field: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; so it is true wherever the part asks about something unknown."""

    part: Filter


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; without parts, always."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Filter, ...]


Filter: TypeAlias = AnyText | OneOf | Within | Is | Not | AllOf | AnyOf
EVERYTHING: Final = AllOf()
"""The filter that every job passes."""

_FORMS: Final = (
    ("loyalty", "jobs with this text in id, status, stage, dataset, segment, policy or error, or beginning a batch id"),
    ('"output path"', "this phrase; in quotes every sign means itself"),
    ("status:failed,processing", "one of several values"),
    ("-status:succeeded", "not so; also status!=succeeded, not status:succeeded, -(a or b)"),
    ("status:failed age<7d", "both; and may be written between them"),
    ("stuck:yes or (status:failed mine:yes)", "at least one; brackets group"),
    ('dataset:"loyalty ex"*', "* stands for any text, outside quotes"),
    ("error:*", "has an error at all; -error:* has none"),
    ("created:today", "a day; also yesterday, 2024, 2024-03, 2024-03-01, 2024-03-01T12:00, 14:30"),
    ("duration:5m..20m", "from..to, both belong to it; either may be left out"),
    ("duration>1h30m", "units ms, s, m, h, d, w; numbers may end in k or m: profiles>1.5k"),
)


def strange_statuses(wanted: Filter) -> Iterator[str]:
    """Yield the statuses that a filter asks for and no known one fits, such as a misspelt one.

    The platform may have new ones, so that this is a reason to say so and none to refuse.
    """
    match wanted:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from strange_statuses(part)
        case Not(part):
            yield from strange_statuses(part)
        case OneOf("status", patterns):
            known = (*STATUSES, UNKNOWN)
            # The language takes a word for the beginning of a status; what was typed had no star.
            yield from ("*".join(one.pieces).rstrip("*") for one in patterns if not any(map(one.matches, known)))
        case _:
            pass


def cheat_sheet() -> tuple[tuple[str, str], ...]:
    """Return examples of the whole language with their meanings: first its forms, then each field."""
    return (*_FORMS, *((one.example, one.help) for one in FIELDS.values()))
