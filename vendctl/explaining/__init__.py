"""What a policy gives a caller and what it lacks for more: `explain` and `who`."""
