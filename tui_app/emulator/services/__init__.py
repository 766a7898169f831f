"""Owns the answers: one module for each service of the platform, each behind the gateway."""
