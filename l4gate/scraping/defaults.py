"""What Prometheus does where a configuration says nothing, and the one spelling of what it does say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from l4gate.base import UsageError, format_duration, parse_duration

_SIZES: Final = re.compile(r"(\d+)([KMGTPE])?i?B?")
_DURATIONS: Final = re.compile(r".*(interval|timeout|offset|timestamps_age)")
DEFAULT_TIMEOUT_SECONDS: Final = 10.0  # Prometheus' own default, where the interval is no shorter
_PROTOCOLS: Final = (
    *("PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1"),
    *("PrometheusText1.0.0", "PrometheusText0.0.4"),
)
# What each version prints of what it was not told, and what no version prints but means: 2.42 to 3.5.
_DEFAULTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "honor_labels": (False,),
    "honor_timestamps": (True,),
    "track_timestamps_staleness": (False,),
    "metrics_path": ("/metrics",),
    "enable_compression": (True,),
    "follow_redirects": (True,),
    "enable_http2": (True,),
    "proxy_from_environment": (False,),
    "fallback_scrape_protocol": ("", "PrometheusText0.0.4"),
    "metric_name_validation_scheme": ("", "utf8", "legacy"),
    "metric_name_escaping_scheme": ("", "allow-utf-8", "underscores"),
    "always_scrape_classic_histograms": (False,),
    "scrape_classic_histograms": (False,),
    "convert_classic_histograms_to_nhcb": (False,),
    "scrape_native_histograms": (False,),
    "extra_scrape_metrics": (False,),
    "native_histogram_min_bucket_factor": (0, 0.0),
    "rule_query_offset": ("0s",),
    "refresh_interval": ("5m",),
}
_NESTED: Final[Mapping[str, tuple[Any, ...]]] = {"type": ("Bearer",), "refresh_interval": ("30s", "1m")}
_AS_WRITTEN: Final = frozenset({"params", "external_labels"})  # whose keys are names of somebody else
_LIMITS: Final = frozenset(
    {"sample_limit", "target_limit", "label_limit", "label_name_length_limit", "label_value_length_limit"}
    | {"body_size_limit", "keep_dropped_targets", "native_histogram_bucket_limit"}
)


def is_default(key: str, value: object) -> bool:
    """Whether a setting, of a job or global, says what Prometheus does without it."""
    if value is None or value in ([], {}):
        return True
    if key in _LIMITS:
        return plain(key, value) in (0, "0")
    if key == "scrape_protocols":
        return isinstance(value, list) and value == [each for each in _PROTOCOLS[1:] if each in value] != []
    spelt = plain(key, value)
    return any(type(spelt) is type(each) and spelt == each for each in _DEFAULTS.get(key, ()))


def told(value: object, key: str) -> object:
    """A nested setting without what it does not say: what is empty, and defaults of discovery and access."""
    if key in _AS_WRITTEN:
        return value
    if isinstance(value, list):
        return [told(part, key) for part in value]
    if not isinstance(value, Mapping):
        return value
    found = {str(name): told(plain(str(name), part), str(name)) for name, part in value.items()}
    return {
        name: part
        for name, part in found.items()
        if part not in (None, "", False, [], {})
        and part not in _NESTED.get(name, ())
        and not is_default(name, part)
    }


def plain(key: str, value: object) -> object:
    """A value in the one spelling: durations, and sizes in bytes."""
    duration = seconds(value) if _DURATIONS.fullmatch(key) else None
    if duration is not None:
        return format_duration(duration)
    if key == "body_size_limit" and (found := _SIZES.fullmatch(str(value))):
        return int(found[1]) * 1024 ** (1 + "KMGTPE".index(found[2]) if found[2] else 0)
    return value


def seconds(value: object) -> float | None:
    """A duration in seconds; None for anything else."""
    try:
        return parse_duration(str(value))
    except UsageError:
        return None
