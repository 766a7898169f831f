"""What was downloaded, read with DuckDB: tables, results, statistics; the only package that knows it."""
