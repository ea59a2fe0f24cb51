"""Ratios against other meters, measured in one run on one machine."""
