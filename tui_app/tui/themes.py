"""Owns the colours: themes, and the colour of every role in each; the words carry the meaning without them."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="aepx-dark",
    primary="#4f9fe0",
    secondary="#8fa3b8",
    accent="#e8b04b",
    warning="#e8b04b",
    error="#ff6b68",
    success="#5fc98b",
    foreground="#d7dde4",
    background="#101418",
    surface="#161b21",
    panel="#1f262e",
    dark=True,
)
LIGHT: Final = Theme(
    name="aepx-light",
    primary="#0b5cad",
    secondary="#4a5a6b",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3201d",
    success="#14713c",
    foreground="#1b232c",
    background="#fbfcfd",
    surface="#f1f4f7",
    panel="#e3e9ef",
    dark=False,
)
BLUE_ORANGE: Final = Theme(
    name="aepx-blue-orange",
    primary="#7cc4ff",
    secondary="#9aa7b5",
    accent="#ffd166",
    warning="#ffd166",
    error="#ff9f40",
    success="#7cc4ff",
    foreground="#e4e9ee",
    background="#0e1216",
    surface="#151a20",
    panel="#20272f",
    dark=True,
)
"""For red-green blindness: good is blue, bad is orange."""
PINK_TEAL: Final = Theme(
    name="aepx-pink-teal",
    primary="#5fd3c6",
    secondary="#9aa7b5",
    accent="#f4a6d2",
    warning="#f4a6d2",
    error="#ff7ab6",
    success="#5fd3c6",
    foreground="#e4e9ee",
    background="#0e1216",
    surface="#151a20",
    panel="#20272f",
    dark=True,
)
"""For blue-yellow blindness: good is teal, bad is pink."""

THEMES: Final = (DARK, LIGHT, BLUE_ORANGE, PINK_TEAL)
