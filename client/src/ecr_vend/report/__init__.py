"""The audit report: vends → figures → one HTML page. Pure: nothing here reads or writes."""
