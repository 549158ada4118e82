"""
Writes the pages of docs/ that are made from registers in the code: `make docs`. Tests hold each to its register.

A page is made whole, or people write on it and its tables are made.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from fixtures.catalogue import FAULTS
from fixtures.contract import CONTRACT
from l4gate.base import CONFIG_BYTES, LONGEST_SECONDS, MANIFEST_BYTES, PROMETHEUS_DIR, Verdict
from l4gate.base.differences import MOST_LINES
from l4gate.base.yaml_bounds import MOST_VALUES
from l4gate.contract import SCHEMA_NAME, Criterion, Pace, When, schema
from l4gate.contract.gates import GATES, Gate
from l4gate.faults.model import Fault, Liar
from l4gate.prometheus_api.answers import MOST_SERIES
from l4gate.prometheus_api.asking import MOST_BYTES
from l4gate.promql import bounds
from l4gate.scraping.comparison import CONFIGURATION_VALUES
from l4gate.settings.realms import MOST_REALMS
from tests.lint import manual
from tests.support.fault_pairs import CHOSEN

DOCS: Final = Path(__file__).parents[2] / "docs"
_FAULTS: Final = """\
# The fault catalogue

Generated from the register (`l4gate/faults/`) by `make docs`; a test keeps the two in step.

`make faults` injects each of them into a real, healthy stack, waits for the verdict and cause given here, sees that
they stay, heals the fault and waits for GO. `l4gate faults inject ID` does the same with one fault at your own pace.
A stage is where the fault breaks the path; a cause is what the gate finds first, walking the path backwards. What
counts as a false GO or a false ABORT among the looks in between is written in `l4gate/faults/trail.py`.

"""
_ACHIEVED: Final = (Verdict.GO, Verdict.ABORT, Verdict.HOLD, None)
_PAIRS: Final = """
## Two at once

What the gate must say of two faults of different stages, injected together. Besides these, `make faults` draws one
pair for every two stages by lot from the faults that are HOLD by themselves (`tests/support/fault_pairs.py`).

