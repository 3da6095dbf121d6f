"""What the service costs and how far it scales, computed from its own code and template."""
