"""The verbs of the `l4gate` command, one module each."""
