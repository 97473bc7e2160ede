"""Analysis plugins: pure functions from the tables of a case to records."""
