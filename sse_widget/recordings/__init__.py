"""Streams as files, and files played again as streams.

It must never know of widgets.
"""
