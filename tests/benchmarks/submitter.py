"""Submits jobs as a careful person does, in a process that may be killed at any moment; run by `submissions`."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from tui_app.clock import SystemClock
from tui_app.config import Connection, Settings
from tui_app.config.templates import Templates
from tui_app.models.export_job import Segment
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import FailureError, FailureKind
from tui_app.wiring import Workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.engine.engine import Engine
    from tui_app.engine.jobs import Submission

PROCESSES: Final = 2
_FAST: Final = 20.0
_READ_S: Final = 0.6
_TRIES: Final = 400


class FastClock(SystemClock):
    """The machine's time, but whoever wants to wait waits a twentieth of it."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / _FAST)


class Impatient(httpx.AsyncHTTPTransport):
    """The network, given up on sooner than the client would."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"] = {"connect": 5.0, "read": _READ_S, "write": 5.0, "pool": 5.0}
        return await super().handle_async_request(request)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all processes know: where the platform and the history are, and what is to be submitted."""

    ready: Mapping[str, Any]
    folder: str
    dataset_id: str
    submissions: int

    def engine(self) -> Engine:
        """Return an engine on the history that all share, opened."""
        names = ("org_id", "client_id", "base_url", "ims_url")
        connection = Connection(name="demo", sandbox="prod", **{name: self.ready[name] for name in names})
        spaces = Workspaces(
            Settings(connections={"demo": connection}),
            environ={"AEPX_CLIENT_SECRET": self.ready["client_secret"]},
            clock=FastClock(),
            folder=Path(self.folder) / "history",
            chosen=lambda: connection,
            transport=Impatient,
            templates=Templates.beside(Path(self.folder) / "config.toml"),
        )
        return spaces.open_now("demo", "prod")

    def request(self, number: int) -> ExportRequest:
        """Return what submission `number` asks for.

        Three of five are like no other. One differs from its kind only in what the platform does not echo, and one in
        nothing at all: two of these are told apart by nothing but the ids of their jobs.
        """
        kind = number % 5
        if kind == 0:
            return ExportRequest(dataset_id=self.dataset_id, segments=(Segment("same", None, ("realized",)),))
        if kind == 1:
            return ExportRequest(dataset_id=self.dataset_id, segments=(Segment("alike"),), fields=f"field{number}")
        return ExportRequest(dataset_id=self.dataset_id, segments=(Segment(f"own-{number}"),))

    def intents(self) -> list[dict[str, Any]]:
        """Return the journal, read without any of our code."""
        (path,) = (Path(self.folder) / "history").glob("**/*.db")
        with sqlite3.connect(path, timeout=30) as db:
            db.row_factory = sqlite3.Row
            rows = [dict(row) for row in db.execute("SELECT * FROM intent ORDER BY intent_id")]
        db.close()
        return [{**row, "body": json.loads(row["body"])} for row in rows]


class Diary:
    """What one line of submissions has come to, on the disk, so that it goes on after its process was killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: list[dict[str, Any]] = []
        if path.exists():
            # The end of the last line may be missing: then it says nothing.
            for line in path.read_text().splitlines():
                if line.endswith("}"):
                    self.entries.append(json.loads(line))

    def write(self, what: str, **known: Any) -> None:
        entry = {"what": what, **known}
        self.entries.append(entry)
        with self._path.open("a") as file:
            file.write(f"{json.dumps(entry)}\n")
            file.flush()

    def of(self, what: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["what"] == what]


class Person:
    """Submits every second job, one after the other, and finds out about each before going on."""

    def __init__(self, scene: Scene, diary: Diary, engine: Engine, place: int) -> None:
        self.scene, self.diary, self.engine, self.place = scene, diary, engine, place

    async def work(self) -> None:
        settled = await self._settled()
        for one in settled:
            self.diary.write("settled", intent=one.intent_id, jobs=[job.job_id for job in one.candidates])
        done = {entry["number"] for entry in self.diary.of("made")}
        begun = self.diary.of("begin")
        if begun and begun[-1]["number"] not in done:
            await self._recover(begun[-1])
            done = {entry["number"] for entry in self.diary.of("made")}
        for number in range(self.place, self.scene.submissions, PROCESSES):
            if number not in done:
                await self._make(number)

    async def _settled(self) -> Any:
        for _ in range(_TRIES):
            try:
                return await self.engine.jobs.settle_open()
            except FailureError as error:
                self.diary.write("cannot settle yet", kind=error.failure.kind)
        raise RuntimeError("Nothing could be settled.")

    async def _recover(self, begun: dict[str, Any]) -> None:
        """Find out what became of the submission during which this line was killed."""
        known = {entry["intent"] for entry in self.diary.of("made") + self.diary.of("not made")}
        ours = [
            row
            for row in self.scene.intents()
            if row["owner"].endswith(f":{begun['pid']}")
            and row["intent_id"] > begun["after"]
            and row["intent_id"] not in known
            and row["state"] != "not_made"
        ]
        if not ours:
            return  # nothing was written down, so nothing was sent; or it is known that nothing was made
        (intent,) = ours
        job_id = intent["job_id"]
        if intent["state"] == "open":
            job_id = await self._look(intent["intent_id"])
        if job_id is not None:
            self.diary.write("made", number=begun["number"], intent=intent["intent_id"], job=job_id, how="killed")

    async def _make(self, number: int) -> None:
        request = self.scene.request(number)
        last = max((row["intent_id"] for row in self.scene.intents()), default=0)
        for _ in range(_TRIES):
            self.diary.write("begin", number=number, pid=os.getpid(), after=last)
            try:
                submission = await self.engine.jobs.submit(request)
            except FailureError as error:
                # Said plainly: nothing was made.
                self.diary.write("refused", kind=error.failure.kind)
                if error.failure.kind is FailureKind.REFUSED:
                    await asyncio.sleep(0.05)
                continue
            how = "answered" if submission.job is not None else "looked for"
            job_id = submission.job.job_id if submission.job is not None else await self._decide(submission)
            if job_id is not None:
                self.diary.write("made", number=number, intent=submission.intent_id, job=job_id, how=how)
                return
            self.diary.write("not made", number=number, intent=submission.intent_id)
        raise RuntimeError(f"Submission {number} could not be made.")

    async def _decide(self, submission: Submission) -> str | None:
        """Settle an open creation: one job found is the one, none found means none, several need another look."""
        for turn in range(_TRIES):
            found = submission.candidates
            if len(found) == 1 or (found and turn > _TRIES // 4):
                if len(found) > 1:
                    self.diary.write("several", jobs=[job.job_id for job in found])
                try:
                    await self.engine.jobs.settle(submission.intent_id, found[0])
                except FailureError as error:
                    self.diary.write("not settled", why=str(error.failure))
                else:
                    return found[0].job_id
            elif not found and submission.searched:
                await self.engine.jobs.settle(submission.intent_id, None)
                return None
            await asyncio.sleep(0.1)
            submission = await self.engine.jobs.search_again(submission.intent_id)
        raise RuntimeError(f"Intent {submission.intent_id} could not be settled.")

    async def _look(self, intent_id: int) -> str | None:
        return await self._decide(await self.engine.jobs.search_again(intent_id))


def _line(path: str, place: int) -> None:
    """Be one of the processes."""
    known = json.loads(Path(path).read_text())
    scene = Scene(**known)
    diary = Diary(Path(scene.folder) / f"diary-{place}")

    async def work() -> None:
        engine = scene.engine()
        try:
            await Person(scene, diary, engine, place).work()
        finally:
            await engine.stop()

    asyncio.run(work())


if __name__ == "__main__":
    _line(sys.argv[1], int(sys.argv[2]))
