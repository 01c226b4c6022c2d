"""One file per way of talking to an engine; all of them give the same events.

A provider raises an `EngineError` until its first event; from then on a failure is a `Failed` event.
"""
