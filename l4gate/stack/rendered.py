"""The configuration that a stack of our own runs with: rendered for the run, and on a scaled stack in two steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from l4gate.machine import LOOPBACK
from l4gate.rules import ALERTING_FILE, render, rendered_alerting
from l4gate.stack.model import StackSpec
from l4gate.stack.rundir import RunDir

# Where nobody listens: by the name in the source a run could reach the Alertmanager of somebody else.
_NOWHERE: Final = f"{LOOPBACK}:1"


class RenderedConfig:
    """
    Writes the configuration into a run's folder, and keeps the rules of a scaled stack back.

    They wait beside it until every target has been scraped once; `Stack.load_rules` says why.
    """

    def __init__(self, spec: StackSpec, run_dir: RunDir) -> None:
        self._spec = spec
        self._dirs = run_dir
        self._alertmanager = _NOWHERE
        self._unrendered: Mapping[str, str] | None = None  # addresses for the rules, until these are written

    @property
    def holds_rules(self) -> bool:
        """Whether there are rules that wait."""
        return self._dirs.held_rules.exists()

    def write_alerting(self, pager: str) -> None:
        """Writes alertmanager.yml, its receivers calling the URL `pager` or nobody; raises like `rendered_alerting`."""
        text = rendered_alerting(self._spec.source, factor=self._spec.factor, pager=pager)
        (self._dirs.config / ALERTING_FILE).write_text(text)

    def write(self, addresses: Mapping[str, str], alertmanager: str = "") -> None:
        """
        Writes the configuration with these addresses; on a scaled stack the rules wait.

        Alerts are sent to the address `alertmanager`, and nowhere if there is none.
        """
        scaled = self._spec.factor > 1
        self._alertmanager = alertmanager or _NOWHERE
        self._render(self._dirs.config, addresses, rules=not scaled)
        if scaled:
            self._unrendered = addresses
            (self._dirs.config / "rules").mkdir(exist_ok=True)
            self._dirs.held_rules.mkdir(exist_ok=True)

    def hold_rules(self) -> None:
        """Takes the rules out of the configuration again, before a Prometheus that has scraped nothing reads them."""
        # After a rollback rules/ is a link into the generation that is live, and the link has to stay.
        rules = (self._dirs.config / "rules").resolve()
        rules.rename(self._dirs.held_rules)
        rules.mkdir()

    def prepare_rules(self) -> None:
        """Writes the rules that wait: while Prometheus waits for its first scrape, this takes no time."""
        if self._unrendered is None:
            return
        with TemporaryDirectory(dir=self._dirs.root) as folder:
            self._render(Path(folder), self._unrendered, rules=True)
            (Path(folder) / "rules").replace(self._dirs.held_rules)
        self._unrendered = None

    def release_rules(self) -> None:
        """Puts the rules that wait into the configuration; one that somebody has written there meanwhile stays."""
        for path in self._dirs.held_rules.iterdir():
            if not (self._dirs.config / "rules" / path.name).exists():
                path.rename(self._dirs.config / "rules" / path.name)
        self._dirs.held_rules.rmdir()

    def _render(self, folder: Path, addresses: Mapping[str, str], *, rules: bool) -> None:
        render(
            self._spec.source,
            folder,
            factor=self._spec.factor,
            realms=self._spec.realms,
            addresses=addresses,
            rules=rules,
            alertmanager=self._alertmanager,
        )
