"""What a change of the policy does: the decisions in which two documents differ."""
