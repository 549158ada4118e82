"""
Where the files are that this package judges and runs but that are not Python.

In a checkout they stand beside the package. A wheel has copies of them inside it, in the same order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_PACKAGED: Final = _PACKAGE / "_files"  # only in a wheel: force-include in pyproject.toml
ROOT: Final = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent
PROMETHEUS_DIR: Final = ROOT / "prometheus"
COMPOSE_FILE: Final = ROOT / "compose.observation.yml"
SCRIPTS_DIR: Final = ROOT / "scripts" / "ops"
