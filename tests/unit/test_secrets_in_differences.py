"""No difference and no quoted line of a configuration shows a secret; what a server hides is no difference."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from l4gate.operations.proof import _differences
from l4gate.scraping import without_secrets

# A setting as people write it, and as a server prints it.
PRINTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "password": (
        {"basic_auth": {"username": "u", "password": "hush"}},
        {"basic_auth": {"username": "u", "password": "<secret>"}},
    ),
    "credentials": (
        {"authorization": {"credentials": "hush"}},
        {"authorization": {"type": "Bearer", "credentials": "<secret>"}},
    ),
    "token": (
        {"bearer_token": "hush"},
        {"authorization": {"type": "Bearer", "credentials": "<secret>"}},
    ),
    "URL": ({"url": "http://u:hush@a:1/x"}, {"url": "http://u:xxxxx@a:1/x"}),
    "hidden URL": ({"url": "http://u:hush@a:1/x"}, {"url": "<secret>"}),
    "headers": (
        {"http_headers": {"X": {"secrets": ["hush"]}}},
        {"http_headers": {"X": {"secrets": ["<secret>"]}}},
    ),
    "oauth2": ({"oauth2": {"client_secret": "hush"}}, {"oauth2": {"client_secret": "<secret>"}}),
    "key": ({"sigv4": {"secret_key": "hush"}}, {"sigv4": {"secret_key": "<secret>"}}),
    "plain headers": ({"headers": {"X": "hush"}}, {"headers": {"X": "hush"}}),
}


@pytest.mark.parametrize(("written", "printed"), PRINTED.values(), ids=PRINTED)
@pytest.mark.parametrize("section", ["alerting", "remote_write"])
def test_what_a_server_hides_is_no_difference(
    section: str, written: dict[str, Any], printed: dict[str, Any]
) -> None:
    """A secret that the server hides must be equal; where the server has none or another, it must not be shown."""
    assert list(_differences({section: [written]}, {section: [printed]}, "")) == []
    other = yaml.safe_load(yaml.safe_dump(printed).replace("<secret>", "psst").replace("hush", "psst"))
    for loaded in ({}, {section: []}, {section: [{}]}, {section: [{**other, "url": "http://u:psst@b"}]}):
        found = "\n".join(_differences({section: [{**written, "more": 1}]}, loaded, ""))
        assert section in found
        assert "hush" not in found
        assert "psst" not in found


@pytest.mark.parametrize(
    "loaded",
    ["http://v:xxxxx@a/x?k=1", "http://u:xxxxx@b/x?k=1", "http://u:xxxxx@a/y?k=1", "http://u:xxxxx@a/x?k=2"],
)
def test_the_rest_of_a_url_counts(loaded: str) -> None:
    """A URL that differs in anything but its password must be a difference that shows no credentials or query."""
    (found,) = _differences({"url": "http://u:hush@a/x?k=1"}, {"url": loaded}, "")

    assert found.startswith("url: expected ")
    assert not [each for each in ("hush", "u:", "k=") if each in found]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("password: hush-hush\n", "5 | password: hush-hush"),
        ("password: 'hush-hush'\n", "5 | password: 'hush-hush'"),
        ("{bearer_token: hush-hush, a: b}", "x {bearer_token: hush-hush, a: b}"),
        ("password: [hush-hush\n", "line 1: [hush-hush: did not find"),
        ("password: hush-hush\n", "cannot unmarshal !!str `hush-hu...` into config.X"),
        ("credentials: |\n  hush-hush\n  hush-psst\n", "3 |   hush-psst"),
        ("headers: {X: hush-hush}", "X: hush-hush"),
        ("a: http://u:hush-hush@b", "3 | a: http://u:hush-hush@b"),
        ("a: http://b/?q=hush-hush", 'parse "http://b/?q=hush-hush": no'),
        ("password: hush", "x: hush: y"),
    ],
)
def test_quoted_lines_show_no_secret(source: str, said: str) -> None:
    """What a program quotes of a file must be shown without the secrets in it, whether the file is YAML or not."""
    shown = without_secrets(said, source.encode())

    assert "hush" not in shown
    assert without_secrets("all is well: 1", source.encode()) == "all is well: 1"
