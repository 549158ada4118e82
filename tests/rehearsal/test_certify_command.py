"""`l4gate certify` as operators run it: exit codes, reports, large windows, and the page in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from fixtures.contract import (
    CANARY_FAILURE_RATIO,
    CHANGES,
    FRESH,
    LYAPUNOV,
    OK,
    REALM_LABEL,
    RULE_INTERVAL_SECONDS,
)
from l4gate.programs import find_program, host_promtool
from l4gate.sandbox import Series, write_blocks
from l4gate.settings import Settings, chosen, required_variable
from tests.support.histories.record import serve

pytestmark = pytest.mark.dr_rehearsal

ROOT = Path(__file__).parents[2]
DAY = 86_400.0
MONTH = 30 * DAY
HEALTHY = {
    OK: 1.0,
    FRESH: 1.0,
    CHANGES: 6.0,
    CANARY_FAILURE_RATIO: 0.01,
    LYAPUNOV: 0.07,
    "duri_canary_samples_15m": 750.0,
    "error_budget_burn_7d": 0.1,
    "error_budget_burn_30d": 0.1,
    "duri_dr_restore_p95_seconds": 230.0,
}
OVER_2H = {"duri_p_uniform_ks_p": 0.6, "duri_p_unique_ratio": 0.97}
# How many seconds before the end the history of each realm is bad, for how long, and in which metric.
BAD: dict[str, tuple[float, float, str, float | None]] = {
    "prod": (0, 0, OK, 0.0),
    "late": (7_200, 240, OK, 0.0),
    "stale": (7_200, 1_200, FRESH, 0.0),
    "silent": (7_200, 1_200, OK, None),
}


def recorded(realm: str, end: float, seconds: float) -> Iterator[Series]:
    """What the rules would have recorded for one realm up to `end`."""
    before, lasting, bad, value = BAD[realm]
    count = round(seconds / RULE_INTERVAL_SECONDS) + 40
    times = [end - index * RULE_INTERVAL_SECONDS for index in range(count, -1, -1)]
    for name, healthy in HEALTHY.items():
        # What is a mean or a sum differs a little at every evaluation.
        wave = 0.0 if name in (OK, FRESH, CHANGES) else 1e-5 * healthy
        samples = [
            (
                at,
                value
                if name == bad and end - before <= at < end - before + lasting
                else healthy + wave * (at % 7),
            )
            for at in times
        ]
        yield Series(name, {REALM_LABEL: realm}, [(at, each) for at, each in samples if each is not None])
    for name, healthy in OVER_2H.items():
        yield Series(name, {REALM_LABEL: realm, "window": "2h"}, [(at, healthy) for at in times])


@pytest.fixture(scope="module")
def server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    """A Prometheus with 30 days of realm prod, and a day of each of the others; its URL and where its days end."""
    data_dir = tmp_path_factory.mktemp("certify") / "data"
    end = time.time() // 60 * 60
    series = (one for realm in BAD for one in recorded(realm, end, MONTH if realm == "prod" else DAY))
    write_blocks(series, data_dir, host_promtool(settings.generation, settings.cache_dir))
    with serve(data_dir, find_program("prometheus", settings.generation, settings.cache_dir)) as api:
        yield api.base_url, end


Record = Callable[[str, object], None]
Certify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def certify(server: tuple[str, float], tmp_path: Path) -> Certify:
    url, end = server

    def run(
        *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "l4gate", "certify", "--url", url, "--until", str(end)]
        return subprocess.run(
            [*command, "--report-dir", str(tmp_path), *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("judged", "code", "headline"),
    [
        ("prod", 0, "certified L4.9"),
        ("late", 10, "not certified (L4.7)"),
        ("stale", 20, "ABORT in the window: not certified (L4.7)"),
        ("silent", 10, "not certified (L4.7)"),
    ],
)
def test_the_exit_code_is_the_verdict(
    certify: Certify, tmp_path: Path, judged: str, code: int, headline: str
) -> None:
    """The exit code must be 0 certified, 10 not, 20 an abort in the window; terminal, JSON and files say the same."""
    told = certify("--realm", judged)
    printed = certify("--realm", judged, "--json")

    written = json.loads((tmp_path / f"l4-certificate-{judged}.json").read_text())
    payload = json.loads(printed.stdout)
    assert (told.returncode, told.stdout.splitlines()[0]) == (code, f"{judged}: {headline}")
    assert (printed.returncode, payload["exit_code"]) == (code, code)
    assert payload["realms"][0]["level"] == written["level"]
    assert written["level"] in headline
    assert payload["realms"][0]["criteria"] == written["criteria"]
    assert written["facts"]["contract"].startswith("DuRi, sha256 ")
    assert {"rules", "server version", "l4gate", "commit", "config folder"} < written["facts"].keys()


def test_a_gap_is_told_with_its_times(certify: Certify, server: tuple[str, float], tmp_path: Path) -> None:
    """20 minutes without samples must be a violation from two intervals after the last sample to the next one."""
    certify("--realm", "silent")

    written = json.loads((tmp_path / "l4-certificate-silent.json").read_text())
    (gap,) = written["criteria"][0]["violations"]
    assert (gap["kind"], gap["worst"]) == ("gap", None)
    assert gap["seconds"] == pytest.approx(1_200 - RULE_INTERVAL_SECONDS, abs=0.002)


def test_the_worst_realm_decides(certify: Certify) -> None:
    """With several realms the exit code must be that of the worst one."""
    assert certify("--realm", "prod", "--realm", "late", "--realm", "stale").returncode == 20


def test_the_page_stands_alone(certify: Certify, tmp_path: Path) -> None:
    """HTML and SVG must fetch nothing and run nothing, and the same picture must be in both."""
    certify("--realm", "stale")

    page = (tmp_path / "l4-certificate-stale.html").read_text()
    picture = (tmp_path / "l4-certificate-stale.svg").read_text()
    assert picture in page
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - our own text
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "").replace(
        "http://127.0.0.1", ""
    )
    assert "prefers-color-scheme" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--window", "1 day"), "expected a Prometheus duration such as 30s, 5m or 1h30m, found '1 day'."),
        (("--window", "0"), "--window: expected a duration above 0, found '0'."),
        (
            ("--until", "yesterday"),
            "expected a time such as 2024-05-01T00:00:00Z or 1714521600, found 'yesterday'.",
        ),
        (("--until", "nan"), "expected a time such as 2024-05-01T00:00:00Z or 1714521600, found 'nan'."),
        (("--until=-inf", "--json"), "or 1714521600, found '-inf'."),
        (
            ("--until", "2999-01-01T00:00:00Z"),
            "--until: expected a time that has passed on the server, found one",
        ),
    ],
)
def test_wrong_usage_is_told(certify: Certify, arguments: tuple[str, str], message: str) -> None:
    """A window that cannot be judged must be exit 2 and one sentence."""
    result = certify(*arguments)

    assert result.returncode == 2
    assert message in result.stderr


def test_an_unreachable_server_is_no_certificate(tmp_path: Path) -> None:
    """When nobody answers, it must be HOLD, and no report must be written."""
    command = [
        sys.executable,
        "-m",
        "l4gate",
        "certify",
        "--url",
        "http://127.0.0.1:9",
        "--report-dir",
        str(tmp_path),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 10
    assert "cannot be reached" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("check", ["canary-quorum-pass", "error-budget-burn-ok"])
def test_a_single_check_is_judged_at_its_moment(certify: Certify, check: str) -> None:
    """A required check must be GO on values in bounds for as long as it asks, and HOLD where there are none."""
    good, nobody = certify("--check", check, "--json"), certify("--check", check, "--realm", "nobody")

    assert (good.returncode, json.loads(good.stdout)["verdict"]) == (0, "GO")
    assert nobody.returncode == 10
    assert f"found no sample in the last {'2h' if check == 'canary-quorum-pass' else '1m'}" in nobody.stdout


def test_the_operators_script_certifies_a_day(server: tuple[str, float], tmp_path: Path) -> None:
    """`l4_24h_stats.sh` must pass its options on and return the verdict's exit code."""
    url, end = server
    script = ROOT / "scripts" / "ops" / "l4_24h_stats.sh"
    command = [script, "--url", url, "--until", str(end), "--realm", "stale", "--report-dir", tmp_path]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )

    assert result.returncode == 20, result.stderr
    assert "(1d)" in result.stdout


