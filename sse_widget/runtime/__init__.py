"""Threads and time: the background event loop that serves all streams, pacing, and observers.

It must never know what a stream, an event or a notebook is.
"""
