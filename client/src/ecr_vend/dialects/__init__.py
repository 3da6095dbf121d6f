"""The protocols that programs speak to a credential helper, each in a module of its own."""
