"""Draws the audit report with made-up vends, for the documentation.

The vends are the same each time, so that a picture changes with the page alone. A browser draws
them: `tools.browser`.
"""
