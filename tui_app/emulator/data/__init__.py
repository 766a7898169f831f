"""Owns exported rows: parquet files made from a seed when they are first read, and SQL over them."""
