"""Policies in AppConfig: versions, deployments, and what watches them."""
