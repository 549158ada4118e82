"""What Prometheus makes of targets and scraped samples, and whether a server's configuration is the one expected."""

from l4gate.scraping.comparison import config_difference
from l4gate.scraping.job import ScrapeJob
from l4gate.scraping.relabelling import Labels, Relabelling, relabel, relabellings

__all__ = ["Labels", "Relabelling", "ScrapeJob", "config_difference", "relabel", "relabellings"]
