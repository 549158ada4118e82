"""What Prometheus makes of targets and scraped samples, and whether a server's configuration is the one expected."""

from l4gate.scraping.comparison import config_difference
from l4gate.scraping.defaults import DEFAULT_TIMEOUT_SECONDS, is_default
from l4gate.scraping.foreign import is_harmless
from l4gate.scraping.job import ADDRESS, EXPORTED, METRICS_PATH, NAME, ScrapeJob, visible
from l4gate.scraping.normal_form import ASIDE
from l4gate.scraping.relabelling import Labels, Relabelling, relabel, relabellings
from l4gate.scraping.secrets import SECRET, authorized, below, hidden, hider, redacted, without_secrets

__all__ = [
    "ADDRESS",
    "ASIDE",
    "DEFAULT_TIMEOUT_SECONDS",
    "EXPORTED",
    "METRICS_PATH",
    "NAME",
    "SECRET",
    "Labels",
    "Relabelling",
    "ScrapeJob",
    "authorized",
    "below",
    "config_difference",
    "hidden",
    "hider",
    "is_default",
    "is_harmless",
    "redacted",
    "relabel",
    "relabellings",
    "visible",
    "without_secrets",
]
