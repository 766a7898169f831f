"""Owns who may call: one invented organization, one client and the tokens it was given."""

from __future__ import annotations

from tui_app.clock import Clock, now_ms
from tui_app.emulator.chance import Chance


class Credentials:
    """Invented credentials, the same for the same seed, and the tokens that are valid now.

    `token_lifetime_s` applies to tokens issued from then on; `revoke` ends tokens at once (API reference 1.1).
    """

    def __init__(self, clock: Clock, *, seed: int = 1, token_lifetime_s: int = 86_399) -> None:
        self._clock = clock
        self._seed = seed
        self._issued = 0
        self._expiry_ms: dict[str, int] = {}
        chance = Chance(seed, "credentials")
        self.org_id = f"EMULATED{chance.hex(16).upper()}@AdobeOrg"
        self.client_id = f"emulated-client-{chance.hex(8)}"
        self.client_secret = f"emulated-secret-{chance.hex(24)}"
        self.token_lifetime_s = token_lifetime_s
        self.access_token = self.issue()

    def issue(self) -> str:
        """Return a new token, valid for `token_lifetime_s` seconds; forget those that have expired."""
        now = now_ms(self._clock)
        self._expiry_ms = {token: expiry for token, expiry in self._expiry_ms.items() if expiry > now}
        token = f"emulated-token-{Chance(self._seed, 'token', self._issued).token(40)}"
        self._issued += 1
        self._expiry_ms[token] = now + self.token_lifetime_s * 1000
        return token

    def revoke(self, token: str | None = None) -> None:
        """End one token, or every token when none is named; the client must ask for a new one."""
        if token is None:
            self._expiry_ms.clear()
        else:
            self._expiry_ms.pop(token, None)

    def is_valid(self, token: str) -> bool:
        """Whether the token was issued here and has neither expired nor been revoked."""
        return self._expiry_ms.get(token, 0) > now_ms(self._clock)

    @property
    def valid_tokens(self) -> int:
        """How many tokens would be accepted now."""
        return sum(1 for token in self._expiry_ms if self.is_valid(token))
