"""The plugin's window: drawn without one, and in a host of ours on an X display that nobody sees."""
