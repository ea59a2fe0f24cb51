"""The plugin of the master bus: its C++ sources, and what builds them. See `build` and docs/adr/0015."""
