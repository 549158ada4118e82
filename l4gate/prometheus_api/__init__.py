"""The one client for all that is asked of a Prometheus."""

from l4gate.prometheus_api.client import PrometheusApi, QueryAnswer, SampleSeries

__all__ = ["PrometheusApi", "QueryAnswer", "SampleSeries"]
