"""Owns the Query Service calls: connection parameters, and queries to start, watch and stop (API reference 9)."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import zlib
from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import gateway as gateway_refusal
from tui_app.emulator.answers import json_answer, parse_json
from tui_app.emulator.data.queries import TooManyError
from tui_app.emulator.data.statement import SqlError, read_statement
from tui_app.emulator.services.query_list import CLIENT, iso, page_of, refused

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.data.query_state import Query
    from tui_app.emulator.data.statement import Kind, Statement
    from tui_app.emulator.gateway import Call, Gateway

PATH = "/data/foundation/query"
_CATALOG = "/data/foundation/catalog/dataSets"
_VERSION = 1
_PORT = 80
_MOST_PARAMETERS = 100
_LONGEST_NAME = 200
_BUSY_S = 5
_BEARER = re.compile(r"^bearer\s++", re.IGNORECASE)
_TEXTS = ("dbName", "sql", "templateId", "name", "description")
_OBJECTS = ("queryParameters", "ctasParameters", "insertIntoParameters")


def routes(gateway: Gateway) -> list[Route]:
    """Return the Query Service routes."""
    return [
        gateway.route(f"{PATH}/connection_parameters", service="query", get=_connection),
        *gateway.collection(f"{PATH}/queries", service="query", get=_list, post=_create),
        gateway.route(f"{PATH}/queries/{{query_id}}", service="query", get=_get, patch=_change, delete=_delete),
    ]


def _connection(call: Call) -> Response:
    token = _BEARER.sub("", call.request.headers.get("authorization", "")).strip()
    host = _host(call)
    return json_answer(
        {
            "username": call.credentials.org_id,
            "dbName": f"{call.sandbox.name}:all",
            "host": f"emulated.platform-query.{host}",
            "version": _VERSION,
            "port": _PORT,
            "token": token,
            "compressedToken": base64.urlsafe_b64encode(zlib.compress(token.encode())).decode().rstrip("="),
            call.dialect.websocket_key: f"emulated.platform-query-ws.{host}",
        }
    )


def _host(call: Call) -> str:
    """Return the caller's own name for this machine, or `localhost` for an address: a name below it stays here."""
    host = call.request.url.hostname or "localhost"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return "localhost"


async def _create(call: Call) -> Response:
    body = _object(call)
    asked = _asked(body)
    statement = await _statement(call, asked)
    try:
        query = call.platform.queries.submit(
            call.sandbox, statement, request=asked, user=_user(call), size=len(call.body)
        )
    except TooManyError:
        busy = {"Retry-After": str(_BUSY_S)}
        raise gateway_refusal(429, "429050", "Too many requests", busy) from None
    return json_answer(_answer(call, query), status=202)


def _user(call: Call) -> str:
    return f"{call.client.client_id}@techacct.example.com"


