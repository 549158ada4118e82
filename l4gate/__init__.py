"""The L4 gate: GO, HOLD or ABORT for a heartbeat, and always with evidence."""

__version__ = "0.1.0"  # of the wheel too, which takes it from here
