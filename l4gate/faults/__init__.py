"""The fault catalogue: what is broken on purpose in a stack of our own, and what the gate must say about it."""
