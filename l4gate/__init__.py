"""The L4 gate: GO, HOLD or ABORT for a heartbeat, and always with evidence."""
