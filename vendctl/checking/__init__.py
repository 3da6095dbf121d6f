"""How what is wrong with a policy is shown: its lines, SARIF, and its suites of tests."""
