"""Where the files are that this package judges and runs but that are not Python: those of the checkout it is in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROMETHEUS_DIR: Final = ROOT / "prometheus"
COMPOSE_FILE: Final = ROOT / "compose.observation.yml"
SCRIPTS_DIR: Final = ROOT / "scripts" / "ops"
