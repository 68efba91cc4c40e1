"""Tests of the tables, the migrations that make them, and the secrets in them."""
