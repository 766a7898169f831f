from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import HOSTILE, START_MS, job
from tui_app.models.export_job import ExportJob, MergePolicyRef, is_terminal
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.job_query import JobSummary
from tui_app.models.stage import STAGES, Stage, stages
from tui_app.present.cells import Cell
from tui_app.present.copying import brief
from tui_app.present.job_detail import (
    Record,
    banner,
    batch_lines,
    error_lines,
    overview_identifiers,
    overview_observed,
    overview_what,
    overview_when,
    pane_titles,
    title,
    unknown_job,
)
from tui_app.present.job_request import request_lines
from tui_app.present.raw_json import CHARACTERS_MOST, MATCHES_MOST, laid_out, matches, raw_lines
from tui_app.present.text_lines import clipped, line, plain, rows, wrapped
from tui_app.present.timeline import timeline, timeline_lines
from tui_app.text import cell_width, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.present.text_lines import TextLine

MINUTE = 60_000
HOUR = 60 * MINUTE


@dataclass(frozen=True)
class Seen:
    seen_ms: int
    status: str
    stage: str | None = None


def record(raw: dict[str, Any], **changes: Any) -> Record:
    """Make a record as history would hold it; `changes` are fields of the summary, `asked` and `observed` apart."""
    parsed = ExportJob.parse(raw)
    asked, observed = changes.pop("asked", None), changes.pop("observed", ())
    echoed, unsaid = ExportRequest.from_job(parsed)
    summary = JobSummary(
        row=1,
        job_id=parsed.job_id,
        status=parsed.status,
        created_ms=parsed.created_ms,
        updated_ms=parsed.updated_ms,
        ended_ms=parsed.updated_ms if is_terminal(parsed.status) else None,
        duration_ms=None,
        stage=None,
        stage_since_ms=None,
        segment_count=len(parsed.segments),
        segment_text="",
        dataset_id=parsed.dataset_id,
    )
    return Record(parsed, replace(summary, **changes), observed, asked, echoed, unsaid)


def text_of(lines: Sequence[TextLine]) -> str:
    return "\n".join(plain(one).rstrip() for one in lines)


def roles_of(lines: Sequence[TextLine], text: str) -> set[str]:
    return {cell.role for one in lines for cell in one if text in cell.text}


# Timeline


def begun(*spans: tuple[str, int | None, int | None]) -> tuple[Stage, ...]:
    """Make stages that are done, from name, start and end."""
    return tuple(Stage(name, start, end, "done") for name, start, end in spans)


def test_bars_are_drawn_to_one_scale_in_order() -> None:
    laid_out_bars = timeline(begun(("queue", 0, 60_000), ("export", 60_000, 180_000), ("gap", 180_000, 210_000)), 0, 21)

    assert [(bar.start, bar.width) for bar in laid_out_bars.bars] == [(0, 6), (6, 12), (18, 3)]
    assert laid_out_bars.cell_ms == 10_000


def test_a_stage_too_short_for_the_scale_still_gets_a_cell() -> None:
    drawn = timeline(begun(("export", 0, HOUR), ("gap", HOUR, HOUR + 1)), 0, 40)

    assert [bar.width for bar in drawn.bars] == [30, 1]


def test_a_young_job_is_not_drawn_finer_than_a_second() -> None:
    drawn = timeline(begun(("queue", 0, 300), ("export", 300, 1_900)), 0, 60)

    assert drawn.cell_ms == 1_000
    assert [bar.width for bar in drawn.bars] == [1, 2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("24115", "24115"),
        ("b1\nb2", "2 lines: b1, b2"),
        ("\n".join("abcdefgh"), "8 lines: a, b, c, d, e, …"),
        ('{\n  "id": 1,\n  "status": "NEW"\n}', "32 characters: id, status"),
        ("{\n not JSON", "2 lines: {,  not JSON"),
        ("", ""),
    ],
)
def test_what_is_offered_for_copying_is_told_on_one_line(text: str, shown: str) -> None:
    assert brief(text) == shown


def test_a_stage_of_unknown_length_gets_one_cell_and_says_that_nobody_knows() -> None:
    job_stages = begun(("queue", 0, MINUTE), ("export", None, None))

    lines = timeline_lines(job_stages, 0, 78, whole_ms=MINUTE)

    assert "?" in plain(lines[1])
    assert " -  " in plain(lines[1])


