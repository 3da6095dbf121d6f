"""Draws the dashboard of template.yaml with made-up figures, for the documentation.

CloudWatch alone shows the real one. An SVG written here needs no library, is the same bytes each
time, and shows in a diff what changed.
"""
