"""The app is killed between sending a create and its answer: the next start finds out, and there are never two."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tui_app.emulator.faults.connection import Drip, Lose, Wait
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve
    from tests.support.served_emulator import ServedEmulator
    from tests.support.terminal import Terminal

UNION = {
    "id": "https://ns.adobe.com/xdm/context/profile__union",
    "contentType": "application/vnd.adobe.xed+json;version=1",
}
CREATE = "/data/core/ups/export/jobs"


def test_a_job_that_was_made_is_found_at_the_next_start(aepx: Open, serve: Serve) -> None:
    platform = serve()
    dataset_id = target(platform)
    # The service acts at once; the whole of its answer would take minutes.
    platform.disturb(Drip(1.0), method="POST", path=CREATE, times=1)
    submit(terminal := aepx(platform=platform), dataset_id)
    terminal.wait_until(lambda: len(made(platform, dataset_id)) > 0)
    terminal.signal(signal.SIGKILL)
    assert terminal.wait_ended()[0] == -signal.SIGKILL

    second = aepx(platform=platform)
    second.wait_for("Creations whose answer was lost")
    second.wait_for(r"The platform made it: export job \d+")
    assert len(made(platform, dataset_id)) == 1
    second.press("esc")
    second.wait_gone("Creations whose answer was lost")
    second.press("g")
    second.wait_for(rf"▌.*{made(platform, dataset_id)[0]}")
    second.press("q")
    second.wait_ended()

    third = aepx(platform=platform)
    third.wait_for(r"\blive\b")
    assert "answer was lost" not in third.text, "what was settled is not told again"


def test_a_job_that_was_not_made_is_said_not_to_be(aepx: Open, serve: Serve) -> None:
    platform = serve()
    dataset_id = target(platform)
    fault = platform.disturb(Wait(1.0), method="POST", path=CREATE, times=1)
    platform.disturb(Status(503), method="POST", path=CREATE, times=1)
    submit(terminal := aepx(platform=platform), dataset_id)
    terminal.wait_until(lambda: fault.met > 0)
    terminal.signal(signal.SIGKILL)
    terminal.wait_ended()

    second = aepx(platform=platform)
    second.wait_for(r"No job was made\. Press n to create it again\.")
    assert made(platform, dataset_id) == []


@pytest.mark.parametrize("mine", [True, False], ids=["take it", "leave it"])
def test_an_answer_that_is_cut_off_is_asked_about_and_nothing_is_sent_again(
    aepx: Open, serve: Serve, *, mine: bool
) -> None:
    platform = serve()
    dataset_id = target(platform)
    platform.disturb(Lose(), method="POST", path=CREATE, times=1)
    terminal = aepx(platform=platform)
    submit(terminal, dataset_id)
    terminal.wait_for("The answer to the creation was lost")
    (job_id,) = made(platform, dataset_id)
    terminal.wait_for(job_id)
    if mine:
        terminal.press("m")
        terminal.wait_for(rf"jobs > {job_id}")
    else:
        terminal.press("esc")
        terminal.wait_for("left open")
    assert made(platform, dataset_id) == [job_id]


def target(platform: ServedEmulator) -> str:
    """Make a dataset that only this test exports into."""

    def make(world: object) -> str:
        del world
        sandbox = platform.emulator.world.sandboxes["prod"]
        dataset = platform.emulator.world.create_dataset(sandbox, {"name": "Journey target", "schemaRef": UNION})
        return dataset.dataset_id

    return platform.steer(make)


def made(platform: ServedEmulator, dataset_id: str) -> list[str]:
    """Return the jobs that the platform has for a dataset."""
    shelf = platform.emulator.world.sandboxes["prod"].shelf
    jobs = (shelf.job(index) for index in range(len(shelf)))
    return [str(job.job_id) for job in jobs if job.dataset_id == dataset_id]


def submit(terminal: Terminal, dataset_id: str) -> None:
    """Fill in the form for an export of one segment, and send it."""
    terminal.wait_for(r"60 jobs")
    terminal.press("n")
    terminal.wait_for("makes one on the profile union")
    terminal.press(dataset_id)
    terminal.wait_for(dataset_id)
    terminal.press("tab")
    terminal.wait_gone("makes one on the profile union")
    terminal.press("ctrl-l")
    # Once all are there: an id that no list has would be asked about.
    terminal.wait_for(r"\d+ audiences, read")
    terminal.press("All profiles")
    terminal.wait_for("1 of ")
    terminal.press("enter")
    terminal.wait_for("exited All profiles")
    terminal.press("ctrl-j")
