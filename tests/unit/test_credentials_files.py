"""Files with credentials: a regular file of bounded size, wherever its name leads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.hostile import too_large
from l4gate.base import UsageError
from l4gate.prometheus_api import PrometheusApi, read_caller


def api(path: Path) -> PrometheusApi:
    return PrometheusApi("http://127.0.0.1:1", caller=read_caller(bearer_token_file=path))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (os.mkfifo, "found a FIFO"),
        (Path.mkdir, "found a folder"),
        (lambda path: path.symlink_to("/dev/zero"), "found a device"),
        (too_large, "more than 65536 bytes"),
        (lambda path: path.write_bytes(b"\xff"), "not UTF-8"),
        (lambda path: None, "No such file"),
    ],
    ids=["FIFO", "folder", "device", "endless", "no text", "none"],
)
def test_what_is_no_credentials_file_is_a_usage_error(
    tmp_path: Path, put: Callable[[Path], object], reason: str
) -> None:
    """Whatever stands in place of a credentials file must be one sentence at once."""
    put(tmp_path / "token")

    with pytest.raises(UsageError, match=f"the credentials file {tmp_path}/token cannot be read: .*{reason}"):
        api(tmp_path / "token")


def test_links_to_a_credentials_file_are_followed(tmp_path: Path) -> None:
    """A mounted secret is a link, and must be read."""
    (tmp_path / "secret").write_text("token\n")
    (tmp_path / "token").symlink_to("secret")

    assert api(tmp_path / "token").base_url == "http://127.0.0.1:1"
