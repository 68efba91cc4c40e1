"""Measurements, as ratios of pairs that run interleaved in one process."""
