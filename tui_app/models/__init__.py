"""Owns the values every part speaks of: frozen, without input or output, one file per noun.

Import from the file of the noun (`tui_app.models.export_job`); nothing is gathered here, so that a start
pays only for what it uses.
"""
