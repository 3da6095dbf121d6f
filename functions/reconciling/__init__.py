"""What the records of AWS say that the ledger does not, found on a schedule."""
