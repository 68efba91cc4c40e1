"""Tests of the audit log: its canonical text, its seals, and how long it is kept."""
