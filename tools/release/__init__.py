"""How a release is made, checked and told apart from another."""
