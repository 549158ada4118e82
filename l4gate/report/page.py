"""
The shell of every HTML page here: self-contained, no script, nothing fetched, light or dark as the reader has it.

Every text is escaped: a server's words, labels and log lines are data, whatever they contain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark; --text: #1a1c1f; --page: #fff; --soft: #f2f3f5; --line: #d5d8dd; --quiet: #5b6168;
  --go: #12672f; --hold: #8a5a00; --abort: #a31621; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --page: #16181b; --soft: #202327; --line: #3a3f45;
  --quiet: #a0a7af; --go: #5fd08a; --hold: #f0b94d; --abort: #ff7b83; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 76rem;
  margin: 0 auto; padding: 1.5rem; }
header { border-left: .6rem solid var(--verdict); padding: .2rem 0 .2rem 1rem; margin-bottom: 2rem; }
h1 { color: var(--verdict); margin: 0; font-size: 1.7rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, dl { margin: .3rem 0; }
.quiet { color: var(--quiet); }
.go, .passed { --verdict: var(--go); } .hold, .error, .not-run { --verdict: var(--hold); }
.abort, .failed { --verdict: var(--abort); }
td.state { color: var(--verdict); font-weight: 600; white-space: nowrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid var(--line); }
th { background: var(--soft); font-weight: 600; }
code, pre { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: 0; }
.cause { background: var(--soft); border-left: .3rem solid var(--verdict); padding: .6rem 1rem; margin: .7rem 0; }
.cause h3 { margin: 0 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; }
""".strip()
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def render_page(title: str, body: Iterable[str]) -> str:
    """A whole page around finished parts."""
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
            f"<style>\n{_STYLE}\n</style></head><body>",
            *body,
            "</body></html>\n",
        )
    )


def text(value: object) -> str:
    """A text that is safe between tags and in attributes; what no page can show becomes a replacement character."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)))


def section(title: str, parts: Iterable[str]) -> Iterator[str]:
    """A section with its heading, or nothing when there are no parts."""
    found = list(parts)
    if found:
        yield f"<section><h2>{text(title)}</h2>"
        yield from found
        yield "</section>"


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of finished cells: `<td>...</td>` each."""
    heads = "".join(f"<th>{text(each)}</th>" for each in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def cell(value: object, kind: str = "") -> str:
    """One cell; `kind` is its class."""
    return f'<td class="{kind}">{text(value)}</td>' if kind else f"<td>{text(value)}</td>"


def code(value: object) -> str:
    """One cell in a fixed-width face."""
    return f"<td><code>{text(value)}</code></td>"
