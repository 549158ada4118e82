"""What is asked of an Alertmanager: whom its alerts reach, and what keeps them from anybody. Its API is version 2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from l4gate.base import ApiBadAnswer, strict_json, yamldoc
from l4gate.prometheus_api.answers import OK, Response
from l4gate.prometheus_api.asking import Asker

_SECONDS: Final = 1.0  # it answers in milliseconds, and no verdict may wait for it
_FAILED: Final = re.compile(
    rb"^alertmanager_notification_requests_failed_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE
)


@dataclass(frozen=True)
class SentAlert:
    """An alert that it knows: its labels, what silences or inhibits it, and who it goes to."""

    labels: Mapping[str, str]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    receivers: tuple[str, ...]


class AlertmanagerApi:
    """A client of one Alertmanager. Each method raises ApiUnreachable or ApiBadAnswer, as those of `PrometheusApi`."""

    def __init__(self, base_url: str) -> None:
        self._asker = Asker(base_url, _SECONDS, {"Accept": "application/json"})

    def alerts(self) -> tuple[SentAlert, ...]:
        """The alerts that fire, those that reach nobody included."""
        found = self._json("/api/v2/alerts")
        try:
            return tuple(
                SentAlert(
                    {str(name): str(value) for name, value in each["labels"].items()},
                    tuple(map(str, each["status"]["silencedBy"])),
                    tuple(map(str, each["status"]["inhibitedBy"])),
                    tuple(str(one["name"]) for one in each["receivers"]),
                )
                for each in found
            )
        except (TypeError, LookupError, AttributeError) as error:
            message = f"expected alerts as an Alertmanager lists them, found another shape ({error!r:.80})."
            raise ApiBadAnswer(message) from None

    def silent_receivers(self) -> frozenset[str]:
        """The receivers of its configuration that call nobody, if any of them calls somebody; else none."""
        status = self._json("/api/v2/status")
        try:
            config = yamldoc.plain(status["config"]["original"], "the Alertmanager's configuration")
            calls = {
                str(each["name"]): any(str(key).endswith("_configs") and each[key] for key in each)
                for each in config["receivers"]
            }
        except (TypeError, LookupError, AttributeError) as error:
            message = f"expected the status of an Alertmanager, found another shape ({error!r:.80})."
            raise ApiBadAnswer(message) from None
        return (
            frozenset(name for name, some in calls.items() if not some)
            if any(calls.values())
            else frozenset()
        )

    def failed_notifications(self) -> float:
        """How many calls of receivers have failed since it started, each attempt counted."""
        return sum(float(each) for each in _FAILED.findall(self._get("/metrics").body))

    def _json(self, path: str) -> Any:
        response = self._get(path)
        try:
            return strict_json(response.body)
        except ValueError:
            message = f"{response.url} answered what is no JSON: {response.said}."
            raise ApiBadAnswer(message) from None

    def _get(self, path: str) -> Response:
        response = self._asker.ask("GET", path, {})
        if response.status != OK:
            message = f"{response.url} answered HTTP {response.status}: {response.said}."
            raise ApiBadAnswer(message)
        return response