def test_the_running_stage_grows_while_the_others_stay() -> None:
    now = START_MS
    running = ExportJob.parse(job(status="PROCESSING", stage="export", created_ms=now - 5 * MINUTE))

    before = timeline(stages(running, now), now, 70)
    after = timeline(stages(running, now + 20_000), now + 20_000, 70)

    assert before.cell_ms == after.cell_ms
    assert before.bars[0] == after.bars[0]
    assert after.bars[1].width == before.bars[1].width + 4


def test_waits_and_work_look_different_without_colour() -> None:
    lines = timeline_lines(stages(ExportJob.parse(job()), START_MS), START_MS, 78, whole_ms=5 * MINUTE)

    drawn = {name: plain(one) for name, one in zip(STAGES, lines, strict=False)}
    assert all("░" in drawn[name] and "█" not in drawn[name] for name in ("queue", "gap"))
    assert all("█" in drawn[name] and "░" not in drawn[name] for name in ("export", "write"))
    assert "waits for a slot" in drawn["queue"]
    assert "total 5m" in plain(lines[-1])


def test_a_failed_stage_is_named_as_such_and_what_follows_is_empty() -> None:
    failed = ExportJob.parse(job(status="FAILED", stage="export"))

    lines = timeline_lines(stages(failed, START_MS), START_MS, 78, whole_ms=None)

    assert plain(lines[1]).startswith("! export")
    assert "failed here" in plain(lines[1])
    assert "█" not in plain(lines[3])


moments = st.none() | st.integers(0, 2**62)
any_stage = st.builds(
    Stage, st.sampled_from(STAGES), moments, moments, st.sampled_from(["pending", "running", "done", "failed"])
)


@given(st.lists(any_stage, max_size=8), st.integers(0, 2**62), st.integers(-2, 160))
@settings(max_examples=300)
def test_bars_never_exceed_the_width_keep_order_and_have_a_cell_each(
    given_stages: list[Stage], now: int, width: int
) -> None:
    bars = timeline(given_stages, now, width).bars

    started = [stage for stage in given_stages if stage.state != "pending"]
    assert [bar.stage for bar in bars] == started[max(0, len(started) - max(width, 0)) :]
    assert sum(bar.width for bar in bars) <= max(width, 0)
    assert all(bar.width >= 1 for bar in bars)
    assert [bar.start for bar in bars] == [sum(bar.width for bar in bars[:place]) for place in range(len(bars))]


@given(st.lists(any_stage, min_size=5, max_size=5), st.integers(0, 2**53), st.integers(20, 160))
def test_lines_of_the_timeline_never_exceed_the_width(given_stages: list[Stage], now: int, width: int) -> None:
    lines = timeline_lines(given_stages, now, width, whole_ms=now)

    assert all(cell_width(plain(one)) <= max(width, 20) for one in lines)


# Lines


@given(st.text() | st.sampled_from(HOSTILE), st.integers(1, 90), st.integers(0, 20))
def test_wrapping_keeps_every_character_and_the_width(text: str, width: int, hanging: int) -> None:
    shown = (Cell(safe_text(text, lines=True), "failed"), Cell("tail"))

    lines = wrapped(shown, width, hanging=hanging)

    squeezed = "".join(plain(one) for one in lines).replace(" ", "")
    assert squeezed == plain(shown).replace(" ", "").replace("\n", "")
    assert all(cell_width(plain(one)) <= width or width < 2 for one in lines)


def test_wrapping_breaks_at_blanks_and_indents_what_follows() -> None:
    lines = wrapped(line("one two three four"), 10, hanging=2)

    assert [plain(one) for one in lines] == ["one two", "  three", "  four"]


@given(st.lists(st.text(max_size=12) | st.sampled_from(HOSTILE), max_size=5), st.integers(-1, 40))
def test_clipping_never_exceeds_the_width_and_shows_that_it_cut(texts: list[str], width: int) -> None:
    shown = tuple(Cell(safe_text(text)) for text in texts)

    cut = plain(clipped(shown, width))

    assert cell_width(cut) <= max(width, 0)
    assert cut == plain(shown) or width < 1 or cut.rstrip().endswith("…")


def test_a_joined_emoji_is_not_cut_apart() -> None:
    family = "👩‍👩‍👧‍👦"

    lines = wrapped(line(family * 3), 3)

    assert [plain(one) for one in lines] == [family] * 3


def test_values_are_wrapped_beside_their_label() -> None:
    assert [plain(one) for one in rows([("name", line("a" * 12))], 12, label_width=6)] == [
        "name  aaaaaa",
        "      aaaaaa",
    ]


