"""
Which remarks with an answer mean that data may be missing from it, so that nothing in it is measured.

Warnings do, and so does what a cluster says of itself. The engines also send annotations about how a query is written
among their warnings and infos; those known here to leave nothing out are no partial answers. What is not known is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_IS_PARTIAL: Final = "isPartial"  # VictoriaMetrics' cluster: a storage node did not answer


@dataclass(frozen=True)
class Annotation:
    """A remark of the query engine: how its text begins, whether it leaves data out, and which code of it says so."""

    beginning: str
    leaves_out: bool
    source: str


# Prometheus' util/annotations names each; its promql package, and those of Thanos and Mimir, send these texts.
ANNOTATIONS: Final = (
    Annotation("PromQL warning: ratio value should be between -1 and 1", False, "InvalidRatioWarning"),
    Annotation("PromQL warning: range too short; does not contain", True, "RangeTooShortWarning"),
    Annotation("PromQL warning: quantile value should be between 0 and 1", False, "InvalidQuantileWarning"),
    Annotation("PromQL warning: bucket label ", True, "BadBucketLabelWarning: skips the series"),
    Annotation(
        "PromQL warning: encountered a mix of histograms and floats for", True, "MixedFloatsHistograms"
    ),
    Annotation(
        "PromQL warning: vector contains a mix of", True, "MixedClassicNative, MixedExponentialCustom"
    ),
    Annotation(
        "PromQL warning: vector contains histograms with incompatible custom buckets",
        True,
        "IncompatibleCustomBuckets",
    ),
    Annotation("PromQL warning: incompatible bucket layout", True, "IncompatibleBucketLayoutInBinOp"),
    Annotation(
        "PromQL warning: this native histogram metric is not a counter:", False, "NativeHistogramNotCounter"
    ),
    Annotation(
        "PromQL warning: this native histogram metric is not a gauge:", False, "NativeHistogramNotGauge"
    ),
    Annotation(
        "PromQL warning: conflicting counter resets during histogram ",
        False,
        "HistogramCounterResetCollision",
    ),
    Annotation(
        "PromQL info: metric might not be a counter, ",
        False,
        "PossibleNonCounterInfo, ...LabelInfo: by its name",
    ),
    Annotation(
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity",
        False,
        "HistogramQuantileForcedMonotonicityInfo",
    ),
    Annotation(
        "PromQL info: input to histogram_quantile has NaN observations, result is ",
        False,
        "NativeHistogramQuantileNaNResultInfo, ...NaNSkewInfo: the result stays",
    ),
    Annotation(
        "PromQL info: input to histogram_fraction has NaN observations, which are excluded",
        True,
        "NativeHistogramFractionNaNsInfo",
    ),
    Annotation("PromQL info: incompatible sample types", True, "IncompatibleTypesInBinOpInfo: no result"),
    Annotation("PromQL info: ignored histogram", True, "HistogramIgnoredInAggregation, ...InMixedRange"),
    Annotation(
        "PromQL info: mismatched custom buckets were reconciled during ",
        False,
        "MismatchedCustomBucketsHistogramsInfo: to the bounds that both have",
    ),
)
# Prometheus shows ten of each (AsStrings there): nobody knows what the others say.
_OMITTED: Final = " more info annotations omitted"
_HARMLESS: Final = tuple(each.beginning for each in ANNOTATIONS if not each.leaves_out)
_LEAVING_OUT: Final = tuple(each.beginning for each in ANNOTATIONS if each.leaves_out)


def what_is_missing(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """
    The remarks of an answer that make it a partial one.

    Raises:
        ValueError: saying what is of another shape than the API's.
    """
    warnings, infos = _texts(payload, "warnings"), _texts(payload, "infos")
    partial = payload.get(_IS_PARTIAL, False)
    if not isinstance(partial, bool):
        message = f"{_IS_PARTIAL!r} that is neither true nor false"
        raise ValueError(message)
    return (
        *((f"{_IS_PARTIAL}: true",) if partial else ()),
        *(text for text in warnings if not text.startswith(_HARMLESS)),
        # An info is about style, unless it is known to say that something was left out.
        *(text for text in infos if text.startswith(_LEAVING_OUT) or text.endswith(_OMITTED)),
    )


def _texts(payload: Mapping[str, Any], key: str) -> Sequence[str]:
    found = payload.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        message = f"{key} that are not a list of texts"
        raise ValueError(message)
    return found
