"""The embedded stack: an AWS emulator with a real OCI registry, deployed to without an account."""
