"""The L4 gate: GO, HOLD or ABORT for the DuRi heartbeat, and always with evidence."""
