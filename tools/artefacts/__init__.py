"""What a release consists of: each module makes one kind of artefact, the same bytes each time."""
