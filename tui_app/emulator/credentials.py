"""Owns who may call: one invented organization, its clients, what each may do, and the tokens they were given."""

from __future__ import annotations

from dataclasses import dataclass

from tui_app.clock import Clock, now_ms
from tui_app.emulator.chance import Chance

LONGEST_LIFE_S = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Client:
    """One technical account; `is_limited` is one that no product profile names (API reference 1.4)."""

    client_id: str
    client_secret: str
    is_limited: bool = False


class Credentials:
    """Invented credentials, and the tokens that are valid now; seed and time of the start decide them.

    `token_lifetime_s` applies to tokens issued from then on; `revoke` ends tokens at once (API reference 1.1).
    `full` may do everything, `limited` nothing: no product profile names it.

    Raises:
        ValueError: `token_lifetime_s` is no lifetime.
    """

    def __init__(self, clock: Clock, *, seed: int = 1, token_lifetime_s: int = 86_399) -> None:
        if not 1 <= token_lifetime_s <= LONGEST_LIFE_S:
            raise ValueError(
                f"Tokens cannot live {token_lifetime_s} s: give a whole number of seconds from 1 to {LONGEST_LIFE_S}."
            )
        self._clock = clock
        self._seed = seed
        self._issued = 0
        self._holders: dict[str, tuple[int, Client]] = {}
        chance = Chance(seed, "credentials")
        # An organization of this start alone: its world is new, and no client's records of an earlier one hold for it.
        self.org_id = f"EMULATED{Chance(seed, 'organization', now_ms(clock)).hex(16).upper()}@AdobeOrg"
        self.full = Client(f"emulated-client-{chance.hex(8)}", f"emulated-secret-{chance.hex(24)}")
        self.limited = Client(f"emulated-limited-{chance.hex(8)}", f"emulated-secret-{chance.hex(24)}", is_limited=True)
        self.clients = {one.client_id: one for one in (self.full, self.limited)}
        self.token_lifetime_s = token_lifetime_s
        self.access_token = self.issue(self.full)

    @property
    def client_id(self) -> str:
        """The API key of the client that may do everything."""
        return self.full.client_id

    @property
    def client_secret(self) -> str:
        """The secret of the client that may do everything."""
        return self.full.client_secret

    def issue(self, client: Client) -> str:
        """Return a new token, valid for `token_lifetime_s` seconds; forget the oldest as long as they have expired."""
        now = now_ms(self._clock)
        while self._holders:
            oldest = next(iter(self._holders))
            if self._holders[oldest][0] > now:
                break
            del self._holders[oldest]
        token = f"emulated-token-{Chance(self._seed, 'token', self._issued).token(40)}"
        self._issued += 1
        self._holders[token] = (now + self.token_lifetime_s * 1000, client)
        return token

    def revoke(self, token: str | None = None) -> None:
        """End one token, or every token when none is named; the client must ask for a new one."""
        if token is None:
            self._holders.clear()
        else:
            self._holders.pop(token, None)

    def holder(self, token: str) -> Client | None:
        """Return whose token it is; None when it was not issued here, has expired or was revoked."""
        expiry, client = self._holders.get(token, (0, None))
        return client if expiry > now_ms(self._clock) else None

    @property
    def valid_tokens(self) -> int:
        """How many tokens would be accepted now."""
        return sum(1 for token in self._holders if self.holder(token) is not None)
