"""The client against servers that answer wrongly, over real HTTP: an error that says so, in time, and never a value."""

from __future__ import annotations

import gzip
import json
import math
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.contract import ABORT_RULES, CONTRACT
from fixtures.wire import always, drip, http, serve, success
from l4gate.base import ApiBadAnswer, ApiError, ApiUnreachable, UsageError, Verdict
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi, QueryAnswer, read_caller, rfc3339
from l4gate.prometheus_api.asking import MOST_BYTES
from l4gate.prometheus_api.partial import ANNOTATIONS, Annotation
from l4gate.prometheus_api.session import is_loopback
from l4gate.report import decision_as_dict, decision_lines
from l4gate.verdict import Expectation, Memory, Parties, Stage, decide, diagnose, measure, unix_time

LIMIT = 0.5  # seconds for one request
ROOM = 1.5  # seconds more for two busy cores
VECTOR = {"resultType": "vector", "result": []}
SERIES = {"metric": {"__name__": "up"}, "value": [1.0, "1"]}


def vector(*series: object) -> bytes:
    return success({"resultType": "vector", "result": list(series)})


GARBAGE = {
    "html-200": (
        http(b"<html>Please log in</html>", headers="Content-Type: text/html"),
        ApiBadAnswer,
        "Please log in",
    ),
    "html-502": (
        http(b"<h1>Bad Gateway</h1>", "502 Bad Gateway", "Content-Type: text/html"),
        ApiBadAnswer,
        "502",
    ),
    "empty": (http(b""), ApiBadAnswer, "an empty body"),
    "nothing-at-all": (b"", ApiUnreachable, "cannot be reached"),
    "not-http": (b"SSH-2.0-OpenSSH_9.2\r\n", ApiUnreachable, ""),
    "cut-body": (http(b'{"status":"succ', length=900), ApiBadAnswer, "broke off"),
    "redirect": (http(b"", "302 Found", "Location: /login"), ApiBadAnswer, "redirects (HTTP 302)"),
    "503": (http(b"Service Unavailable", "503 Service Unavailable"), ApiUnreachable, "503"),
    "422": (
        http(
            b'{"status":"error","errorType":"execution","error":"many-to-many"}', "422 Unprocessable Entity"
        ),
        ApiBadAnswer,
        "execution: many-to-many",
    ),
    "error-200": (http(b'{"status":"error"}'), ApiBadAnswer, "no reason given"),
    "text-type-json-cut": (
        http(b'{"status": "success", "data": ', headers="Content-Type: text/plain"),
        ApiBadAnswer,
        "",
    ),
    "not-utf-8": (http(b'{"status":"success\xff"}'), ApiBadAnswer, "not the API's JSON"),
    "half-a-character": (http(b'{"status":"success","data":"\\ud800"}'), ApiBadAnswer, ""),
    "bad-gzip": (http(b"not gzip", headers="Content-Encoding: gzip"), ApiBadAnswer, "cannot be read"),
    "gzip-of-html": (
        http(gzip.compress(b"<html>"), headers="Content-Encoding: gzip"),
        ApiBadAnswer,
        "<html>",
    ),
    "deep": (http(b"[" * 100_000), ApiBadAnswer, ""),
    "deep-closed": (http(b'{"status":"success","data":' + b"[" * 900 + b"]" * 900 + b"}"), ApiBadAnswer, ""),
    "same-name-twice": (http(b'{"status":"error","status":"success","data":{}}'), ApiBadAnswer, ""),
    "nan-time": (vector({"metric": {}, "value": [float("nan"), "1"]}), ApiBadAnswer, ""),
    "infinite-time": (vector({"metric": {}, "value": [1e999, "1"]}), ApiBadAnswer, ""),
    "huge-number": (http(b'{"status":"success","data":' + b"9" * 5000 + b"}"), ApiBadAnswer, ""),
    "no-data": (http(b'{"status":"success"}'), ApiBadAnswer, "no vector or matrix"),
    "scalar": (success({"resultType": "scalar", "result": [1, "1"]}), ApiBadAnswer, "no vector or matrix"),
    "result-null": (success({"resultType": "vector", "result": None}), ApiBadAnswer, "no list 'result'"),
    "value-number": (vector({"metric": {}, "value": [1, 1]}), ApiBadAnswer, "no [time, text] pair"),
    "value-bool-time": (vector({"metric": {}, "value": [True, "1"]}), ApiBadAnswer, "no [time, text] pair"),
    "value-word": (vector({"metric": {}, "value": [1, "one"]}), ApiBadAnswer, "no [time, text] pair"),
    "label-without-a-name": (
        vector({"metric": {"": "a"}, "value": [1, "1"]}),
        ApiBadAnswer,
        "without labels",
    ),
    "infos-text": (success(VECTOR, infos="not a counter"), ApiBadAnswer, "infos"),
    "is-partial-text": (success(VECTOR, isPartial="true"), ApiBadAnswer, "'isPartial'"),
    "is-partial-null": (success(VECTOR, isPartial=None), ApiBadAnswer, "'isPartial'"),
    "no-samples": (vector({"metric": {}, "values": []}), ApiBadAnswer, "without labels or float samples"),
    "histogram": (vector({"metric": {}, "histogram": [1, {}]}), ApiBadAnswer, ""),
    "label-number": (vector({"metric": {"a": 1}, "value": [1, "1"]}), ApiBadAnswer, "without labels"),
    "backwards": (vector({"metric": {}, "values": [[2, "1"], [1, "1"]]}), ApiBadAnswer, "out of time order"),
    "series-twice": (vector(SERIES, SERIES), ApiBadAnswer, "the same series twice"),
    "warnings-text": (success(VECTOR, warnings="partial"), ApiBadAnswer, "warnings"),
    "cached": (
        http(json.dumps({"status": "success", "data": VECTOR}).encode(), headers="Age: 86400"),
        ApiBadAnswer,
        "from a cache",
    ),
}


