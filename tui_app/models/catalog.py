"""Owns datasets and sandboxes: what the platform reports of them, and the request for a new dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from pydantic import AliasPath, Field, PlainValidator, SkipValidation

from tui_app.models.base import (
    JsonObject,
    LooseMoment,
    LooseText,
    MalformedRecord,
    WireModel,
    flag,
    mapping,
    text,
    words,
)
from tui_app.models.body import BodyReader, merged, present
from tui_app.models.failure import Finding
from tui_app.text import safe_text, shortened

PROFILE_UNION: Final = "https://ns.adobe.com/xdm/context/profile__union"
UNION_CONTENT_TYPE: Final = "application/vnd.adobe.xed+json;version=1"
TABLE_TAG: Final = "adobe/pqs/table"
_NAME_USUAL: Final = 255


def is_union_schema(schema_id: str | None) -> bool:
    """Tell whether a schema id is the profile union, on which alone exports can write (2.1)."""
    return schema_id is not None and schema_id.strip().endswith("/profile__union")


def _tags(value: object) -> dict[str, tuple[str, ...]]:
    # A tuple is one of our own values put in again; JSON has none.
    return {
        text(name) or "": values if isinstance(values, tuple) else words(values)
        for name, values in mapping(value).items()
    }


class Dataset(WireModel):
    """A dataset as Catalog reports it (3.2), each field only as far as it was asked for.

    Moments are epoch milliseconds. `raw` is the very object that was parsed, without the id, which Catalog
    gives as the key.
    """

    dataset_id: str
    name: LooseText = None
    description: LooseText = None
    schema_id: LooseText = Field(default=None, validation_alias=AliasPath("schemaRef", "id"))
    content_type: LooseText = Field(default=None, validation_alias=AliasPath("schemaRef", "contentType"))
    created_ms: LooseMoment = Field(default=None, validation_alias="created")
    updated_ms: LooseMoment = Field(default=None, validation_alias="updated")
    tags: Annotated[dict[str, tuple[str, ...]], PlainValidator(_tags)] = Field(default_factory=dict)
    last_batch_id: LooseText = Field(default=None, validation_alias="lastBatchId")
    last_batch_status: LooseText = Field(default=None, validation_alias="lastBatchStatus")
    raw: SkipValidation[JsonObject] = Field(default_factory=dict, repr=False)

    @property
    def is_union(self) -> bool:
        """Whether the dataset is based on the profile union schema and so can take an export."""
        return is_union_schema(self.schema_id)

    @property
    def table_name(self) -> str | None:
        """The table's name in Query Service; None until the platform has made one."""
        return next(iter(self.tags.get(TABLE_TAG, ())), None)

    @classmethod
    def parse(cls, dataset_id: object, raw: object) -> Self:
        """Return the dataset of one entry of a Catalog answer.

        Raises:
            MalformedRecord: The entry is not an object, or its key is blank.
        """
        known = text(dataset_id)
        if known is None or not isinstance(raw, dict):
            raise MalformedRecord(f"Dataset {known or 'without an id'} must be an object under its id.")
        return cls.model_validate({**raw, "dataset_id": known, "raw": raw}, by_alias=True, by_name=False)


def parse_datasets(raw: object) -> tuple[Dataset, ...]:
    """Return the datasets of a Catalog answer keyed by id; entries that are no objects are left out.

    Raises:
        MalformedRecord: The answer is not an object. An empty list is taken for an empty object.
    """
    if raw == []:
        return ()
    if not isinstance(raw, dict):
        raise MalformedRecord(f"A list of datasets must be an object keyed by id, not {type(raw).__name__}.")
    return tuple(
        Dataset.parse(key, entry) for key, entry in raw.items() if isinstance(entry, dict) and text(key) is not None
    )


