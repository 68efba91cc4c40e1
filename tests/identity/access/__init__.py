"""Tests of the permission engine: every answer it gives is the same answer."""