def judged(url: str) -> tuple[Verdict, Stage]:
    """The verdict over a server, with all that is rendered of it; nothing of this may raise."""
    api = PrometheusApi(url, timeout_seconds=LIMIT)
    pace = Pace(60, CONTRACT)
    (measurement,) = measure(Parties(api, api, Expectation(pace, (), {}), Memory()), ("prod",))
    decision = decide(diagnose(measurement, pace))
    assert json.dumps(decision_as_dict(decision), allow_nan=False)
    assert all("\n".join(decision_lines(decision)).encode())
    assert decision.cause is not None
    return decision.verdict, decision.cause.stage


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_an_error_that_says_so(name: str) -> None:
    """Garbage must become the right ApiError, quoting what came, and a HOLD of the query stage."""
    raw, kind, said = GARBAGE[name]
    with serve(always(raw)) as (url, _):
        with pytest.raises(kind) as caught:
            PrometheusApi(url, timeout_seconds=LIMIT).query("up")
        verdict, stage = judged(url)

    assert said in str(caught.value)
    assert url in str(caught.value)
    assert (verdict, stage) == (Verdict.HOLD, Stage.QUERY)


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nX-Filler: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b""],
    ids=["header", "body", "status"],
)
def test_slow_drip_ends_in_time(head: bytes) -> None:
    """A server that is never silent and never done must be unreachable when the time limit is over."""
    stop = threading.Event()
    with serve(drip(head, stop)) as (url, _):
        started = time.monotonic()
        with pytest.raises(ApiUnreachable, match=r"no complete answer within 0\.5 s"):
            PrometheusApi(url, timeout_seconds=LIMIT).query("up")
        seconds = time.monotonic() - started
        stop.set()

    assert seconds < LIMIT + ROOM


@pytest.mark.parametrize("packed", [False, True])
def test_huge_body_is_refused(*, packed: bool) -> None:
    """A body beyond the limit must be refused while it comes, also when it comes as a few packed bytes."""
    body = b" " * (MOST_BYTES + 1)
    answer = http(gzip.compress(body), headers="Content-Encoding: gzip") if packed else http(body)
    with serve(always(answer)) as (url, _), pytest.raises(ApiBadAnswer, match="sent more than 8 MiB"):
        PrometheusApi(url, timeout_seconds=5).query("up")


