"""The mixer that sessions are rendered with: clips, channels, faders, panners, devices."""
