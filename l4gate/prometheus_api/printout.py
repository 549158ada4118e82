"""A printed configuration in Prometheus' own form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import yaml

from l4gate.base import ApiBadAnswer, RuleError, yamldoc
from l4gate.prometheus_api.dialects import VICTORIA_METRICS, Dialect

_MOST_VALUES: Final = 100_000  # of a printed configuration: 1,500 jobs


def printed_anew(printed: str, dialect: Dialect, flags: Callable[[], str], url: str) -> str:
    """
    The printout as Prometheus would have it; one that is no mapping stays as it is.

    `flags` asks for the metrics of the program, its flags among them; it is called where they matter.

    Raises:
        ApiBadAnswer: if it is no YAML.
        ApiUnreachable: if the flags cannot be had.
    """
    if dialect is not VICTORIA_METRICS:
        return printed
    try:
        config = yamldoc.plain(printed, "the loaded configuration", most_values=_MOST_VALUES)
    except RuleError as error:
        message = f"expected the YAML of a configuration from {url}; {error.message}"
        raise ApiBadAnswer(message) from None
    if not isinstance(config, dict):
        return printed
    is_since = f'flag{{name="{dialect.since}"' in flags()
    return yaml.safe_dump(dialect.configuration(config, is_since=is_since), sort_keys=False)