def _object(call: Call) -> dict[str, Any]:
    try:
        body = parse_json(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused("The request body is not a JSON object.")
    return body


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of the body, checked; unknown fields are ignored, null counts as absent."""
    if "templateID" in body:  # the guide's own sample spells it so
        body = {"templateId": body["templateID"]} | body
    for name, kind, noun in (*((one, str, "text") for one in _TEXTS), *((one, dict, "an object") for one in _OBJECTS)):
        if body.get(name) is not None and not isinstance(body[name], kind):
            raise refused(f"Invalid value for {name}: it must be {noun}.")
    asked = {name: body[name] for name in (*_TEXTS, *_OBJECTS) if body.get(name) is not None}
    if bool(asked.get("sql")) == bool(asked.get("templateId")):
        raise refused("Either sql or templateId must be given, and not both.")
    values = asked.get("queryParameters", {})
    if len(values) > _MOST_PARAMETERS or any(isinstance(one, dict | list) for one in values.values()):
        raise refused(f"Invalid value for queryParameters: up to {_MOST_PARAMETERS} texts, numbers or booleans.")
    for name in ("ctasParameters", "insertIntoParameters"):
        dataset = asked.get(name, {}).get("datasetName", "" if name in asked else None)
        if dataset is not None and not (isinstance(dataset, str) and 0 < len(dataset.strip()) <= _LONGEST_NAME):
            raise refused(
                f"Invalid value for {name}.datasetName: a name of up to {_LONGEST_NAME} characters is needed."
            )
        for extra in ("description", "targetSchemaTitle"):
            if not isinstance(asked.get(name, {}).get(extra) or "", str):
                raise refused(f"Invalid value for {name}.{extra}: it must be text.")
    if "ctasParameters" in asked and "insertIntoParameters" in asked:
        raise refused("Only one of ctasParameters and insertIntoParameters can be given.")
    return asked


async def _statement(call: Call, asked: dict[str, Any]) -> Statement:
    database = asked.get("dbName", "")
    if database != f"{call.sandbox.name}:all":
        raise refused(f"Invalid dbName {database[:80]!r}: the sandbox {call.sandbox.name} has {call.sandbox.name}:all.")
    if "sql" not in asked or not asked["sql"]:
        raise refused(f"Query template not found: {asked['templateId'][:80]!r}.")  # nobody can have saved one
    kind: Kind = "select"
    wanted: dict[str, Any] = {}
    if "ctasParameters" in asked:
        kind, wanted = "ctas", asked["ctasParameters"]
    elif "insertIntoParameters" in asked:
        kind, wanted = "insert", asked["insertIntoParameters"]
    try:
        return await asyncio.to_thread(
            read_statement,
            asked["sql"],
            asked.get("queryParameters", {}),
            turn_into=kind,
            target=wanted.get("datasetName", "").strip(),
            schema_title=wanted.get("targetSchemaTitle") or "",
        )
    except SqlError as error:
        raise refused(str(error), errors=(_error(error),)) from None


def _error(error: SqlError) -> dict[str, str]:
    return {
        "code": error.code,
        "message": f"ErrorCode: {error.code} {error}",
        "errorType": "SYSTEM_ERROR" if error.by_system else "USER_ERROR",
    }


def _list(call: Call) -> Response:
    page = page_of(call, call.platform.queries.list(call.sandbox))
    links = {
        name: {"href": f"{call.origin}{PATH}/queries?{query}"}
        for name, query in (("next", page.next_link), ("prev", page.prev_link))
        if query is not None
    }
    return json_answer(
        {
            "queries": [_answer(call, one) for one in page.queries],
            "_page": page.told,
            "_links": links,
            "version": _VERSION,
        }
    )


def _found(call: Call) -> Query:
    query = call.platform.queries.get(call.sandbox, call.path("query_id"))
    if query is None:
        raise refused("Query not found.", status=404)
    return query


def _get(call: Call) -> Response:
    return json_answer(_answer(call, _found(call)))


def _change(call: Call) -> Response:
    query, op = _found(call), _object(call).get("op")
    if op == "soft_delete":
        return _delete(call)
    if op != "cancel":
        raise refused("Invalid value for op: it must be cancel or soft_delete.")
    if not call.platform.queries.cancel(query):
        raise refused(f"The query has ended already, in state {query.state(call.now_ms)}.", status=409)
    return json_answer({"message": "Query cancel request received", "statusCode": 202}, status=202)


def _delete(call: Call) -> Response:
    """Take a query out of the lists; the DELETE method is not documented, the community's Python client sends it."""
    _found(call).is_deleted = True
    return json_answer({"message": "Query soft delete request received", "statusCode": 202}, status=202)


def _answer(call: Call, query: Query) -> dict[str, Any]:
    now, statement = call.now_ms, query.statement
    is_over, state = query.is_over(now), query.state(now)
    return {
        "id": query.query_id,
        "state": state,
        "request": dict(query.request),
        "effectiveSQL": statement.effective,
        "isCTAS": statement.kind == "ctas",
        "isInsertInto": statement.kind == "insert",
        "rowCount": query.rows if state == "SUCCESS" else 0,
        "errors": [_error(one) for one in query.errors] if is_over else [],
        "elapsedTime": query.elapsed_ms(now),
        "version": _VERSION,
        "client": CLIENT,
        "clientId": query.user.partition("@")[0],
        "userId": query.user,
        "created": iso(query.created_ms),
        "updated": iso(query.updated_ms(now)),
        "_links": _links(call, query),
    }


def _links(call: Call, query: Query) -> dict[str, Any]:
    """Return what can be done with a query: one that has ended cannot be cancelled, tables are known once it runs."""
    href = f"{call.origin}{PATH}/queries/{query.query_id}"

    def change(op: str) -> dict[str, str]:
        return {"href": href, "method": "PATCH", "body": f'{{ "op": "{op}"}}'}

    def dataset(dataset_id: str) -> dict[str, str]:
        return {"id": dataset_id, "href": f"{call.origin}{_CATALOG}/{dataset_id}"}

    links: dict[str, Any] = {"self": {"href": href, "method": "GET"}, "soft_delete": change("soft_delete")}
    state = query.state(call.now_ms)
    if not query.is_over(call.now_ms):
        links["cancel"] = change("cancel")
    if query.read_ids and state != "SUBMITTED":
        links["referenced_datasets"] = [dataset(one) for one in query.read_ids]
    if query.made_id is not None and state == "SUCCESS":
        links["created_dataset"] = dataset(query.made_id)
    return links
