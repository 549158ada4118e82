"""
A scrape job of prometheus.yml: what becomes of its targets, and of the samples that they deliver.

`up` and the other series that Prometheus itself makes of a scrape have the target's labels, and no step of
metric_relabel_configs touches them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from l4gate.base import RuleError
from l4gate.scraping.relabelling import Labels, Relabelling, relabel, relabellings

NAME: Final = "__name__"
ADDRESS: Final = "__address__"
METRICS_PATH: Final = "/metrics"  # Prometheus' own default
EXPORTED: Final = "exported_"
_RESERVED: Final = "__"


@dataclass(frozen=True)
class ScrapeJob:
    """What a job does to labels."""

    name: str
    honor_labels: bool = False
    relabelling: tuple[Relabelling, ...] = ()
    metric_relabelling: tuple[Relabelling, ...] = ()
    reserved: Mapping[str, str] = field(default_factory=dict)
    """Labels of every target before relabelling, from which Prometheus takes path, scheme, parameters and times."""

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> ScrapeJob:
        """
        A job from its configuration.

        Raises:
            RuleError: naming what is not understood.
        """
        name, honors = config.get("job_name"), config.get("honor_labels") or False
        if not isinstance(name, str) or not isinstance(honors, bool):
            message = (
                f"expected a job with a name, and honor_labels true or false, found {name!r} and {honors!r}."
            )
            raise RuleError(message)
        reserved = {
            "__metrics_path__": str(config.get("metrics_path") or METRICS_PATH),
            "__scheme__": str(config.get("scheme") or "http"),
            "__scrape_interval__": str(config.get("scrape_interval") or ""),
            "__scrape_timeout__": str(config.get("scrape_timeout") or ""),
        }
        return cls(
            name,
            honors,
            relabellings(config.get("relabel_configs")),
            relabellings(config.get("metric_relabel_configs")),
            reserved,
        )

    def target(self, labels: Mapping[str, str]) -> Labels | None:
        """
        The labels of a target that was discovered with `labels` (`__address__` among them); None if it is dropped.

        Those that begin with `__` tell where and how it is scraped; `visible` leaves them out.
        """
        discovered = {
            **self.reserved,
            "job": self.name,
            **{name: text for name, text in labels.items() if text},
        }
        found = relabel(discovered, self.relabelling)
        if not found or ADDRESS not in found:
            return None
        found = {name: text for name, text in found.items() if not name.startswith("__meta_")}
        return {"instance": found[ADDRESS], **found}

    def sample(self, labels: Mapping[str, str], target: Mapping[str, str]) -> Labels | None:
        """The labels under which a sample of a target is stored; None if it is dropped."""
        owner = visible(target)
        if self.honor_labels:
            merged = {**owner, **labels}  # an empty label of the sample erases the target's
        else:
            merged = {**labels, **owner}
            for name in sorted((name for name in owner if labels.get(name)), key=len):
                renamed = EXPORTED + name
                while merged.get(renamed):
                    renamed = EXPORTED + renamed
                merged[renamed] = labels[name]
        found = relabel(merged, self.metric_relabelling)
        return found if found and NAME in found else None


def visible(target: Mapping[str, str]) -> Labels:
    """The labels of a target that its series carry."""
    return {name: text for name, text in target.items() if not name.startswith(_RESERVED)}
