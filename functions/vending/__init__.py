"""The domain of ecr-vend: who may have which token, for what, for how long."""
