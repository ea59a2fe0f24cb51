"""Sessions of DAWs: one model, a reader and a writer for every format."""