# Title, banner, panes


def test_the_title_says_status_in_mark_word_and_colour_and_how_long() -> None:
    shown = title(record(job(status="PROCESSING", stage="export", created_ms=START_MS - 124_000)), START_MS, 78)

    assert plain(shown).rstrip() == " > PROCESSING  job 24115  running for 2m04s, changed 1m ago"
    assert shown[1].role == "running"


@pytest.mark.parametrize("width", [0, 1, 5, 20, 60, 80])
def test_the_title_fits_any_width_also_with_an_endless_id(width: int) -> None:
    shown = title(record(job("a" * 300, "輸出" * 40)), START_MS, width)

    assert cell_width(plain(shown)) <= max(width, 1)


def test_an_unknown_status_is_shown_verbatim_with_the_neutral_mark() -> None:
    assert plain(title(record(job(status="PAUSED_BY_X", stage="queue")), START_MS, 78)).startswith(" ? PAUSED_BY_X")


def test_a_job_that_is_gone_stands_still_and_says_so() -> None:
    gone = record(job(status="PROCESSING", stage="export", created_ms=START_MS - HOUR), gone=True)

    assert "no longer knows this job" in banner(gone, START_MS)
    assert gone.ended
    assert gone.moment(START_MS) == gone.summary.updated_ms


def test_a_job_without_a_sign_of_life_is_maybe_stuck() -> None:
    silent = record(job(status="PROCESSING", stage="export", created_ms=START_MS - 3 * HOUR))

    assert banner(silent, START_MS) == "Maybe stuck: no change for 2h59m. x cancels, t clones."
    assert banner(silent, START_MS - HOUR - MINUTE) == ""


def test_a_job_cancelled_by_us_that_vanished_counts_as_cancelled() -> None:
    vanished = record(job(status="PROCESSING", stage="export"), status="CANCELLED", gone=True)

    assert vanished.as_shown.status == "CANCELLED"
    assert plain(title(vanished, START_MS, 78)).startswith(" x CANCELLED")


def test_panes_are_named_with_what_is_in_them() -> None:
    assert [label for _, label in pane_titles(None)] == [
        "1 Overview",
        "2 Errors",
        "3 Request",
        "4 Batches",
        "5 Raw",
    ]
    with_error = record(job(status="FAILED", stage="export", errors=[{"code": "1", "msg": "m", "callStack": "c"}]))
    assert ("errors", "2 Errors (1)") in pane_titles(with_error)


def test_a_job_nobody_knows_gets_a_reason_and_a_next_step() -> None:
    assert unknown_job("7", "", missing=False) == ("Asking the platform for export job 7…",)
    assert "Check the id" in unknown_job("7", "No such job.", missing=True)[-1]
    assert "r tries again" in unknown_job("7", "Connection refused.", missing=False)[-1]


# Overview


def test_the_overview_says_who_what_and_where() -> None:
    shown = text_of(overview_what(record(job(), dataset_name="Loyalty export"), 78))

    assert "Loyalty export" in shown
    assert "65e0c0ffee0123456789abcd" in shown
    assert "4edc8488-2c35-4f6d-b4c6-9075c68d2df4  ups" in shown
    assert "not the scheduler" in shown


def test_the_overview_names_the_schedule_of_a_scheduled_job() -> None:
    scheduled = record(job(properties={"scheduleId": "s-1", "runId": "r-2"}))

    assert "the platform's scheduler, schedule s-1, run r-2" in text_of(overview_what(scheduled, 78))


def test_a_job_made_from_here_is_said_to_be_ours() -> None:
    ours = record(job(), asked=ExportRequest("d"))

    assert "made by         this aepx" in text_of(overview_what(ours, 78))


def test_counters_by_namespace_are_shown() -> None:
    counted = record(
        job(metrics={"totalExportedProfileCounter": 1200, "exportedProfileByNamespaceCounter": {"email": 12}})
    )

    assert "1,200 exported: 12 email" in text_of(overview_what(counted, 78))


def test_moments_are_local_with_offset_utc_and_relative() -> None:
    shown = text_of(overview_when(record(job(created_ms=START_MS - 20 * MINUTE)), START_MS, 78, zone=UTC))

    assert "created         2026-03-01 11:40:00+00:00  (11:40:00Z, 20m ago)" in shown
    assert "ended" in shown


def test_identifiers_hold_request_and_compute_ids() -> None:
    shown = text_of(overview_identifiers(record(job()), 78))

    assert "IwkVcD4RupdSmX376OBVORvcvTdA4ypN" in shown
    assert "exportJob       305a2e5c-2cf3-4746-9b3d-3c5af0437754" in shown


