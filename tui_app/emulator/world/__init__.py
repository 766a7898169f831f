"""Owns what the platform holds and how it changes with time; knows nothing of HTTP."""
