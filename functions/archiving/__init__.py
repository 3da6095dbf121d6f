"""The archive: what was recorded, where nobody can change it, sealed once an hour.

docs/archive.md is its format, which a verifier is written against.
"""