def test_what_was_observed_is_listed_in_order_with_age_or_time() -> None:
    seen = (Seen(START_MS - MINUTE, "NEW", "queue"), Seen(START_MS, "PROCESSING", "export"))
    watched = record(job(), observed=seen)

    ages = text_of(overview_observed(watched, START_MS, 78))
    times = text_of(overview_observed(watched, START_MS, 78, absolute_times=True, zone=UTC))

    assert ages.index("1m ago        o NEW in queue") < ages.index("> PROCESSING in export")
    assert "2026-03-01 11:59:00+00:00" in times


# Errors


def test_errors_keep_leading_zeros_and_the_lines_of_the_call_stack() -> None:
    failed = record(
        job(status="FAILED", errors=[{"code": "0090000009", "msg": "Error writing", "callStack": "a\n  at b\n  at c"}])
    )

    assert (
        text_of(error_lines(failed, 78)).splitlines()
        == [
            "Error 1 of 1",
            "code            0090000009",
            "message         Error writing",
            "call stack      a",
            "                  at b",
            "                  at c",
            "",
        ][:6]
    )


def test_a_job_that_succeeded_with_errors_shows_them_and_says_that_it_succeeded() -> None:
    shown = text_of(error_lines(record(job(errors=[{"code": "0100000003", "msg": "m", "callStack": ""}])), 78))

    assert "succeeded all the same" in shown
    assert "0100000003" in shown
    assert "call stack      none given" in shown


@pytest.mark.parametrize(
    ("status", "why", "step"),
    [
        ("FAILED", "gives no error", "5 shows all"),
        ("SUCCEEDED", "no errors", "3 shows"),
        ("PROCESSING", "No errors so far", "1 shows"),
    ],
)
def test_an_empty_error_pane_says_why_and_what_next(status: str, why: str, step: str) -> None:
    shown = text_of(error_lines(record(job(status=status)), 78))

    assert why in shown
    assert step in shown


def test_a_call_stack_too_long_is_cut_with_a_remark() -> None:
    huge = record(job(status="FAILED", errors=[{"code": "1", "msg": "m", "callStack": "x" * 25_000}]))

    assert "5,000 more characters; 5 shows all" in text_of(error_lines(huge, 78))


# Request


def test_what_the_platform_did_not_echo_is_marked() -> None:
    shown = text_of(request_lines(record(job()), 78))

    assert "Made elsewhere" in shown
    assert "fields          not echoed" in shown
    assert "merge policy    asked for  not echoed" in shown
    assert "in effect  0bf16e61-90e9-4204-b8fa-ad250360957b  version 1" in shown
    assert "event list      not echoed" in shown


def test_our_own_request_is_shown_as_sent_beside_what_is_in_effect() -> None:
    asked = ExportRequest(
        "65e0c0ffee0123456789abcd",
        fields="identities.id,personalEmail.address",
        merge_policy=MergePolicyRef("e5bc94de", 3),
        qualified_from="2019-09-01T00:00:00Z",
        events=EventList(fields="environment.browser", from_ingest="2018-10-25T13:22:04-07:00"),
        extra={"newField": {"deep": 1}},
    )

    lines = request_lines(record(job(), asked=asked), 78)
    shown = text_of(lines)

    assert "exactly what was asked for" in shown
    assert "asked for  e5bc94de  version 3" in shown
    assert "put its own in place" in shown
    assert roles_of(lines, "put its own in place") == {"overdue"}
    assert "identities.id\n                personalEmail.address" in shown
    assert "qualified from  2019-09-01T00:00:00Z" in shown
    assert "qualified to    not asked for" in shown
    assert "not echoed" not in shown.replace("statuses not echoed", "")
    assert "newField" in shown


def test_a_job_written_elsewhere_than_asked_says_so() -> None:
    lines = request_lines(record(job(), asked=ExportRequest("5b020a27e7040801dedba61b")), 78)

    assert "written to      65e0c0ffee0123456789abcd" in text_of(lines)


# Batches


