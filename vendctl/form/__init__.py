"""A policy in its canonical form, every comment kept: `vendctl policy fmt`."""
