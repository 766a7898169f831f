"""Owns the ways from a job to its data: download it, look at its rows, ask SQL, see it on the web."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textual import work

from tui_app.models.failure import FailureError
from tui_app.tui.screens.ask_text import AskText
from tui_app.tui.screens.base import PlaceScreen
from tui_app.tui.screens.dialogs import TextDialog

if TYPE_CHECKING:
    from tui_app.models.data_access import RemoteFile
    from tui_app.models.job_query import JobSummary

R = TypeVar("R")
_FOLDER = "downloads.folder"
_DEFAULT = "~/aepx-downloads"
_WEB = "https://experience.adobe.com"


class JobDataPlace(PlaceScreen[R]):
    """A place where the data of one job can be had."""

    def current(self) -> JobSummary | None:
        """Return the job that is meant; None for none."""
        raise NotImplementedError

    def action_downloads_open(self) -> None:
        """Show the downloads."""
        self._show_downloads()

    def _show_downloads(self, key: str = "") -> None:
        from tui_app.tui.screens.downloads import DownloadsScreen  # noqa: PLC0415 - the first paint does without

        self.app.push_screen(DownloadsScreen(key=key))

    @work(group="download")
    async def action_job_download(self) -> None:
        """Ask where to, then download."""
        job = self.current()
        if job is not None:
            await self._download(job)

    async def _download(self, job: JobSummary) -> None:
        engine = self.engine
        before = await engine.note(_FOLDER) or _DEFAULT
        given = await self.app.push_screen_wait(
            AskText(
                f"Download job {job.job_id} into which folder?",
                text=before,
                hint=f"The files go into a folder {job.job_id} in it; what is there already is not fetched again.",
                check=_folder_fault,
            )
        )
        if given is None:
            return
        await engine.set_note(_FOLDER, given)
        try:
            key = await engine.downloads.add(job_id=job.job_id, to=Path(given))
        except FailureError as error:
            self.fail(error.failure)
            self.say(str(error.failure), severe=True)
            return
        self._show_downloads(key)

    @work(group="data", exclusive=True)
    async def action_job_rows(self) -> None:
        """Show the rows of the downloaded files, else the first ones from the platform."""
        from tui_app.tui.screens.data import DataScreen  # noqa: PLC0415 - the first paint does without

        job = self.current()
        if job is None:
            return
        title = f"job {job.job_id}"
        try:
            self.engine.insight.require()
            folder = await self.engine.downloads.past.folder_of(job.job_id)
            if folder is not None:
                self.app.push_screen(DataScreen(title=title, folder=folder))
                return
            remote = await self._first_file(job)
        except FailureError as error:
            self.fail(error.failure)
            self.say(str(error.failure), severe=True)
            return
        if remote is None:
            self.say(f"Job {job.job_id} has no file to look at: it is {job.status}, or its export is empty.")
        else:
            self.app.push_screen(DataScreen(title=title, remote=remote))

    async def _first_file(self, job: JobSummary) -> RemoteFile | None:
        """Return the first parquet file of the first batch that can be read, None where there is none."""
        whole = await self.engine.list.job(job.job_id)
        if whole is None or job.status != "SUCCEEDED":
            return None
        for one in whole.batches:
            if (await self.engine.batches.get(one.batch_id)).is_readable:
                found = [each for each in await self.engine.batches.files(one.batch_id) if each.length != 0]
                if found:
                    return found[0]
        return None

    @work(group="data", exclusive=True)
    async def action_job_query(self) -> None:
        """Ask SQL of the downloaded files; without any, offer to download them."""
        from tui_app.tui.screens.data import DataScreen  # noqa: PLC0415 - the first paint does without

        job = self.current()
        if job is None:
            return
        try:
            self.engine.insight.require()
            folder = await self.engine.downloads.past.folder_of(job.job_id)
        except FailureError as error:
            self.fail(error.failure)
            self.say(str(error.failure), severe=True)
            return
        if folder is None:
            self.say("SQL runs over downloaded files: choose where to put them first.")
            await self._download(job)
        else:
            self.app.push_screen(DataScreen(title=f"job {job.job_id}", folder=folder, typing=True))

    @work(group="link", exclusive=True)
    async def action_job_link(self) -> None:
        """Show the web address of the job's dataset, and copy it."""
        job = self.current()
        if job is None or not job.dataset_id:
            self.say("The job names no dataset.")
            return
        link = dataset_link(self.engine.session.sandbox_name, job.dataset_id)
        self.app.copy_to_clipboard(link)
        await self.app.push_screen_wait(
            TextDialog(
                "Dataset on the web",
                [
                    ("address, copied", link),
                    ("", "The platform has no page of its own for an export job; its dataset shows the batches."),
                ],
            )
        )


def dataset_link(sandbox_name: str, dataset_id: str) -> str:
    """Return the address of a dataset in the platform's web page."""
    from urllib.parse import quote  # noqa: PLC0415 - rarely needed

    place = f"sname:{quote(sandbox_name, safe='')}/platform/dataset/browse/{quote(dataset_id, safe='')}"
    return f"{_WEB}/#/{place}"


def _folder_fault(path: str) -> str:
    if not path:
        return "Write a folder."
    folder = Path(path).expanduser()
    if folder.exists() and not folder.is_dir():
        return f"{path} is a file, not a folder."
    return ""
