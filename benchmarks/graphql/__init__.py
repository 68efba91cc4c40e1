"""Gatepost beside other GraphQL servers on the same tables. See README.md."""
