"""What is heard: meters, checks and corrections on numpy arrays; no files, no clock, no host."""
