"""The prober: asks the service as its callers do, and tries what it is given at the registry."""
