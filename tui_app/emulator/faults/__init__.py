"""Owns disturbances on demand: what goes wrong, on which calls, how often, and who may say so."""
