"""Proves on a deployed stack what only a real account can show, and reports it with a date."""