def test_batches_are_listed_with_segment_and_statuses() -> None:
    destination = {
        "datasetId": "d",
        "segmentPerBatch": True,
        "batches": [{"batchId": "b1", "segmentId": "s1", "segmentNs": "AAM", "status": "exited"}, {"batchId": "b2"}],
    }

    shown = text_of(batch_lines(record(job(destination=destination)), 78))

    assert "2 batches, one for each segment" in shown
    assert "batch           b1\nsegment         s1  AAM\nstatuses        exited" in shown


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("PROCESSING", "No batch yet"),
        ("FAILED", "failed before"),
        ("SUCCEEDED", "empty"),
        ("CANCELLED", "ended before"),
    ],
)
def test_without_batches_the_pane_says_why_and_what_next(status: str, why: str) -> None:
    lines = batch_lines(record(job(status=status, destination={"datasetId": "d", "batchId": ""})), 78)

    assert why in text_of(lines)
    assert len(lines) >= 2


# Raw


def test_the_record_is_shown_whole_with_fields_nobody_knows() -> None:
    raw = job(mystery={"deep": [1, None, True, "輸出"]})

    lines = raw_lines(raw)

    assert json.loads(text_of(lines)) == raw
    assert roles_of(lines, '"mystery"') == {"json-key"}
    assert roles_of(lines, '"輸出"') == {"json-string"}
    assert roles_of(lines, "null") == {"json-word"}


def test_a_huge_record_is_cut_with_a_remark() -> None:
    lines = raw_lines({"id": 1, "list": ["x" * 1000] * 1000})

    assert sum(len(plain(one)) for one in lines) < CHARACTERS_MOST + 100
    assert "cut here after 300,000 characters" in plain(lines[-1])


def test_search_finds_in_either_case_and_marks_the_current_match() -> None:
    lines = raw_lines({"Alpha": "beta ALPHA"})

    found = matches(lines, "alpha")
    shown, where = laid_out(lines, 40, found=found, current=1)

    assert [(one.line, plain(lines[1])[one.start : one.end]) for one in found] == [(1, "Alpha"), (1, "ALPHA")]
    assert where == 1
    assert roles_of(shown, "ALPHA") == {"match-current"}
    assert text_of(shown) == text_of(lines)


def test_search_takes_text_literally_and_stops_at_its_cap() -> None:
    assert matches(raw_lines({"a": "[/x]"}), "[/") != ()
    assert matches(raw_lines({"a": "b"}), "") == ()
    assert len(matches(raw_lines({"a": "z" * 5000}), "z")) == MATCHES_MOST


def test_a_match_on_a_wrapped_line_is_where_it_is_drawn() -> None:
    lines = raw_lines({"a": "x" * 50 + "needle"})

    shown, where = laid_out(lines, 20, found=matches(lines, "needle"), current=0)

    assert where is not None
    assert "match-current" in {cell.role for cell in shown[where]}


# Hostile text, everywhere

hostile = st.sampled_from(HOSTILE) | st.text(max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)
hostile_jobs = st.fixed_dictionaries(
    {"id": st.integers(0, 10**9)},
    optional={
        "status": hostile,
        "requestId": hostile,
        "errors": st.lists(st.fixed_dictionaries({"code": hostile, "msg": hostile, "callStack": hostile}), max_size=3),
        "destination": st.fixed_dictionaries(
            {
                "datasetId": hostile,
                "batches": st.lists(st.fixed_dictionaries({"batchId": hostile, "segmentId": hostile})),
            }
        ),
        "filter": st.fixed_dictionaries({"segments": st.lists(st.fixed_dictionaries({"segmentId": hostile}))}),
        "computeGatewayJobId": st.dictionaries(hostile, hostile, max_size=2),
        "mergePolicy": json_values,
        "fields": json_values,
        "additionalFields": json_values,
        "metrics": json_values,
        "creationTime": st.integers(),
        "updateTime": st.integers(),
        "unheardOf": json_values,
    },
)


@given(hostile_jobs, st.integers(20, 120))
@settings(max_examples=80, deadline=None)
def test_no_pane_is_broken_by_what_the_platform_sends(raw: dict[str, Any], width: int) -> None:
    shown = record(raw, observed=(Seen(START_MS, safe_text(str(raw.get("status"))), "queue"),))

    panes = [
        (title(shown, START_MS, width),),
        overview_what(shown, width),
        overview_when(shown, START_MS, width),
        overview_identifiers(shown, width),
        overview_observed(shown, START_MS, width),
        error_lines(shown, width),
        request_lines(shown, width),
        batch_lines(shown, width),
        laid_out(raw_lines(raw), width)[0],
    ]

    for one in (one for pane in panes for one in pane):
        assert safe_text(plain(one)) == plain(one)
        assert cell_width(plain(one)) <= max(width, 32)