@pytest.mark.parametrize("encoding", ["deflate", "br", "gzip, gzip", "zstd"])
def test_what_was_not_asked_for_is_not_unpacked(encoding: str) -> None:
    """Packing within packing, or one that we cannot bound, must be refused: nobody asked for it."""
    with (
        serve(always(http(success(VECTOR), headers=f"Content-Encoding: {encoding}"))) as (url, _),
        pytest.raises(ApiBadAnswer, match="although none was asked for"),
    ):
        PrometheusApi(url, timeout_seconds=5).query("up")


def test_reload_hands_on_the_words_of_a_refusal() -> None:
    """A refused reload must be told from one that was done, with the server's own words."""
    with (
        serve(always(http(b"reload\nfailed: rules", "500 Internal Server Error"))) as (refusing, asked),
        serve(always(http(b""))) as (willing, _),
    ):
        refusal = PrometheusApi(refusing, timeout_seconds=LIMIT).reload()
        done = PrometheusApi(willing, timeout_seconds=LIMIT).reload()

    assert (refusal, done) == ("HTTP 500: 'reload failed: rules'", "")
    assert asked[0].startswith("POST /-/reload ")


@pytest.mark.parametrize(
    ("raw", "kind", "said"),
    [
        (success({}), ApiBadAnswer, "a snapshot without a name"),
        (success({"name": 7}), ApiBadAnswer, "a snapshot without a name"),
        (http(b"<html>", "404 Not Found"), ApiBadAnswer, "HTTP 404"),
        (
            http(b'{"status":"error","error":"admin APIs disabled"}', "503 Service Unavailable"),
            ApiUnreachable,
            "admin APIs disabled",
        ),
    ],
    ids=["no-name", "number", "html", "disabled"],
)
def test_a_snapshot_has_a_name_or_is_an_error(raw: bytes, kind: type[ApiError], said: str) -> None:
    """What is no snapshot must be an error that says so: its name becomes a path."""
    with serve(always(raw)) as (url, _), pytest.raises(kind) as caught:
        PrometheusApi(url, timeout_seconds=LIMIT).snapshot()

    assert said in str(caught.value)


def test_a_server_without_a_configuration_is_a_bad_answer() -> None:
    """A server that does not print its configuration must NOT be taken for one that has none."""
    with serve(always(success({}))) as (url, _), pytest.raises(ApiBadAnswer, match="without a configuration"):
        PrometheusApi(url, timeout_seconds=LIMIT).configuration()


