"""What auditors read: the ledger's records, by index and never by a scan."""
