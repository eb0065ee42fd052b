"""Attacks: what a hostile server, another page on the kernel or another user of the machine may try.

What is promised to whom is in SECURITY.md; each promise has its test here.
"""