"""


def gates_page() -> str:
    """docs/gates.md as it is, with the table of gates as the register has it."""
    rows = [(f"`{gate.id}`", gate.question, gate.expected, _asked(gate)) for gate in GATES]
    return _with_tables("gates.md", _table(("gate", "question", "expected", "asked"), rows))


def certificate_page() -> str:
    """docs/certificate.md as it is, with the tables of criteria and levels as the contract has them."""
    pace, levels = Pace(1.0, CONTRACT), CONTRACT.levels
    asked = [(f"`{one.id}`", one.title, _held(one, pace)) for one in CONTRACT.criteria.certificate]
    asked.append(
        (f"`{CONTRACT.silence.id}`", CONTRACT.silence.title, "none in the window, and every condition known")
    )
    best = f"every criterion met, mean of `{levels.metric}` <= {levels.best.mean:g}, at most {levels.best.rises} "
    best += f"rise of it, and that below {levels.best.rise_below:g}"
    good = f"mean <= {levels.good.mean:g}, fewer than {levels.good.violations_below} violations"
    return _with_tables(
        "certificate.md",
        _table(("criterion", "what", "holds when"), asked),
        _table(("level", "asks"), [("L4.9", best), ("L4.7", good), ("L4.5", "anything else")]),
    )


def _held(criterion: Criterion, pace: Pace) -> str:
    bounds = f"`{criterion.bounds(pace)}`"
    if criterion.when is When.ALWAYS:
        return f"{bounds} {criterion.when}, seen {criterion.share:.1%} of the time"
    return f"{bounds} for at least {criterion.share:.1%} of the time"


def _with_tables(name: str, *tables: str) -> str:
    """A page that people write, with tables that are made: each replaces the one with the same first column."""
    page = (DOCS / name).read_text()
    for table in tables:
        first = re.escape(table.split(" | ")[0])
        page, found = re.subn(rf"(?m)^{first} \|.*\n(?:\|.*\n)+", lambda _, table=table: table, page)
        if found != 1:
            raise LookupError(
                f"expected one table that begins with {table[:20]!r} in docs/{name}, found {found}"
            )
    return page


def _asked(gate: Gate) -> str:
    often = "per realm" if gate.per_realm else "once"
    return f"{often}, in a sandbox only" if gate.sandbox_only else often


def faults_page() -> str:
    """docs/faults.md: the register of faults, and the pairs that were chosen."""
    return _FAULTS + _fault_table(FAULTS) + _PAIRS + _fault_table(CHOSEN)


def evidence_page() -> str:
    """docs/evidence.md as it is, with the table of who lies and what it achieves as the register has it."""
    columns = ("who lies", "false GO", "false ABORT", "HOLD", "nothing: the true verdict comes")
    achieved: dict[tuple[Liar, Verdict | None], list[str]] = {}
    for fault in FAULTS:
        if fault.lie is not None:
            achieved.setdefault((fault.lie.by, fault.lie.achieves(fault.verdict)), []).append(fault.id)
    rows = [
        (by.value, *(_code(achieved.get((by, verdict), [])) or "-" for verdict in _ACHIEVED)) for by in Liar
    ]
    return _with_tables("evidence.md", _table(columns, rows))


def outside_page() -> str:
    """docs/outside.md as it is, with the table of bounds as the code has them."""
    rows = [
        ("characters of an expression", f"{bounds.MOST_CHARACTERS:,}", "`l4gate/promql/bounds.py`"),
        (
            "its operators, parentheses and brackets",
            f"{bounds.MOST_OPERATORS:,}",
            "`l4gate/promql/bounds.py`",
        ),
        ("levels of its tree", f"{bounds.MOST_DEPTH:,}", "`l4gate/promql/bounds.py`"),
        ("a duration", f"{LONGEST_SECONDS / 31_536_000:.0f} years", "`l4gate/base/duration.py`"),
        ("values in a YAML file, behind aliases too", f"{MOST_VALUES:,}", "`l4gate/base/yaml_bounds.py`"),
        (
            "values of a configuration that a server prints",
            f"{CONFIGURATION_VALUES:,}",
            "`l4gate/scraping/comparison.py`",
        ),
        ("a file of a config folder", _mebibytes(CONFIG_BYTES), "`l4gate/base/outside.py`"),
        ("a manifest", _mebibytes(MANIFEST_BYTES), "`l4gate/base/outside.py`"),
        ("an answer of a server", _mebibytes(MOST_BYTES), "`l4gate/prometheus_api/asking.py`"),
        ("series in an answer", f"{MOST_SERIES:,}", "`l4gate/prometheus_api/answers.py`"),
        ("realms of a run", f"{MOST_REALMS:,}", "`l4gate/settings/realms.py`"),
        ("lines of a difference that are shown", f"{MOST_LINES:,}", "`l4gate/base/differences.py`"),
    ]
    return _with_tables("outside.md", _table(("what", "at most", "where"), rows))


def _mebibytes(size: int) -> str:
    return f"{size >> 20} MiB"


def _fault_table(faults: Iterable[Fault]) -> str:
    columns = ("fault", "what happens", "verdict", "first cause", "warnings", "stacks")
    rows = [
        (
            f"`{fault.id}`",
            f"{fault.says} {fault.reason}".strip(),
            f"{fault.verdict.name}{' by itself' if fault.passes else ''}",
            _code([fault.cause] if fault.cause else []),
            _code(fault.warnings),
            ", ".join(fault.stacks),
        )
        for fault in faults
    ]
    return _table(columns, rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Unaligned, so that a longer word in one row changes no other."""
    lines = [columns, *rows]
    written = [f"| {' | '.join(cells)} |\n" for cells in lines]
    return "".join([written[0], "|" + "---|" * len(columns) + "\n", *written[1:]])


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


SCHEMA: Final = PROMETHEUS_DIR / SCHEMA_NAME


def schema_text() -> str:
    """The schema of the contract, as editors read it."""
    return json.dumps(schema(), indent=2) + "\n"


PAGES: Final = {
    "gates.md": gates_page,
    "certificate.md": certificate_page,
    "faults.md": faults_page,
    "evidence.md": evidence_page,
    "outside.md": outside_page,
    "lint.md": manual.render,
}


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        (DOCS / name).write_text(PAGES[name]())
        sys.stdout.write(f"docs/{name}\n")
    SCHEMA.write_text(schema_text())
