"""Tests of access reviews: who reviews what, and what comes of it."""
