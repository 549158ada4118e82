"""
Makes docs/lint.md from the checks and their first wrong variants; `make docs` writes it.

The manual is made, so that an id, a reason and a remedy stand in one place, beside the check.
"""

from __future__ import annotations

import textwrap

from l4gate.lint.engine import CATALOGUE
from l4gate.lint.model import Check
from l4gate.lint.waivers import LONGEST
from tests.lint.variants import VARIANTS, Variant

HEAD = """\
# The checks of obs-lint

`make obs-lint` (`l4gate lint`) reads `prometheus/` and judges it on syntax trees, not on text. It exits 0 when there
is nothing to mend, 10 when there is (or when a check could not be made, which is said as such), 2 when it was called
wrongly.

| to | run |
|---|---|
| check everything | `l4gate lint` |
| make one check, or those of one area | `l4gate lint --only realm/label`, `l4gate lint --only realm` |
| have it for a program | `l4gate lint --json` |
| see findings beside the lines of a pull request | `l4gate lint --github` (by itself inside GitHub Actions) |
| have it for CI: a test case per check | `l4gate lint --junit reports/obs-lint.xml` |

No server is asked. Whether a running one has these rules says `l4gate diff --url http://127.0.0.1:9090`.

## Exceptions

An exception stands on or above the rule it is for (in `prometheus.yml` and `targets/`: above the line), with the
check, a reason, an owner and the last day on which it holds:

```yaml
# l4gate-lint: disable=realm/selector reason="looks for beats of other realms" owner="sre" until=2027-06-30
```

One that is incomplete, ends more than {longest} days ahead, has ended, or is not needed is a finding itself. What
exceptions hide is shown as waived, with reason, owner and end, in every form of the output, and changes no exit code.

This page is made from the checks by `make docs`; each wrong example is one of the tests'.
"""


def render() -> str:
    """The manual: one section per check, from one template, in the order in which the checks are made."""
    parts, area = [HEAD.replace("{longest}", str(LONGEST))], ""
    for check in CATALOGUE.values():
        if check.id.partition("/")[0] != area:
            area = check.id.partition("/")[0]
            parts.append(f"## {area}\n")
        parts.append(_section(check, next(each for each in VARIANTS if each.id == check.id)))
    return "\n".join(parts)


def _section(check: Check, example: Variant) -> str:
    right = f"Right, in `{example.file}`:\n\n{_code(example.good)}\n" if example.good else ""
    wrong = f"Wrong ({example.what})" + ("" if example.good else f", as `{example.file}`")
    return f"""\
### {check.id}

**What must hold:** {check.title}.

**Why:** {check.why}

**How to mend it:** {check.mend}

{right}{wrong}:

{_code(example.bad)}"""


def _code(text: str) -> str:
    block = textwrap.dedent(text.replace("\t", "<tab>")).strip("\n")
    return f"```yaml\n{block or '# (not there)'}\n```\n"
