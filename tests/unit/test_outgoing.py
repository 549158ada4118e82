"""The filter of all output: what it hides, what it replaces, and that no module of l4gate goes past it."""

from __future__ import annotations

import ast
import base64
import html
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape as markup

from fixtures.echo import OBEYED
from l4gate.base import control_terminal, filtered_streams, keep_login, keep_token, shown
from l4gate.report import write_atomically

ROOT = Path(__file__).parents[2]
TOKEN = "q7/Zk+\"3'<x&>%\\ü wJ=="
LOGIN = ("gate", "Vm#8 kk\"<y&'Qz9")
# Every module of l4gate that writes a file by itself, and why nothing in it has to pass the filter.
WRITERS = {
    "base/outside.py": "opens for others, who are named here",
    "report/write.py": "the filter itself, for every report",
    "commands/_sound.py": "an empty file",
    "faults/edits.py": "breaks the rules of a sandbox",
    "faults/run.py": "breaks the rules of a sandbox",
    "faults/surroundings.py": "breaks a sandbox",
    "faults/tools.py": "scrapes and scripts of a sandbox",
    "machine/lock.py": "an empty file",
    "machine/surroundings.py": "the null device",
    "cli.py": "the null device",
    "operations/checkpoints.py": "a manifest, which it masks by itself, and configurations as they were read",
    "faults/notification.py": "the configuration of a sandbox's own Alertmanager, which has no secret",
    "stack/rendered.py": "the configuration of a sandbox's own Alertmanager, which keeps no secret of its source",
    "operations/journal.py": "what was answered to an ABORT, which it masks by itself",
    "operations/configuration.py": "configurations as they were read: Prometheus needs the secrets in them",
    "programs/cache.py": "where a program is from",
    "programs/debian.py": "the configuration of apt, and what it unpacks",
    "rehearsal/archive.py": "the content of a sandbox, byte by byte",
    "rehearsal/backup.py": "the groups of a sandbox, byte by byte",
    "rules/rendering.py": "rules and configuration of a sandbox",
    "sandbox/history.py": "samples of a sandbox",
    "stack/images.py": "the archive of an image, for a container engine",
    "stack/local.py": "the groups of a sandbox, byte by byte",
    "stack/processes.py": "process ids, and the logs of our own programs, which know none of the credentials",
    "stack/rundir.py": "what kind of stack is in the folder",
}
# Those that name a stream other than as the `file` of a print inside the filter.
STREAMS = {
    "base/outgoing.py": "the filter itself",
    "cli.py": "flushes, and gives way when the reader has gone",
    "pytest_first.py": "one sentence before pytest begins, through the filter",
    "report/progress.py": "a line through the filter, between codes of our own",
    "report/summary.py": "a page, inside the filter",
}


