"""Widgets of ours; each owns its own style and knows no screen and no engine."""