def dataset_id_from_reference(raw: object) -> str:
    """Return the id in the answer to a creation: the last segment of a reference, alone or in a list (3.1).

    Raises:
        MalformedRecord: There is no reference with an id.
    """
    reference = raw[0] if isinstance(raw, list) and raw else raw
    found = reference.strip().rpartition("/")[2] if isinstance(reference, str) else ""
    if not found:
        raise MalformedRecord('The answer names no dataset: expected a reference like ["@/dataSets/<id>"].')
    return found


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """What to ask of `POST /dataSets` (3.1); the defaults make a dataset that an export can write to.

    `extra` holds keys of a body that we do not know, in their places.
    """

    name: str
    description: str = ""
    schema_id: str = PROFILE_UNION
    content_type: str = UNION_CONTENT_TYPE
    persisted: bool = True
    container_format: str = "parquet"
    format: str = "parquet"
    aspect: str | None = "production"
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    extra: JsonObject = field(default_factory=dict)

    def to_body(self) -> JsonObject:
        """Return the JSON body; blank texts are left out, `persisted` is always sent (13 row 29)."""
        body = present(
            {
                "name": self.name,
                "description": self.description or None,
                "schemaRef": present({"id": self.schema_id, "contentType": self.content_type or None}),
                "fileDescription": present(
                    {
                        "persisted": self.persisted,
                        "containerFormat": self.container_format or None,
                        "format": self.format or None,
                    }
                ),
                "aspect": self.aspect or None,
                "tags": {name: list(values) for name, values in self.tags.items()},
            }
        )
        return merged(body, self.extra)

    @staticmethod
    def from_body(body: JsonObject) -> DatasetRequest:
        """Return the request a body describes; what it leaves out has our defaults, except name and aspect.

        Raises:
            MalformedRecord: A known field has a value that cannot be read; the message names its path.
        """
        reader = BodyReader(body)
        schema, files, tags = reader.child("schemaRef"), reader.child("fileDescription"), reader.child("tags")
        persisted = files.flag("persisted")
        request = DatasetRequest(
            name=reader.text("name") or "",
            description=reader.text("description") or "",
            schema_id=schema.text("id") or PROFILE_UNION,
            content_type=schema.text("contentType") or UNION_CONTENT_TYPE,
            persisted=True if persisted is None else persisted,
            container_format=files.text("containerFormat") or "parquet",
            format=files.text("format") or "parquet",
            aspect=reader.text("aspect"),
            tags={name: tags.texts(name) for name in list(tags.rest)},
            extra=reader.rest,
        )
        reader.keep("schemaRef", schema)
        reader.keep("fileDescription", files)
        return request

    def check(self) -> tuple[Finding, ...]:
        """Return what is wrong (`error`) or doubtful (`warning`) before anything is sent; pure and quick."""
        found = []
        if not self.name.strip():
            found.append(Finding("name", "The dataset has no name.", "Give it a name that is not in use yet."))
        elif safe_text(self.name) != self.name:
            shown = shortened(safe_text(self.name))
            found.append(
                Finding("name", f"The name {shown} holds characters that control terminals.", "Leave them out.")
            )
        elif len(self.name) > _NAME_USUAL:
            found.append(
                Finding(
                    "name",
                    f"The name has {len(self.name):,} characters.",
                    "Shorten it: no list can show it, and the platform may refuse it.",
                    "warning",
                )
            )
        if not self.schema_id.strip():
            found.append(
                Finding(
                    "schemaRef.id",
                    "The dataset names no schema.",
                    f"Give a schema id, normally {PROFILE_UNION}.",
                )
            )
        elif not is_union_schema(self.schema_id):
            found.append(
                Finding(
                    "schemaRef.id",
                    f"The dataset is not based on the profile union schema but on {self.schema_id}.",
                    f"Use {PROFILE_UNION} if profiles are to be exported into it; exports elsewhere fail.",
                    "warning",
                )
            )
        return (*found, *self._check_tags())

    def _check_tags(self) -> tuple[Finding, ...]:
        found = []
        for name, values in self.tags.items():
            if name.strip().lower().startswith("adobe/"):
                found.append(
                    Finding(
                        f"tags.{name}",
                        f"The tag {name} is reserved for the platform, which refuses it (403).",
                        "Remove the tag, or choose a name that does not start with adobe/.",
                    )
                )
            elif name == "unifiedProfile" and "enabled:true" in [value.replace(" ", "") for value in values]:
                found.append(
                    Finding(
                        f"tags.{name}",
                        "The dataset is enabled for profiles, so what is exported would be ingested again.",
                        "Remove the tag from a dataset that exports are written to.",
                        "warning",
                    )
                )
        return tuple(found)


class Sandbox(WireModel):
    """A sandbox that the credential can use (5)."""

    name: str
    title: LooseText = None
    state: LooseText = None
    type: LooseText = None
    is_default: Annotated[bool, PlainValidator(lambda value: flag(value) or False)] = Field(
        default=False, validation_alias="isDefault"
    )
    region: LooseText = None

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Return the sandbox that a decoded JSON value describes; only the name is required.

        Raises:
            MalformedRecord: The value is not an object, or has no usable name.
        """
        name = text(raw.get("name")) if isinstance(raw, dict) else None
        if name is None or not isinstance(raw, dict):
            raise MalformedRecord("A sandbox must be an object with a name.")
        return cls.model_validate({**raw, "name": name}, by_alias=True, by_name=False)


def parse_sandboxes(raw: object) -> tuple[Sandbox, ...]:
    """Return the sandboxes of a list answer, in its order; entries without a name are left out.

    A credential without sandboxes gets an empty list, not an error (5).

    Raises:
        MalformedRecord: The answer is neither a list nor an object with one under `sandboxes`.
    """
    listed = raw.get("sandboxes") if isinstance(raw, dict) else raw
    if not isinstance(listed, list):
        raise MalformedRecord("The answer has no list under `sandboxes`.")
    return tuple(
        Sandbox.parse(entry) for entry in listed if isinstance(entry, dict) and text(entry.get("name")) is not None
    )
