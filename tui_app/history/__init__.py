"""What the platform told us, kept: one SQLite file per organization and sandbox; the only package that speaks SQL."""
