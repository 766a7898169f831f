"""Owns the access token: asking the identity service for it, keeping it in memory, renewing it once for all."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tui_app.api.answer import read_json
from tui_app.api.aside import run_aside
from tui_app.api.attempts import worth_repeating
from tui_app.api.errors import ApiError, BadAnswerError, SignInError, from_response
from tui_app.api.origin import Origin
from tui_app.api.wire import Call
from tui_app.config import ConfigError
from tui_app.logs import register_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.api.answer import Answer
    from tui_app.api.attempts import Attempts
    from tui_app.api.errors import StatusError
    from tui_app.api.wire import Wire
    from tui_app.clock import Clock
    from tui_app.config import Connection, Secrets

SHORTEST_LIFE_S = 60.0
LONGEST_LIFE_S = 86_400.0
REFRESH_MARGIN_S = 900.0
_UNSTATED_LIFE_S = 3_600.0
_REFRESH_AGAIN_S = 60.0
_SURELY_MILLISECONDS = 10_000_000
_SENDABLE = re.compile(r"[!-~]+")
_WHAT = "Signing in failed."


@dataclass(frozen=True, slots=True)
class _Token:
    """A token with its times on the monotonic clock: when to ask for the next one, and when it dies."""

    value: str = field(repr=False)
    refresh_at: float
    expires_at: float


class TokenSource:
    """Hands out a valid access token; concurrent callers cause one request, and share its failure.

    Args:
        connection: whose credentials these are.
        secrets: reads the client secret or a given token; may block, so it runs in a thread.
        clock: token lifetimes are measured on its monotonic side, so a wrong wall clock does not matter.
        wire: carries the request.
        attempts: tries it again; asking for a token twice does no harm.
    """

    def __init__(
        self,
        connection: Connection,
        secrets: Callable[[], Secrets],
        *,
        clock: Clock,
        wire: Wire,
        attempts: Attempts,
    ) -> None:
        self._connection = connection
        self._secrets = secrets
        self._clock = clock
        self._wire = wire
        self._attempts = attempts
        self._url = Origin.of(connection.ims_url, setting="ims_url").resolve(connection.token_path)
        self._current: _Token | None = None
        self._refused_given = ""
        self._lock = asyncio.Lock()
        self._failures = 0
        self._failure: ApiError | None = None

    async def token(self) -> str:
        """Return a token that is good for some minutes.

        Raises:
            SignInError: there are no usable credentials, or they were refused.
            ApiError: the identity service cannot be reached or fails.
        """
        current = self._fresh() or await self._replace(None)
        return current.value

    async def renew(self, refused: str) -> str:
        """Return another token than the one that the platform refused; the refused one is forgotten.

        Raises:
            SignInError: as `token`; also when the refused one was given and there is no secret to get another.
            ApiError: as `token`.
        """
        return (await self._replace(refused)).value

    def _fresh(self) -> _Token | None:
        current = self._current
        return current if current is not None and self._clock.monotonic() < current.refresh_at else None

    async def _replace(self, refused: str | None) -> _Token:
        seen = self._failures
        async with self._lock:
            current = self._fresh()
            if current is not None and current.value != refused:
                return current
            if self._failures != seen and self._failure is not None:
                raise self._failure  # someone asked on our behalf while we waited
            if refused is not None:
                self._current = None
            try:
                self._current = await self._obtain(refused)
            except ApiError as error:
                self._current = self._prolonged()
                if self._current is None:
                    self._failures += 1
                    self._failure = error
                    raise
            return self._current

    def _prolonged(self) -> _Token | None:
        """Return the present token for another minute when it is still alive: the margin is there for this."""
        now = self._clock.monotonic()
        if self._current is None or now >= self._current.expires_at:
            return None
        return replace(self._current, refresh_at=min(now + _REFRESH_AGAIN_S, self._current.expires_at))

    async def _obtain(self, refused: str | None) -> _Token:
        try:
            secrets = await run_aside(self._secrets)
        except ConfigError as error:
            raise SignInError(_WHAT, cause=str(error)) from None
        given = secrets.access_token.get_secret_value().strip() if secrets.access_token else ""
        if secrets.client_secret is None and (not given or given == refused):
            # A given token stays in use: the refusal may concern one service only.
            raise self._nothing_to_sign_in_with(secrets, given=bool(given))
        if given and given == refused:
            self._refused_given = given
        if secrets.client_secret is None or (given and given != self._refused_given):
            register_secret(given)
            return _Token(_sendable(given), float("inf"), float("inf"))
        return await self._ask(secrets.client_secret.get_secret_value(), str(secrets.origin))

    async def _ask(self, client_secret: str, origin: str) -> _Token:
        if not self._connection.client_id:
            raise SignInError(
                _WHAT,
                cause=f"Connection {self._connection.name} has no client_id.",
                next_step="Set client_id in config.toml or AEPX_CLIENT_ID.",
            )
        register_secret(client_secret)
        form = {
            "grant_type": "client_credentials",
            "client_id": self._connection.client_id,
            "client_secret": client_secret,
            "scope": self._connection.scopes,
        }
        call = Call(
            "POST",
            self._url,
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            urlencode(form).encode(),
            _WHAT,
            secret=client_secret,
        )

        async def send() -> Answer:
            answer = await self._wire.exchange(call)
            if not answer.is_success:
                raise self._refusal(answer, origin)
            return answer

        answer = await self._attempts.run(send, may_retry=worth_repeating)
        return self._read(answer)

    def _read(self, answer: Answer) -> _Token:
        document = read_json(answer, what=_WHAT)
        value = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(value, str) or not value:
            raise BadAnswerError(
                _WHAT,
                cause="The answer of the identity service holds no access token.",
                next_step="Check ims_url and token_path in the connection.",
            )
        register_secret(value)
        life = lifetime_s(document.get("expires_in"))
        now = self._clock.monotonic()
        return _Token(_sendable(value), now + life - min(REFRESH_MARGIN_S, life / 2), now + life)

    def _refusal(self, answer: Answer, origin: str) -> ApiError:
        error = from_response(answer.status, answer.headers, answer.body, what=_WHAT, now=self._clock.now())
        if answer.status >= 500 or answer.status == 429:  # noqa: PLR2004 - the plainest names of these statuses
            return error
        return SignInError(
            _WHAT,
            cause=error.cause.replace("The platform", "The identity service"),
            next_step=self._remedy(error, origin),
            status=error.status,
            error=error.code,
            description=error.title,
            request_id=error.request_id,
        )

    def _remedy(self, error: StatusError, origin: str) -> str:
        name = self._connection.name
        said = f"{error.code} {error.title}"
        if "invalid_scope" in said:
            return f"Check scopes of connection {name}."
        if "client_id" in said:
            return f"Check client_id of connection {name}."
        if "invalid_client" in said:
            return f"Check the client secret from {origin}; it may have been replaced."
        return f"Check ims_url, token_path, client_id and the client secret of connection {name}."

    def _nothing_to_sign_in_with(self, secrets: Secrets, *, given: bool) -> SignInError:
        if given:
            return SignInError(
                "The access token was refused.",
                cause=f"The one from {secrets.origin} has expired or was revoked, or lacks a permission here.",
                next_step="Put a new one there, or configure a client secret so that a new one is fetched by itself.",
            )
        return SignInError(
            _WHAT,
            cause=f"Connection {self._connection.name} has neither a client secret nor an access token.",
            next_step="Set AEPX_CLIENT_SECRET, or client_secret_command or client_secret_file in config.toml.",
        )


def lifetime_s(expires_in: object) -> float:
    """Return a token's lifetime in seconds, within a minute and a day.

    `expires_in` is seconds; old flows sent milliseconds, told apart by size (API reference 1.1, 13 row 40).
    Missing or unreadable: an hour.
    """
    try:
        value = float(expires_in) if isinstance(expires_in, str | int | float) else _UNSTATED_LIFE_S
    except (ValueError, OverflowError):
        value = _UNSTATED_LIFE_S
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        value = _UNSTATED_LIFE_S
    if value > _SURELY_MILLISECONDS:
        value /= 1000
    return min(LONGEST_LIFE_S, max(SHORTEST_LIFE_S, value))


def _sendable(token: str) -> str:
    """Return the token if it can stand in a header; the HTTP library's own complaint would show it."""
    if not _SENDABLE.fullmatch(token):
        raise SignInError(
            "The access token cannot be used.",
            cause="It holds a space, a control character or a letter outside ASCII.",
            next_step="Copy it again, without quotes or line breaks.",
        )
    return token
