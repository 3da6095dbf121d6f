"""The platform team's command, on the very code that serves: never a second evaluator."""
