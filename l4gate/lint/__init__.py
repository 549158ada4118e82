"""Static checks of the Prometheus configuration and rules, made on syntax trees."""
