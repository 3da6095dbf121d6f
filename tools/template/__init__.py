"""The stack as CloudFormation would deploy it."""
