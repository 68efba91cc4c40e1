"""Webhooks: what goes out, to whom, how often, and who says so."""