@pytest.mark.parametrize(("window", "seconds"), [("24h", 5), ("30d", 30)])
def test_large_windows_are_quick_and_small(
    server: tuple[str, float],
    tmp_path: Path,
    window: str,
    seconds: float,
    record_property: Callable[[str, object], None],
) -> None:
    """24 h must take at most 5 s of CPU, 30 days at most 30 s, and the command must stay below 200 MB."""
    url, end = server
    command = [
        sys.executable,
        "-m",
        "l4gate",
        "certify",
        "--url",
        url,
        "--until",
        str(end),
        "--window",
        window,
    ]
    started = time.monotonic()
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([*command, "--report-dir", str(tmp_path)], cwd=ROOT, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = usage.ru_utime + usage.ru_stime  # on a busy machine the clock on the wall tells of the neighbours

    record_property("cpu_seconds", round(took, 2))
    record_property("wall_seconds", round(time.monotonic() - started, 2))
    record_property("megabytes", usage.ru_maxrss // 1024)
    assert process.returncode == 0
    assert took <= seconds
    assert usage.ru_maxrss < 200 * 1024


def browse(page: Path, screenshot: Path, scheme: str) -> str:
    """Opens a page headless in Chromium; returns what it wrote to its console."""
    chromium = shutil.which("chromium")
    if chromium is None:
        variable = required_variable("chromium")
        message = f"no chromium on PATH (Debian package chromium); {variable}=1 makes this a failure"
        (pytest.fail if chosen(variable) == "1" else pytest.skip)(message)
    screenshot.parent.mkdir(parents=True, exist_ok=True)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    options += [
        f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
        "--window-size=1280,1900",
    ]
    options += [f"--user-data-dir={page.parent / 'browser'}", f"--screenshot={screenshot}", page.as_uri()]
    result = subprocess.run([chromium, *options], capture_output=True, text=True, timeout=60, check=True)
    return "\n".join(line for line in result.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_in_a_browser_without_an_error(
    certify: Certify, tmp_path: Path, settings: Settings, scheme: str
) -> None:
    """Chromium's console must stay empty, where a page with a fault would have filled it; the screenshot is kept."""
    certify("--realm", "stale")
    faulty = tmp_path / "faulty.html"
    faulty.write_text("<script>nothing()</script>")

    console = browse(
        tmp_path / "l4-certificate-stale.html",
        (settings.report_dir / f"certificate-{scheme}.png").resolve(),
        scheme,
    )

    assert console == ""
    assert "nothing is not defined" in browse(faulty, tmp_path / "faulty.png", scheme)
