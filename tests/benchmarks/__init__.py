"""Commands that print figures; run by hand or by the report, never by the gate."""