def test_redirect_is_not_followed() -> None:
    """A redirect must NOT lead the question to another server."""
    with serve(always(vector())) as (other, asked):
        answer = http(b"", "307 Temporary Redirect", f"Location: {other}/api/v1/query")
        with serve(always(answer)) as (url, _), pytest.raises(ApiBadAnswer, match="redirects"):
            PrometheusApi(url, timeout_seconds=LIMIT).query("up")

    assert asked == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_loopback_is_never_asked_through_a_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment must NOT see a question to this machine."""
    monkeypatch.delenv("no_proxy", raising=False)
    with serve(always(vector())) as (proxy, asked), serve(always(vector())) as (url, seen):
        monkeypatch.setenv(variable, proxy)
        PrometheusApi(url, timeout_seconds=LIMIT).query("up")

    assert (len(asked), len(seen)) == (0, 1)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:9090", True),
        ("http://LOCALHOST:9090", True),
        ("http://localhost.:9090", True),
        ("http://a.localhost", True),
        ("http://0.0.0.0:9090", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example.org", False),
    ],
)
def test_loopback_is_known_in_every_spelling(url: str, expected: bool) -> None:
    """Every spelling of this machine must be known as such, and no other name."""
    assert is_loopback(url) is expected


SAMPLE = {"metric": {"__name__": "up"}, "value": [1_700_000_000.123, "1"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("-0", 0.0),
        ("+1", 1.0),
        ("1.0", 1.0),
        ("0.30000000000000004", 0.1 + 0.2),
        ("1.7e+09", 1.7e9),
        ("5e-324", 5e-324),
        ("1E3", 1000.0),
        ("1e-7", 1e-7),
        ("+Inf", math.inf),
        ("-Inf", -math.inf),
        ("Inf", math.inf),
    ],
)
def test_values_are_read_as_engines_print_them(text: str, value: float) -> None:
    """What Prometheus and VictoriaMetrics print for a float must be that float."""
    with serve(always(vector({**SAMPLE, "value": [1, text]}))) as (url, _):
        assert PrometheusApi(url, timeout_seconds=LIMIT).query("up").series[0].last.value == value


def test_nan_is_read_as_nan() -> None:
    """NaN must stay what no limit holds for."""
    with serve(always(vector({**SAMPLE, "value": [1, "NaN"]}))) as (url, _):
        assert math.isnan(PrometheusApi(url, timeout_seconds=LIMIT).query("up").series[0].last.value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            " 1",
            "1 ",
            "1\n",
            "\t1",
            "0_0",
            "1_000",
            "1,5",
            "0x1p3",
            "0x10",
            "1e",
            "e1",
            ".5",
            "1.",
            "--1",
            "",
            "+",
        ),
        *("nan", "NAN", "+NaN", "-nan", "inf", "INF", "+inf", "-inf", "Infinity", "infinity", "-Infinity"),
        *(
            "\u0661",
            "\uff11",
            "\u0967.\u0966",
            "1\u0661",
            "\u00bd",
            "1e\u0661",
            "1e999",
            "9" * 400,
            "true",
            "1f",
        ),
    ],
)
def test_no_other_spelling_is_a_value(text: str) -> None:
    """A text that no engine prints must be malformed, whatever Python would make of it."""
    with serve(always(vector({**SAMPLE, "value": [1, text]}))) as (url, _):
        with pytest.raises(ApiBadAnswer, match=r"no \[time, text\] pair"):
            PrometheusApi(url, timeout_seconds=LIMIT).query("up")
        verdict, stage = judged(url)

    assert (verdict, stage) == (Verdict.HOLD, Stage.QUERY)


@pytest.mark.parametrize(
    "at", ["0", "-1", "-1e9", "253402300800", "1e20", "1" + "0" * 400, "true", '"1700000000"']
)
def test_no_sample_is_from_another_age(at: str) -> None:
    """A sample's time must be a number after 1970 and before the year 10000."""
    whole = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[AT,"1"]}]}}'
    body = whole.replace("AT", at)
    with (
        serve(always(http(body.encode()))) as (url, _),
        pytest.raises(ApiBadAnswer, match=r"no \[time, text\] pair"),
    ):
        PrometheusApi(url, timeout_seconds=LIMIT).query("up")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T22:13:20.5Z", 1_700_000_000.5),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000.123456789),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000.0),
        ("2023-11-14T20:43:20.25-01:30", 1_700_000_000.25),
        ("1970-01-01T00:00:00Z", 0.0),
        ("9998-12-31T23:59:59Z", 253_370_764_799.0),
        ("0001-01-01T00:00:00Z", -math.inf),
    ],
)
def test_times_of_pages_are_read_as_go_prints_them(text: str, at: float) -> None:
    """RFC 3339 with up to nanoseconds must be its Unix seconds, and Go's zero time must be never."""
    assert rfc3339(text) == at
    assert unix_time(text) == at


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2023-11-14", "20231114T221320Z", "2023-W46-2T22:13:20Z", "2023-318T22:13:20Z"),
        *("2023-11-14 22:13:20Z", "2023-11-14t22:13:20z", "2023-11-14T22:13Z", "2023-11-14T22:13:20"),
        *(" 2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z\n", "2023-11-14T24:00:00Z", "2023-11-14T22:60:20Z"),
        *("2023-11-14T22:13:60Z", "2023-02-30T00:00:00Z", "2023-11-14T22:13:20,5Z", "2023-11-14T22:13:20.Z"),
        *("2023-11-14T22:13:20.1234567890Z", "2023-11-14T22:13:20+01", "2023-11-14T22:13:20+0100"),
        *("2023-11-14T22:13:20+24:00", "2023-11-14T22:13:20+01:60", "\u0662023-11-14T22:13:20Z"),
        *(
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:30:00+01:00",
            "9999-01-01T00:00:00Z",
            "0001-01-01T00:00:01Z",
        ),
        *("0001-01-01T00:00:00+00:00", None, 1_700_000_000, True, ["2023-11-14T22:13:20Z"]),
    ],
)
def test_no_other_spelling_is_a_time(text: object) -> None:
    """What Go does not print for a time must be refused, and must NOT prove an evaluation."""
    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing: its callers know where the time stood
        rfc3339(text)
    assert unix_time(text) == -math.inf


