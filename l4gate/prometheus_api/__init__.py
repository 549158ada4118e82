"""The one client for all that is asked of a Prometheus, and the one way to make an HTTP session."""

from l4gate.prometheus_api.alertmanager import AlertmanagerApi
from l4gate.prometheus_api.answers import Answer, QueryAnswer, Sample, SampleSeries
from l4gate.prometheus_api.caller import Caller, caller_of, read_caller
from l4gate.prometheus_api.client import REQUEST_TIMEOUT_SECONDS, PrometheusApi
from l4gate.prometheus_api.dialects import beside
from l4gate.prometheus_api.external import external_of
from l4gate.prometheus_api.numbers import rfc3339
from l4gate.prometheus_api.session import HttpError, new_session

__all__ = [
    "REQUEST_TIMEOUT_SECONDS",
    "AlertmanagerApi",
    "Answer",
    "Caller",
    "HttpError",
    "PrometheusApi",
    "QueryAnswer",
    "Sample",
    "SampleSeries",
    "beside",
    "caller_of",
    "external_of",
    "new_session",
    "read_caller",
    "rfc3339",
]
