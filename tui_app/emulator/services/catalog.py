"""Owns which Catalog paths there are (API reference 3): datasets, batches, last batches, and the files of datasets.

Not served, so the HTML 404: the root's batched requests, `/batches/uniques`, `/tags` and a dataset's credentials, all
deprecated; and 405 for writing batches, which is ingestion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.emulator.services.catalog_batches import Batches
from tui_app.emulator.services.catalog_datasets import Datasets

if TYPE_CHECKING:
    from starlette.routing import Route

    from tui_app.emulator.gateway import Gateway

PATH = "/data/foundation/catalog"
_SLASHES = ("", "/")


def routes(gateway: Gateway) -> list[Route]:
    """Return the Catalog routes: datasets and their files under both spellings, lists with and without their slash."""
    batches = Batches()
    datasets = Datasets()
    found = [
        *(gateway.route(f"{PATH}/batches{end}", service="catalog", get=batches.page) for end in _SLASHES),
        gateway.route(f"{PATH}/batches/{{batch_id}}", service="catalog", get=batches.one),
        *(gateway.route(f"{PATH}/lastBatches{end}", service="catalog", get=datasets.last_batches) for end in _SLASHES),
    ]
    for noun in ("dataSetFiles", "datasetFiles"):
        found += [gateway.route(f"{PATH}/{noun}{end}", service="catalog", get=batches.files) for end in _SLASHES]
        found.append(gateway.route(f"{PATH}/{noun}/{{file_id}}", service="catalog", get=batches.file))
    for noun in ("dataSets", "datasets"):
        one = f"{PATH}/{noun}/{{dataset_id}}"
        found += [
            *(
                gateway.route(f"{PATH}/{noun}{end}", service="catalog", get=datasets.page, post=datasets.create)
                for end in _SLASHES
            ),
            gateway.route(
                one,
                service="catalog",
                get=datasets.one,
                put=datasets.put,
                patch=datasets.patch,
                delete=datasets.delete,
            ),
            gateway.route(f"{one}/views/{{view_id}}/files", service="catalog", get=batches.view_files),
            gateway.route(f"{PATH}/v2/{noun}/{{dataset_id}}", service="catalog", patch=datasets.patch_deeply),
        ]
    return found
