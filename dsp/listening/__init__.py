"""Where it is heard: reference tracks, platforms, codecs, what mastering will do."""
