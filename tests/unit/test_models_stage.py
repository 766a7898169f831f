"""The stages of a job: worked out from whatever timers there are, for every way a job can stand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import samples
from tui_app.models.export_job import ExportJob
from tui_app.models.stage import STAGES, Stage, current, current_stage, duration_ms, ended_ms, stages

START = 1_709_290_800_000
NOW = START + 1_000_000
timer = samples.timer


def at(second: int) -> int:
    return START + second * 1000


def job(status: str, *, compute: object = None, **metrics: Any) -> ExportJob:
    """A job with only the timers given: `total`, `export` and `write`."""
    names = {"total": "totalTime", "export": "profileExportTime", "write": "aCPDatasetWriteTime"}
    return ExportJob.parse(
        {
            "id": 1,
            "status": status,
            "creationTime": START,
            "computeGatewayJobId": compute,
            "metrics": {names[name]: value for name, value in metrics.items()},
        }
    )


def seconds(job: ExportJob, now: int = NOW) -> list[tuple[str, float | None]]:
    return [
        (each.state, None if each.duration_ms(now) is None else (each.duration_ms(now) or 0) / 1000)
        for each in stages(job, now)
    ]


@pytest.mark.parametrize(
    ("raw", "durations", "total"),
    [
        (samples.listed_success(), [93_550, 72_131, 55_596, 543, 37_524], 259_344),
        (samples.finished_job(), [128_027, 110_604, 882_221, 38_502, 45_011], 1_204_365),
    ],
)
def test_the_timed_jobs_of_the_tutorial(raw: dict[str, Any], durations: list[int], total: int) -> None:
    parsed = ExportJob.parse(raw)
    found = stages(parsed, NOW)
    assert [each.name for each in found] == list(STAGES)
    assert [each.duration_ms(NOW) for each in found] == durations
    assert {each.state for each in found} == {"done"}
    assert sum(durations) == total == duration_ms(parsed, NOW)
    assert current_stage(parsed, NOW) is None


def test_the_failed_job_of_the_tutorial_failed_in_export() -> None:
    parsed = ExportJob.parse(samples.listed_failure())
    assert seconds(parsed) == [("done", 455.524), ("failed", 46.598), *[("pending", None)] * 3]
    assert current_stage(parsed, NOW) == "export"
    assert duration_ms(parsed, NOW) == 505_864
    assert ended_ms(parsed) == 1538573922551


@pytest.mark.parametrize(
    ("running", "name", "since"),
    [
        (job("NEW", total=timer(START)), "queue", START),
        (job("NEW"), "queue", START),
        (job("QUEUED", compute={"exportJob": ""}), "queue", START),
        (job("REHYDRATING"), "queue", START),
        (job("PROCESSING"), "export", None),
        (job("NEW", compute={"exportJob": "e"}), "export", None),
        (job("PROCESSING", export=timer(at(90))), "export", at(90)),
        (job("PROCESSING", export={"totalTimeInMs": 5000}), "export", None),
        (job("PROCESSING", export=timer(at(90), at(160))), "gap", at(160)),
        (job("PROCESSING", export={"startTimeInMs": at(90), "totalTimeInMs": 70_000}), "gap", at(160)),
        (job("PROCESSING", export=timer(at(90), at(160)), compute={"pushJob": "p"}), "write", None),
        (job("PROCESSING", export=timer(at(90), at(160)), write=timer(at(200))), "write", at(200)),
        (job("PROCESSING", export=timer(at(90), at(160)), write=timer(at(200), at(201))), "finish", at(201)),
        (job("PROCESSING", write={"endTimeInMs": at(201), "totalTimeInMs": 1000}), "finish", at(201)),
        (job("CANCELLING", export=timer(at(90))), "export", at(90)),
    ],
)
def test_the_stage_a_running_job_is_in(running: ExportJob, name: str, since: int | None) -> None:
    stage = current(running, NOW)
    assert stage == Stage(name, since, None, "running")
    assert current_stage(running, NOW) == name
    place = STAGES.index(name)
    states = [each.state for each in stages(running, NOW)]
    assert states == ["done"] * place + ["running"] + ["pending"] * (4 - place)
    assert stage.duration_ms(NOW) == (None if since is None else NOW - since)
    assert ended_ms(running) is None
    assert duration_ms(running, NOW) == NOW - START


def test_a_finished_job_without_a_write_timer_leaves_the_rest_unknown() -> None:
    done = job("SUCCEEDED", total=timer(START, at(300)), export=timer(at(90), at(160)))
    assert stages(done, NOW) == (
        Stage("queue", START, at(90), "done"),
        Stage("export", at(90), at(160), "done"),
        Stage("gap", at(160), None, "done"),
        Stage("write", None, None, "done"),
        Stage("finish", None, at(300), "done"),
    )
    assert [each for _, each in seconds(done)] == [90.0, 70.0, None, None, None]


@pytest.mark.parametrize(
    ("failed", "name", "took"),
    [
        (job("FAILED", total=timer(START, at(5))), "queue", 5000),
        (job("FAILED", total=timer(START, at(95)), export=timer(at(90))), "export", 5000),
        (job("FAILED", total=timer(START, at(95)), compute={"exportJob": "e"}), "export", None),
        (job("FAILED", total=timer(START, at(165)), export=timer(at(90), at(160))), "export", 70_000),
        (
            job("FAILED", total=timer(START, at(210)), export=timer(at(90), at(160)), write=timer(at(200))),
            "write",
            10_000,
        ),
        (job("FAILED", total=timer(START, at(210)), write=timer(at(200), at(201))), "write", 1000),
        (job("FAILED", total=timer(START, at(210)), compute={"pushJob": "p"}), "write", None),
        (job("FAILED"), "queue", None),
    ],
)
def test_the_stage_a_job_failed_in(failed: ExportJob, name: str, took: int | None) -> None:
    stage = current(failed, NOW)
    assert stage is not None
    assert (stage.name, stage.state, stage.duration_ms(NOW)) == (name, "failed", took)
    place = STAGES.index(name)
    assert [each.state for each in stages(failed, NOW)] == ["done"] * place + ["failed"] + ["pending"] * (4 - place)


def test_a_cancelled_job_stops_where_it_was_without_blame() -> None:
    stopped = job("CANCELLED", total=timer(START, at(100)), export=timer(at(90)))
    assert seconds(stopped) == [("done", 90.0), ("done", 10.0), *[("pending", None)] * 3]
    assert current(stopped, NOW) is None


def test_moments_out_of_order_never_make_a_negative_duration() -> None:
    mixed = job(
        "SUCCEEDED",
        total=timer(at(100), at(50)),
        export=timer(at(90), at(80)),
        write=timer(at(200), at(10)),
    )
    assert [each for _, each in seconds(mixed)] == [0.0, 0.0, 100.0, 0.0, 0.0]
    assert ended_ms(mixed) == at(200)


def test_a_running_stage_never_starts_in_the_future() -> None:
    ahead = job("PROCESSING", export=timer(NOW + 5000))
    assert current(ahead, NOW) == Stage("export", NOW, None, "running")


@pytest.mark.parametrize(
    ("raw", "end", "took"),
    [
        ({"updateTime": at(60)}, at(60), 60_000),
        ({"updateTime": START - 1}, None, None),
        ({"updateTime": at(60), "metrics": {"profileExportTime": timer(at(90))}}, None, None),
        ({"metrics": {"totalTime": {"startTimeInMs": at(1), "totalTimeInMs": 2000}}}, at(3), 2000),
        ({"metrics": {"totalTime": {"endTimeInMs": at(9)}}}, at(9), 9000),
        ({"metrics": {"totalTime": {"totalTimeInMs": 7}}}, None, 7),
        ({}, None, None),
        ({"creationTime": None, "updateTime": at(60)}, at(60), None),
        ({"creationTime": None, "metrics": {"totalTime": {"endTimeInMs": at(9)}}}, at(9), None),
    ],
)
def test_when_an_ended_job_ended(raw: dict[str, Any], end: int | None, took: int | None) -> None:
    parsed = ExportJob.parse({"id": 1, "status": "SUCCEEDED", "creationTime": START, **raw})
    assert ended_ms(parsed) == end
    assert duration_ms(parsed, NOW) == took


def test_a_running_job_without_a_start_has_no_duration() -> None:
    parsed = ExportJob.parse({"id": 1, "status": "NEW"})
    assert duration_ms(parsed, NOW) is None
    assert current(parsed, NOW) == Stage("queue", None, None, "running")


@st.composite
def timers(draw: st.DrawFn) -> dict[str, int]:
    keys = ("startTimeInMs", "endTimeInMs", "totalTimeInMs")
    return {key: draw(st.integers(START - 10**6, START + 10**6)) for key in keys if draw(st.booleans())}


@given(
    st.sampled_from(["NEW", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELLED", "CANCELLING", "ODD"]),
    st.fixed_dictionaries({}, optional={"total": timers(), "export": timers(), "write": timers()}),
    st.integers(START - 10**6, START + 10**7),
)
def test_stages_of_any_timers_keep_their_order(status: str, metrics: dict[str, Any], now: int) -> None:
    parsed = job(status, **metrics)
    found = stages(parsed, now)
    assert [each.name for each in found] == list(STAGES)
    assert all((each.duration_ms(now) or 0) >= 0 for each in found)
    known = [each.ended_ms for each in found if each.ended_ms is not None]
    assert known == sorted(known)
    ranks = ["done", "running", "failed", "pending"]
    states = [ranks.index(each.state) for each in found]
    assert states == sorted(states)
    assert sum(each.state in ("running", "failed") for each in found) == (status not in ("SUCCEEDED", "CANCELLED"))
