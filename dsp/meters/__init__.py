"""Samples to numbers: streaming meters, one standard or paper per file."""
