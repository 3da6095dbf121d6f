"""The matrix: released artefacts, installed and tried on each system of `systems.toml`."""
