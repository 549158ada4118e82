"""Histories described in YAML: `describe` loads them, `generate` makes raw samples, `record` evaluates the rules."""
