"""The checks, one module per area. The engine imports them all, which registers them."""
