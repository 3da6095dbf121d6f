"""Credential helper for Amazon ECR that needs no ECR permissions."""

__version__ = "0.1.0"
