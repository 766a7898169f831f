"""Owns what every call passes before its service: size, key, token, organization, sandbox (API reference 1.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tui_app.emulator import safety
from tui_app.emulator.answers import Refusal, gateway, permission_problem, placeholder, sandbox_problem, ups
from tui_app.emulator.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui_app.emulator.credentials import Client, Credentials
    from tui_app.emulator.data.files import ParquetFiles
    from tui_app.emulator.data.queries import Queries
    from tui_app.emulator.dialects import Dialect
    from tui_app.emulator.world.world import Sandbox, World

BODY_CAP = 1_048_576
_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PORT = re.compile(r":[0-9]{1,5}$")
_BEARER = re.compile(r"^bearer\s+", re.IGNORECASE)
_TRACKING_ID = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class Platform:
    """What all services share.

    `speak` gives the dialect of the next answer; `default_sandbox` is what a call without `x-sandbox-name` gets,
    None refuses it (undocumented, API reference 12).
    """

    world: World
    credentials: Credentials
    files: ParquetFiles
    queries: Queries
    speak: Callable[[], Dialect]
    default_sandbox: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the gateway has let through, and what a service needs to answer it."""

    request: Request
    body: bytes
    platform: Platform
    dialect: Dialect
    request_id: str
    now_ms: int
    sandboxes: tuple[Sandbox, ...]
    clients: tuple[Client, ...]

    @property
    def world(self) -> World:
        """The platform's memory."""
        return self.platform.world

    @property
    def credentials(self) -> Credentials:
        """Who may call."""
        return self.platform.credentials

    @property
    def client(self) -> Client:
        """Who calls; only where the route asks for credentials."""
        return self.clients[0]

    @property
    def origin(self) -> str:
        """Scheme, host and port as the caller wrote them; the server's own where that is no host."""
        sent = self.request.headers.get("host", "")
        if not _HOST.fullmatch(sent):
            host, port = self.request.scope.get("server") or ("127.0.0.1", None)
            sent = host if port is None else f"{host}:{port}"
        return f"{self.request.scope['scheme']}://{sent}"

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox that the header names; only where the route asks for one."""
        return self.sandboxes[0]

    @property
    def linked_origin(self) -> str:
        """The start of every absolute link in an answer: some dialects name even the port that the scheme implies."""
        origin = self.origin
        is_named = not self.dialect.hrefs_name_port or _PORT.search(origin) is not None
        return origin if is_named else f"{origin}{_PORTS.get(self.request.scope['scheme'], '')}"

    def query(self, name: str) -> str | None:
        """Return a query parameter; an empty one counts as absent."""
        return self.request.query_params.get(name) or None

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])


Service = Literal["profile", "catalog", "data-access", "sandboxes", "schema-registry", "query"]
Handler = Callable[[Call], "Response | Awaitable[Response]"]


class Gateway:
    """Checks calls in the gateway's order and hands them to their handler."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def open_route(self, path: str, **handlers: Handler) -> Route:
        """Serve `path` without any credentials, one handler for each method: the token endpoint."""
        return self._route(path, handlers, service=None, sandboxed=False)

    def route(self, path: str, *, service: Service, sandboxed: bool = True, **handlers: Handler) -> Route:
        """Serve `path` behind the checks, one handler for each method; `sandboxed` also asks for a sandbox.

        A caller without the right to `service` is refused in that service's own way (API reference 1.4).
        """
        return self._route(path, handlers, service=service, sandboxed=sandboxed)

    def collection(self, path: str, *, service: Service, **handlers: Handler) -> list[Route]:
        """Serve a collection with and without its slash (API reference 12)."""
        return [self._route(f"{path}{slash}", handlers, service=service, sandboxed=True) for slash in ("", "/")]

    def _route(self, path: str, handlers: Mapping[str, Handler], *, service: Service | None, sandboxed: bool) -> Route:
        by_method = {name.upper(): handler for name, handler in handlers.items()}
        endpoint = self._endpoint(by_method, service=service, sandboxed=sandboxed)
        return Route(path, endpoint, methods=list(by_method))

    def _endpoint(
        self, handlers: Mapping[str, Handler], *, service: Service | None, sandboxed: bool
    ) -> Callable[[Request], Awaitable[Response]]:
        platform = self._platform

        async def endpoint(request: Request) -> Response:
            dialect = platform.speak()
            try:
                clients = (self._check(request, dialect),) if service is not None else ()
                sandboxes = (self._sandbox(request),) if sandboxed else ()
                if service is not None and any(one.is_limited for one in clients):
                    _forbid(service, request, now_ms=platform.world.now_ms())
                body = await _read(request)
                handler = handlers.get(request.method) or handlers["GET"]  # HEAD comes along with GET
                answer = handler(
                    Call(
                        request=request,
                        body=body,
                        platform=platform,
                        dialect=dialect,
                        request_id=request.state.request_id,
                        now_ms=platform.world.now_ms(),
                        sandboxes=sandboxes,
                        clients=clients,
                    )
                )
                return answer if isinstance(answer, Response) else await answer
            except Refusal as refusal:
                return refusal.response(dialect)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it

        return endpoint

    def _check(self, request: Request, dialect: Dialect) -> Client:
        headers, known = request.headers, self._platform.credentials
        key = headers.get("x-api-key")
        if not key:
            raise gateway(403, "403000", "Api Key is required")
        client = known.clients.get(key)
        if client is None:
            raise gateway(403, "403003", "Api Key is invalid")
        token = _BEARER.sub("", headers.get("authorization", "")).strip()
        if not token or token.lower() == "bearer":
            raise gateway(403, "403010", "Oauth token is missing" + ("" if dialect.old_gateway_words else "."))
        holder = known.holder(token)
        if holder is None:
            raise gateway(401, "401013", "Oauth token is not valid")
        if holder != client:
            # The published gateway's own words for a token that another client was given.
            raise gateway(401, "401014", "Token not allowed in the current context")
        org = headers.get("x-gw-ims-org-id")
        if not org:
            raise gateway(400, "400003", "Missing header")
        if not org.endswith("@AdobeOrg"):
            raise gateway(403, "403027", "User region is missing")
        if org != known.org_id:
            raise gateway(403, "403023" if dialect.old_gateway_words else "403025", "Profile is not valid")
        return client

    def _sandbox(self, request: Request) -> Sandbox:
        name = request.headers.get("x-sandbox-name") or self._platform.default_sandbox
        if not name:
            raise sandbox_problem(400, "SMS-1000-400", "Header x-sandbox-name is missing")
        found = self._platform.world.sandboxes.get(name)
        if found is None:
            raise sandbox_problem(403, "SMS-2010-403", f"Sandbox {name[:80]} does not exist or access is denied")
        return found


