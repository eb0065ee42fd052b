"""Arrow and pandas: the rolling window of events, and the tables made of it. No I/O.

It must never know of connections, files or the page.
"""