def missing(*, warnings: object = (), infos: object = (), **more: object) -> tuple[str, ...]:
    """What is kept of an answer's remarks."""
    with serve(always(success(VECTOR, warnings=list(warnings), infos=list(infos), **more))) as (url, _):
        return PrometheusApi(url, timeout_seconds=LIMIT).query("up").warnings


def test_warnings_make_the_answer_partial_and_infos_do_not() -> None:
    """Warnings must be kept with the answer; infos are about style and must NOT be."""
    with serve(always(success(VECTOR, warnings=["a store is down"], infos=["not a counter"]))) as (url, _):
        api = PrometheusApi(url, timeout_seconds=LIMIT)
        assert api.query("up") == QueryAnswer("up", (), ("a store is down",))
        with pytest.raises(ApiBadAnswer, match="partial answer: 'a store is down'"):
            api.rules()


def test_a_cluster_that_says_partial_is_believed() -> None:
    """`isPartial: true` must make the answer partial, whatever else it says, and `false` must NOT."""
    assert missing(isPartial=True) == ("isPartial: true",)
    assert missing(isPartial=True, warnings=["x"]) == ("isPartial: true", "x")
    assert missing(isPartial=False) == ()


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=lambda each: each.beginning[8:50])
def test_an_annotation_is_partial_only_if_it_leaves_data_out(annotation: Annotation) -> None:
    """A known annotation must make the answer partial exactly if it says that data was left out, wherever it stands."""
    text = f'{annotation.beginning} ... "x" (1:6)'

    assert missing(warnings=[text]) == missing(infos=[text]) == ((text,) if annotation.leaves_out else ())


@pytest.mark.parametrize(
    "text",
    [
        "PromQL warning: something new",
        "PromQL info: something new",
        "store: PromQL info: metric might not be a counter, name does not end in _total",
        " PromQL info: metric might not be a counter, name does not end in _total",
        "promql info: metric might not be a counter, name does not end in _total",
        "3 more warning annotations omitted",
        "No StoreAPIs matched for this query",
        "",
    ],
)
def test_an_unknown_warning_is_a_partial_answer(text: str) -> None:
    """A warning that is not known to leave nothing out must be taken for one that does."""
    assert missing(warnings=["PromQL info: metric might not be a counter, x", text]) == (text,)


def test_no_beginning_hides_another() -> None:
    """No annotation must begin as another one does, or one of the two would never be looked at."""
    beginnings = [each.beginning for each in ANNOTATIONS]

    assert [one for one in beginnings for other in beginnings if one != other and one.startswith(other)] == []


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "0", "-5"])
def test_server_without_a_clock_is_a_bad_answer(text: str) -> None:
    """A time() that is no time must NOT become the moment that ages are counted from."""
    answer = success({"resultType": "scalar", "result": [1, text]})
    with serve(always(answer)) as (url, _), pytest.raises(ApiBadAnswer, match=r"time\(\) is"):
        PrometheusApi(url, timeout_seconds=LIMIT).now()


def test_refused_connection_says_so() -> None:
    """A port where nobody listens must be named as unreachable."""
    with serve(always(b"")) as (url, _):
        pass
    with pytest.raises(ApiUnreachable, match="cannot be reached: Connection refused"):
        PrometheusApi(url, timeout_seconds=LIMIT).query("up")


