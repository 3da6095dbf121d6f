"""What is odd about a policy before it serves, for `vendctl` and AppConfig's validator alike."""