def _forbid(service: Service, request: Request, *, now_ms: int) -> None:
    """Refuse a caller without rights as the service that is asked does (API reference 1.4).

    Nothing is known of Query Service; it answers here as the access control in front of the registry does. The list
    of the caller's own sandboxes is no refusal: it is empty, so the sandbox service answers for itself.
    """
    match service:
        case "profile":
            raise ups(401, "UPAPI-113000-401", ["Unauthorized"], request_id=request.state.request_id)
        case "catalog" | "data-access":
            raise placeholder(403, "ForbiddenError", "Not permitted to access this resource.")
        case "schema-registry":
            raise permission_problem("XDM", now_ms=now_ms)
        case "query":
            raise permission_problem("QS", now_ms=now_ms)
        case "sandboxes":
            return


async def _read(request: Request) -> bytes:
    too_large = gateway(413, "413000", f"Request body is larger than {BODY_CAP} bytes", {"Connection": "close"})
    declared = request.headers.get("content-length", "")
    if not declared and "transfer-encoding" not in request.headers:
        return b""
    if declared.isdecimal() and len(declared) > len(str(BODY_CAP)):
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_CAP:
            raise too_large
        parts.append(part)
    return b"".join(parts)


class RequestIds:
    """The front door of all services.

    It gives every answer an `X-Request-Id` (the caller's tracking id if it is sane, else one of our own), drops the
    slashes that a base URL with a slash at its end puts before a path, and lets nothing in that is meant for the
    real platform.
    """

    def __init__(self, app: ASGIApp, *, seed: int) -> None:
        self._app = app
        self._seed = seed
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._count += 1
        sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        tracking = sent.decode("latin-1")
        is_kept = _TRACKING_ID.fullmatch(tracking) is not None and not safety.is_real(sent)
        request_id = tracking if is_kept else Chance(self._seed, "request", self._count).token(32)
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["path"].startswith("//"):
            raw = scope.get("raw_path") or b""
            scope = {**scope, "path": "/" + scope["path"].lstrip("/"), "raw_path": b"/" + raw.lstrip(b"/")}
        refusal = safety.check(scope)
        app = self._app if refusal is None else refusal.response()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode("latin-1")),
                ]
            await send(message)

        await app(scope, receive, send_marked)
