"""The engine behind the plugin: one process that meters and diagnoses what every instance of it hears.

meters     what moves: loudness, true peak and correlation of a few hops at a time
spectrum   the third octaves of the last moment
passes     when a measurement begins, goes on, and stands still, from the host's transport
measuring  one pass: all meters of `mixdiagnose check`, and the moving ones
judging    what the diagnosis makes of a pass: readiness, lines of the checklist, bands
instance   one instance of the plugin as the engine sees it
engine     the loop over all of them; `python -m plugin_bridge.live` runs it
beside     where diagnoses are made: a thread, and a process for bands
desk       how other programs ask the engine for its readings and reports
"""
