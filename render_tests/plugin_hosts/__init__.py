"""Hosts of our own for the plugin: VST3 in C++, CLAP in Python, and what watches the audio thread."""
