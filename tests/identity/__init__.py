"""Tests of the use cases, at their own door."""
