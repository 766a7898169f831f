"""Use cases and loops over platform and history; knows no terminal."""
