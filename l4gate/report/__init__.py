"""Reports: one judged run (`model`), rendered for a terminal, for CI (JUnit), for programs (JSON) and eyes (HTML)."""
