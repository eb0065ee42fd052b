"""A capture on disk: written as events come, merged, and read back.

It must never know of connections or the page.
"""
