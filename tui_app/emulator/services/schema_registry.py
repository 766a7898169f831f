"""Owns the schema registry calls: unions, schemas, statistics, and which `Accept` gets which form (API reference 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tui_app.emulator.answers import Refusal, json_answer
from tui_app.emulator.chance import Chance
from tui_app.emulator.services.schema_query import LIST_CAP, Order, conditions
from tui_app.emulator.world.schemas import XDM, Schema, schemas, unions
from tui_app.emulator.world.union import TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway, Handler
    from tui_app.emulator.world.fields import Field

PATH = "/data/foundation/schemaregistry"
_MEDIA = re.compile(
    r"application/vnd\.adobe\.(?P<family>xed|xdm)(?P<variant>(?:-[a-z]+)*)\+json(?:\s*;\s*version=(?P<version>[^\s;,]+))?",
    re.IGNORECASE,
)
_VERSION = re.compile(r"1(\.[0-9]{1,4})?")
_LIST_VARIANTS = {"", "-id"}
_LOOKUP_PARTS = {"full", "notext", "desc", "deprecatefield", "deprecated", "flat"}
_LIBRARY = "1.41.2"
_TYPES = {
    "string": ("string", "string"),
    "integer": ("integer", "int"),
    "number": ("number", "double"),
    "boolean": ("boolean", "boolean"),
    "date": ("string", "date"),
    "date-time": ("string", "date-time"),
}
_IDENTITIES = (("personalEmail/address", "Email"), ("mobilePhone/number", "Phone"))


@dataclass(frozen=True, slots=True)
class _Form:
    """How one answer spells a schema, as its `Accept` asked; `family` is the namespace rule of the keys."""

    family: str
    parts: frozenset[str]

    @property
    def is_full(self) -> bool:
        return bool(self.parts & {"full", "deprecatefield", "deprecated", "flat"})

    def key(self, name: str, *, of_tenant: bool) -> str:
        """Return a field's key: the `xdm` family names XDM's own fields with their namespace."""
        if self.family == "xed" or of_tenant:
            return name
        return {"_id": "@id"}.get(name, name if name.startswith("_") else f"xdm:{name}")


def routes(gateway: Gateway) -> list[Route]:
    """Return the schema registry routes; an id in a path may hold slashes, as a schema's own id does.

    A union answers among the schemas too, though it is not listed there (API reference 8).
    """
    made: list[tuple[str, Handler]] = []
    for kind, found, known in (("unions", unions, unions), ("schemas", schemas, lambda: (*schemas(), *unions()))):
        listed, one = f"{PATH}/tenant/{kind}", f"{PATH}/tenant/{kind}/{{schema_id:path}}"
        made += [(listed, _lister(kind, found)), (f"{listed}/", _lister(kind, found)), (one, _looker(known))]
    made += [(f"{PATH}/stats", _stats), (f"{PATH}/stats/", _stats)]
    return [gateway.route(path, service="schema-registry", get=handler) for path, handler in made]


def _lister(kind: str, found: Callable[[], tuple[Schema, ...]]) -> Callable[[Call], Response]:
    def handle(call: Call) -> Response:
        family, variant, version = _accepted(call)
        if variant not in _LIST_VARIANTS or version is not None:
            raise _not_accepted(call, "XDM-1006-400", "")
        order = Order.of(call.request.query_params.getlist("orderby"))
        limit = call.query("limit")
        if limit is not None and not re.fullmatch(r"[0-9]{1,6}", limit):
            raise _problem(call, "XDM-1000-400", "Invalid query parameter", f"The limit is not a number: {limit[:80]}")
        rules = conditions(call.request.query_params.getlist("property"))
        bodies = [_resource(call, one, _Form(family, frozenset())) for one in found()]
        wanted = order.arrange([body for body in bodies if all(rule(body) for rule in rules)])
        start = call.query("start")
        if start is not None:
            wanted = order.after(wanted, start)
        shown = order.page(wanted, min(int(limit or LIST_CAP), LIST_CAP))
        following = order.cursor(shown[-1]) if shown and len(wanted) > len(shown) else None
        return json_answer(_page(call, kind, shown, order=order, following=following, is_short=variant == "-id"))

    return handle


def _page(
    call: Call, kind: str, shown: Sequence[dict[str, Any]], *, order: Order, following: str | None, is_short: bool
) -> dict[str, Any]:
    keys = ("title", "$id", "meta:altId", "version")
    href = None
    if following is not None:
        asked = [pair for pair in call.request.query_params.multi_items() if pair[0] not in ("start", "orderby")]
        query = urlencode([*asked, ("orderby", order.text), ("start", following)])
        href = f"{call.linked_origin}{PATH}/tenant/{kind}?{query}"
    return {
        "results": [{key: body[key] for key in keys} for body in shown] if is_short else list(shown),
        "_page": {"orderby": order.text, "next": following, "count": len(shown)},
        "_links": {"next": href},
    }


def _looker(found: Callable[[], tuple[Schema, ...]]) -> Callable[[Call], Response]:
    def handle(call: Call) -> Response:
        family, variant, version = _accepted(call)
        parts = frozenset(variant.split("-")) - {""}
        if version is None or parts - _LOOKUP_PARTS:
            raise _not_accepted(call, "XDM-1007-400", "; version=1 (Version should be specified)")
        wanted = call.path("schema_id").strip("/")
        schema = next((one for one in found() if wanted in (one.schema_id, one.alt_id)), None)
        if schema is None or not _VERSION.fullmatch(version):
            text = f"Requested resource {wanted[:200]} with version {version[:20]} is not found"
            raise _problem(call, "XDM-1012-404", "Resource Not Found", text)
        return json_answer(_lookup(call, schema, _Form(family, parts)))

    return handle


def _lookup(call: Call, schema: Schema, form: _Form) -> dict[str, Any]:
    body = _resource(call, schema, form)
    if form.is_full:
        del body["allOf"]
        body["properties"] = _flat(schema.fields, form) if "flat" in form.parts else _properties(schema.fields, form)
    if "desc" in form.parts:
        body["meta:descriptors"] = _descriptors(call, schema, form)
    return _without_text(body) if "notext" in form.parts else body


def _accepted(call: Call) -> tuple[str, str, str | None]:
    """Return family, variant and version of the `Accept` header; three that fit no form when it is none of ours."""
    match = _MEDIA.fullmatch(call.request.headers.get("accept", "").strip())
    if match is None:
        return "", "-unknown", None
    return match["family"].lower(), match["variant"].lower(), match["version"]


def _not_accepted(call: Call, code: str, rest: str) -> Refusal:
    sent = call.request.headers.get("accept", "")[:200]
    text = f"The supplied Accept header is not valid: {sent} - A valid Accept value should look like"
    return _problem(call, code, "Accept header invalid", f"{text} application/vnd.adobe.'{{xed|xdm'}}+json{rest}")


def _problem(call: Call, code: str, title: str, detail: str) -> Refusal:
    """Refuse as the registry does: a problem with its report (API reference 1.4b)."""
    status = int(code.rpartition("-")[2])
    return Refusal(
        status,
        {
            "type": f"http://ns.adobe.com/aep/errors/{code}",
            "title": title,
            "status": status,
            "report": {
                "registryRequestId": Chance(call.world.seed, "registry", call.request_id).uuid(),
                "timestamp": datetime.fromtimestamp(call.now_ms / 1000, UTC).strftime("%m-%d-%Y %H:%M:%S"),
                "detailed-message": detail,
                "sub-errors": [],
            },
            "detail": detail,
        },
    )


def _resource(call: Call, schema: Schema, form: _Form) -> dict[str, Any]:
    """Return a schema with its references unresolved: what every form but the full ones shows."""
    sandbox = call.sandbox
    body: dict[str, Any] = {
        "$id": schema.schema_id,
        "meta:altId": schema.alt_id,
        "meta:resourceType": schema.kind,
        "version": schema.version,
        "title": schema.title,
        "type": "object",
        "description": schema.description,
        "allOf": [{"$ref": part, "type": "object", "meta:xdmType": "object"} for part in schema.parts],
        "imsOrg": call.credentials.org_id,
        "meta:extensible": False,
        "meta:abstract": False,
        "meta:extends": list(schema.extends),
        "meta:xdmType": "object",
        "meta:registryMetadata": _metadata(call, schema, form),
        "meta:class": schema.class_id,
        "meta:containerId": "tenant",
        "meta:sandboxId": sandbox.sandbox_id,
        "meta:sandboxType": sandbox.kind,
        "meta:tenantNamespace": f"_{TENANT}",
    }
    if schema.in_union:
        body["meta:immutableTags"] = ["union"]
    return body


def _metadata(call: Call, schema: Schema, form: _Form) -> dict[str, Any]:
    updated = call.world.started_ms - schema.age_ms
    prefix = "repo" if form.family == "xed" else "xdm"
    return {
        f"{prefix}:createdDate": updated - 3_600_000,
        f"{prefix}:lastModifiedDate": updated,
        "xdm:createdClientId": "emulated_client",
        "xdm:lastModifiedClientId": "emulated_client",
        "xdm:createdUserId": "emulated-admin",
        "xdm:lastModifiedUserId": "emulated-admin",
        "eTag": Chance(call.world.seed, "schema-tag", schema.schema_id).hex(64),
        "meta:globalLibVersion": _LIBRARY,
    }


def _properties(fields: Iterable[Field], form: _Form, *, of_tenant: bool = False) -> dict[str, Any]:
    made = {}
    for field in fields:
        inside = of_tenant or field.name == f"_{TENANT}"
        made[form.key(field.name, of_tenant=inside)] = _property(field, form, of_tenant=inside)
    return made


def _property(field: Field, form: _Form, *, of_tenant: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"title": field.title} if field.title else {}
    if field.kind in _TYPES:
        json_type, xdm_type = _TYPES[field.kind]
        made |= {"type": json_type, "meta:xdmType": xdm_type}
        form_name = field.form or (field.kind if field.kind.startswith("date") else "")
        if form_name:
            made["format"] = form_name
        if field.choices:
            made["enum"] = list(field.choices)
            made["meta:enum"] = {choice: choice.replace("_", " ").capitalize() for choice in field.choices}
    elif field.kind == "object":
        made |= {"type": "object", "meta:xdmType": "object"}
        made["properties"] = _properties(field.fields, form, of_tenant=of_tenant)
    else:
        inner = {} if field.item is None else _property(field.item, form, of_tenant=of_tenant)
        place = "items" if field.kind == "array" else "additionalProperties"
        made |= {"type": "array" if field.kind == "array" else "object", "meta:xdmType": field.kind, place: inner}
    return made


def _flat(fields: Iterable[Field], form: _Form, prefix: str = "", *, of_tenant: bool = False) -> dict[str, Any]:
    """Return the leaves by their path with slashes, the form that `-flat` asks for."""
    made: dict[str, Any] = {}
    for field in fields:
        inside = of_tenant or field.name == f"_{TENANT}"
        path = prefix + form.key(field.name, of_tenant=inside)
        if field.fields:
            made |= _flat(field.fields, form, f"{path}/", of_tenant=inside)
        else:
            made[path] = _property(field, form, of_tenant=inside)
    return made


def _descriptors(call: Call, schema: Schema, form: _Form) -> list[dict[str, Any]]:
    names = {field.name for field in schema.fields}
    return [
        {
            "@id": Chance(call.world.seed, "descriptor", schema.schema_id, path).hex(40),
            "@type": "xdm:descriptorIdentity",
            "xdm:sourceSchema": schema.schema_id,
            "xdm:sourceVersion": 1,
            "xdm:sourceProperty": "".join(f"/{form.key(part, of_tenant=False)}" for part in path.split("/")),
            "xdm:namespace": namespace,
            "xdm:property": "xdm:code",
            "xdm:isPrimary": False,
        }
        for path, namespace in _IDENTITIES
        if path.partition("/")[0] in names
    ]


def _without_text(value: Any, *, names_fields: bool = False) -> Any:
    """Drop titles and descriptions, but not fields that happen to be called so."""
    if isinstance(value, list):
        return [_without_text(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_text(inner, names_fields=key == "properties" and not names_fields)
        for key, inner in value.items()
        if names_fields or key not in ("title", "description")
    }


def _stats(call: Call) -> Response:
    def item(one: Schema) -> dict[str, str]:
        return {"title": one.title, "$id": one.schema_id, "meta:altId": one.alt_id, "version": one.version}

    known = schemas()
    newest = [item(one) for one in sorted(known, key=lambda one: one.age_ms)[:10]]
    parts = {part for one in known for part in one.parts}
    classes = list(dict.fromkeys(one.class_id for one in known))
    usage = []
    for class_id in classes:
        members = [one for one in known if one.class_id == class_id]
        schema_items = [{"$id": one.schema_id, "title": one.title, "description": one.description} for one in members]
        usage.append(
            {
                "$id": class_id,
                "title": next((one.title for one in unions() if one.class_id == class_id), class_id.rpartition("/")[2]),
                "numberOfSchemas": len(members),
                "schemas": schema_items,
            }
        )
    return json_answer(
        {
            "imsOrg": call.credentials.org_id,
            "tenantId": TENANT,
            "counts": {
                "schemas": len(known),
                "mixins": len(parts - set(classes) - {f"{XDM}/context/identitymap"}),
                "datatypes": 0,
                "classes": len(classes),
                "unions": len(unions()),
            },
            "recentlyCreatedResources": newest,
            "recentlyUpdatedResources": newest,
            "classUsage": usage,
        }
    )
