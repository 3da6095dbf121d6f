"""What builds, locks and checks the project; nothing here ships."""
