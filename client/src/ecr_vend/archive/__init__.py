"""The archive of the service's records, checked without trusting who runs it: docs/archive.md."""
