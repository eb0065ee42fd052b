"""The kernel's side of a page: which host runs us, messages, and what stays in a saved notebook.

It must never know of connections or files.
"""