@pytest.mark.parametrize(
    "content", [b"se cret\nSECRET", b"", b"\xff\xfeSECRET", b"\xe2\x82\xacSECRET", b"SECRET\x00"]
)
def test_bad_token_file_never_shows_the_token(content: bytes, tmp_path: Path) -> None:
    """A token that no header can carry must be refused without being repeated."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        PrometheusApi("http://127.0.0.1:1", caller=read_caller(bearer_token_file=file))

    assert "SECRET" not in str(caught.value)
    assert str(file) in str(caught.value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
labels = st.dictionaries(
    st.sampled_from(["__name__", "metric_realm", "job"]), st.text(max_size=4) | json_values, max_size=3
)
rule = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["alerting", "recording"]) | json_values,
        "name": st.sampled_from([each.alert for each in ABORT_RULES]) | json_values,
        "query": st.sampled_from(["up", "((", "vector(1)"]) | json_values,
        "labels": labels | json_values,
        "health": st.sampled_from(["ok", "err"]) | json_values,
        "lastEvaluation": st.sampled_from(["0001-01-01T00:00:00Z", "2999-01-01T00:00:00"]) | json_values,
        "lastError": json_values,
        "duration": json_values,
        "alerts": st.lists(st.fixed_dictionaries({"state": json_values}) | json_values, max_size=2)
        | json_values,
    },
)
group = st.fixed_dictionaries(
    {"name": st.text(max_size=3), "file": st.just("f"), "interval": st.floats() | json_values},
    optional={"rules": st.lists(rule, max_size=2) | json_values, "limit": json_values},
)
series = st.fixed_dictionaries(
    {},
    optional={
        "metric": labels | json_values,
        "value": json_values,
        "values": st.lists(json_values, max_size=2) | json_values,
    },
)
results = st.fixed_dictionaries(
    {
        "resultType": st.sampled_from(["vector", "matrix", "scalar"]) | json_values,
        "result": st.lists(series, max_size=2) | json_values,
    }
)


class Script:
    """What the server of the test below says next, by the end of the path."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}


@pytest.fixture(scope="module")
def scripted() -> object:
    script = Script()

    def answer(connection: object, line: str) -> None:
        path = line.split(" ")[1]
        kind = "time" if "time%28%29" in path else path.partition("?")[0].rpartition("/")[2]
        connection.sendall(http(script.bodies[kind]))  # type: ignore[attr-defined]

    with serve(answer) as (url, _):
        yield script, url


@given(
    st.fixed_dictionaries(
        {
            "query": results | json_values,
            "rules": st.fixed_dictionaries({"groups": st.lists(group, max_size=2)}) | json_values,
            "targets": st.fixed_dictionaries({"activeTargets": st.lists(json_values, max_size=2)})
            | json_values,
            "config": st.fixed_dictionaries({"yaml": st.text() | json_values}) | json_values,
        }
    ),
    st.lists(json_values, max_size=1),
)
def test_generated_answers_never_raise_and_never_go(
    scripted: tuple[Script, str], data: dict, warnings: list
) -> None:
    """Whatever JSON a server answers, the decision must be HOLD, and nothing on the way must raise."""
    script, url = scripted
    script.bodies = {
        kind: json.dumps({"status": "success", "data": each, "warnings": warnings}).encode()
        for kind, each in data.items()
    }
    script.bodies["time"] = success({"resultType": "scalar", "result": [1.7e9, "1700000000"]}).partition(
        b"\r\n\r\n"
    )[2]
    api = PrometheusApi(url, timeout_seconds=5)
    for ask in (api.now, api.rules, api.targets, lambda: api.query("up")):
        try:
            ask()
        except ApiError:
            continue

    verdict, _ = judged(url)
    assert verdict is Verdict.HOLD


@pytest.mark.parametrize("status", [403, 405, 501])
def test_long_question_goes_through_a_proxy_without_post(status: int) -> None:
    """A question too long for a URL must be asked by POST, and by GET where POST is not let through."""

    def answer(connection: socket.socket, line: str) -> None:
        refused = http(b"", f"{status} No")  # it says that the connection is closed, as it is
        connection.sendall(refused if line.startswith("POST") else success(VECTOR))

    with serve(answer) as (url, seen):
        PrometheusApi(url).query(" or ".join(["up"] * 600))

    assert [line.split(" ")[0] for line in seen] == ["POST", "GET"]


def test_no_two_questions_are_the_same() -> None:
    """The same question asked twice must be two different requests: no cache may answer the second."""
    with serve(always(success({"resultType": "scalar", "result": [1, "1"]}))) as (url, seen):
        api = PrometheusApi(url)
        api.now()
        api.now()

    assert len(set(seen)) == 2