@pytest.fixture(name="kept", autouse=True)
def _kept(_own_secrets: None) -> None:
    keep_token(TOKEN)
    keep_login(*LOGIN)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "repr": repr,
    "JSON": json.dumps,
    "JSON with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of repr": lambda text: json.dumps(repr(text)),
    "URL": lambda text: quote(text, safe=""),
    "path": quote,
    "JSON of Go": lambda text: (
        json.dumps(text).replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    ),
    "path of Go": lambda text: quote(text, safe="$&+=:@"),
    "form": quote_plus,
    "HTML": html.escape,
    "XML": escape,
    "attribute": quoteattr,
    "template": lambda text: str(markup(text)),
    "header": lambda text: text.encode().decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("secret", [TOKEN, LOGIN[1]], ids=["token", "password"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_hidden_however_it_is_spelt(spelling: str, secret: str) -> None:
    """What stands around a secret must stay, and nothing of it: in no spelling, whole or cut in two."""
    spelt = SPELLINGS[spelling](secret).strip("\"'")

    assert shown(f"a {spelt} b") == "a (not shown) b"
    assert spelt[:13] not in shown(f"cut: {spelt[:13]}")
    assert spelt[-13:] not in shown(f"cut: {spelt[-13:]}")


def test_the_header_of_a_login_is_hidden() -> None:
    """What HTTP makes of user and password must be hidden, and the user alone must not."""
    encoded = base64.b64encode(":".join(LOGIN).encode()).decode()

    assert shown(f"Basic {encoded}; user gate") == "Basic (not shown); user gate"


def test_what_is_short_is_hidden_only_as_a_word() -> None:
    """A password of a few characters must not blot out other words, and one of three only with its user."""
    keep_login("admin", "cats")
    keep_login("root", "abc")

    assert shown("cats, concatscats, admin:cats") == "(not shown), concatscats, admin:(not shown)"
    assert shown("abc root:abc") == "abc (not shown)"


def test_no_number_is_blotted_out() -> None:
    """A password of digits must be hidden where it stands alone, and JSON must stay JSON."""
    keep_login("door", "20261129")
    numbers = {"a": 0.20261129, "b": 1202611290, "c": 20261129.5}

    assert json.loads(shown(json.dumps(numbers))) == numbers
    assert shown("code 20261129.") == "code (not shown)."


def test_what_a_terminal_obeys_is_replaced() -> None:
    """Each control and format character must become a question mark, lines, tabs and letters must stay."""
    assert shown(OBEYED).isprintable()
    assert len(shown(OBEYED)) == len(OBEYED)
    assert shown("\ud800") == "?"
    assert shown("a\tb\nü\u00a0→") == "a\tb\nü\u00a0→"


@given(st.text())
def test_any_text_is_fit_to_be_seen(text: str) -> None:
    """Nothing unprintable but line ends, tabs and spaces must be left, and what was seen must not change again."""
    seen = shown(text)

    assert all(each.isprintable() or each in "\n\t" or each.isspace() for each in seen)
    assert not set(seen) & {"\r", "\x1b", "\x9b", "\x85", "\u2028", "\u2029", "\u202e"}
    assert shown(seen) == seen


def test_streams_and_reports_pass_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is printed or written as a report must be filtered, but for our own codes; the streams come back."""
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with filtered_streams():
        sys.stdout.write(f"\x1b[31m {TOKEN}\n")
        sys.stderr.write("\x07\n")
        control_terminal("\x1b[K")
    write_atomically(tmp_path / "report", f"{TOKEN}\x9b\n")

    assert out.getvalue() == "?[31m (not shown)\n"
    assert err.getvalue() == "?\n\x1b[K"
    assert (tmp_path / "report").read_text() == "(not shown)?\n"
    assert (sys.stdout, sys.stderr) == (out, err)


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call by the last name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func
            if isinstance(name, ast.Attribute):
                yield name.attr, node
            elif isinstance(name, ast.Name):
                yield name.id, node


def writes(name: str, call: ast.Call) -> bool:
    """Whether a call opens a file to write to it, or writes a whole one."""
    if name in ("write_text", "write_bytes", "private_file", "mkstemp", "NamedTemporaryFile"):
        return True
    given = [*call.args, *(each.value for each in call.keywords)]
    constants = [
        each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    flags = {each.attr for part in given for each in ast.walk(part) if isinstance(each, ast.Attribute)}
    modes = any(set(each) <= set("rwaxbt+") and set(each) & set("wax+") for each in constants)
    return name in ("open", "fdopen") and (modes or bool(flags & {"O_WRONLY", "O_RDWR"}))


def streams(tree: ast.Module) -> int:
    """How often stdout or stderr is named, but as the file of a print."""
    named = [
        each
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and ast.unparse(each) in ("sys.stdout", "sys.stderr")
    ]
    printed = [
        each
        for name, call in calls(tree)
        if name == "print"
        for word in call.keywords
        if word.arg == "file"
        for each in ast.walk(word.value)
    ]
    return sum(1 for each in named if each not in printed)


def test_nothing_goes_past_the_filter() -> None:
    """Only verbs may print, and only named modules must write files or touch the streams, each for a reason."""
    prints, writers, touching = set(), set(), set()
    for path in sorted((ROOT / "l4gate").rglob("*.py")):
        module = str(path.relative_to(ROOT / "l4gate"))
        tree = ast.parse(path.read_text())
        found = list(calls(tree))
        prints |= {module for name, _ in found if name in ("print", "print_exc", "pprint")}
        writers |= {module for name, call in found if writes(name, call)}
        touching |= {module for _ in range(streams(tree))}

    assert {each for each in prints if not each.startswith("commands/")} == {"cli.py"}
    assert writers == set(WRITERS)
    assert touching == set(STREAMS)
