"""One module per verb of `l4gate`."""
