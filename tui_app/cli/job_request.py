"""Owns the options that describe an export job, and how they, a file and a job to clone become one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar

import click

if TYPE_CHECKING:
    from tui_app.models.export_job import MergePolicyRef, Segment
    from tui_app.models.export_request import EventList, ExportRequest

_F = TypeVar("_F", bound=Callable[..., Any])
_TIME = "TIME"


_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--dataset", metavar="ID", help="Dataset to write to; it must be on the profile union schema."),
    click.option(
        "--segment",
        metavar="ID[:NS[:STATUS+STATUS]]",
        multiple=True,
        help="Segment to export; again for more. NS is its namespace, the default ups; statuses are realized, "
        "existing and exited, the default realized+existing. Without a segment all profiles are exported.",
    ),
    click.option("--merge-policy", metavar="ID[@VERSION]", help="Merge policy; without a version the latest."),
    click.option("--fields", metavar="PATH,…", help="Fields to export; the default is all."),
    click.option("--qualified-from", metavar=_TIME, help="Only who qualified at or after this moment."),
    click.option("--qualified-to", metavar=_TIME, help="Only who qualified at or before this moment."),
    click.option("--from-ingest", metavar=_TIME, help="Only profiles updated at or after this moment."),
    click.option("--empty-profiles/--no-empty-profiles", default=None, help="Also profiles without data."),
    click.option(
        "--events",
        metavar="PATH,…",
        is_flag=False,
        flag_value="",
        default=None,
        help="Also time-series events, all their fields or only these.",
    ),
    click.option("--events-from", metavar=_TIME, help="Only events ingested at or after this moment."),
    click.option("--events-to", metavar=_TIME, help="Only events ingested at or before this moment."),
    click.option(
        "--segment-per-batch/--no-segment-per-batch", default=None, help="Write each segment as its own batch."
    ),
    click.option("--evaluate/--no-evaluate", default=None, help="Evaluate the segments first."),
    click.option("--schema", metavar="NAME", help="Schema class; the default is _xdm.context.profile."),
)


class RequestOptions(TypedDict):
    """The options as click hands them over; None and () mean not given."""

    dataset: str | None
    segment: tuple[str, ...]
    merge_policy: str | None
    fields: str | None
    qualified_from: str | None
    qualified_to: str | None
    from_ingest: str | None
    empty_profiles: bool | None
    events: str | None
    events_from: str | None
    events_to: str | None
    segment_per_batch: bool | None
    evaluate: bool | None
    schema: str | None


def request_options(command: _F) -> _F:
    """Give a command the options of an export job; they arrive as the keys of `RequestOptions`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def build_request(options: RequestOptions, base: ExportRequest | None = None) -> ExportRequest:
    """Return the request that the options describe, each one replacing that part of `base`.

    Raises:
        click.UsageError: an option cannot be read; what it says is checked later, by the request itself.
    """
    from tui_app.models.export_request import ExportRequest  # noqa: PLC0415 - pydantic is slow to import

    request = ExportRequest(dataset_id="") if base is None else base
    plain = {
        "dataset_id": options["dataset"],
        "schema_name": options["schema"],
        "fields": _spaceless(options["fields"]),
        "qualified_from": options["qualified_from"],
        "qualified_to": options["qualified_to"],
        "from_ingest": options["from_ingest"],
        "empty_profiles": options["empty_profiles"],
        "segment_per_batch": options["segment_per_batch"],
        "evaluate": options["evaluate"],
    }
    changes: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
    if options["segment"]:
        changes["segments"] = tuple(_segment(text) for text in options["segment"])
    if options["merge_policy"] is not None:
        changes["merge_policy"] = _merge_policy(options["merge_policy"])
    changes["events"] = _events(options, request.events)
    return replace(request, **changes)


def _segment(text: str) -> Segment:
    from tui_app.models.export_job import Segment  # noqa: PLC0415 - as above

    segment_id, _, rest = text.partition(":")
    namespace, _, statuses = rest.partition(":")
    return Segment(segment_id, namespace or None, tuple(word for word in statuses.split("+") if word))


def _merge_policy(text: str) -> MergePolicyRef:
    from tui_app.models.export_job import MergePolicyRef  # noqa: PLC0415 - as above

    policy_id, at, version = text.partition("@")
    if not at:
        return MergePolicyRef(policy_id)
    if not (version.isascii() and version.isdigit()):
        raise click.BadParameter(
            f"the version {version!r} is not a whole number. Write it like {policy_id or 'ID'}@1.",
            param_hint="--merge-policy",
        )
    return MergePolicyRef(policy_id, int(version))


def _events(options: RequestOptions, base: EventList | None) -> EventList | None:
    from tui_app.models.export_request import EventList  # noqa: PLC0415 - as above

    given = (options["events"], options["events_from"], options["events_to"])
    if all(one is None for one in given):
        return base
    events = base or EventList()
    fields, start, end = given
    return EventList(
        fields=events.fields if fields is None else _spaceless(fields) or None,
        from_ingest=events.from_ingest if start is None else start,
        to_ingest=events.to_ingest if end is None else end,
    )


def _spaceless(paths: str | None) -> str | None:
    return None if paths is None else ",".join(path.strip() for path in paths.split(",") if path.strip())
