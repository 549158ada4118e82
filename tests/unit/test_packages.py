"""The packages of l4gate: which may know which, what they show, and what they never import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fixtures.contract import CONTRACT

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "l4gate"
# Each may import those before it and no others.
ORDER = (
    *(
        "base",
        "machine",
        "contract",
        "settings",
        "promql",
        "rules",
        "scraping",
        "programs",
        "prometheus_api",
        "verdict",
    ),
    *("certificate", "report", "lint", "stack", "sandbox", "operations", "rehearsal", "faults", "commands"),
    *("pytest_first", "cli", "__main__"),
)
EDGES = {"requests", "docker", "pytest", "testcontainers", "urllib3"}
CORE = (
    *("base/duration", "base/errors", "contract/*", "promql/*", "rules/*", "scraping/*", "settings/*"),
    *("verdict/decision", "verdict/diagnosis", "verdict/look", "verdict/readings", "certificate/judging"),
)


@cache
def modules() -> dict[str, Path]:
    """Every module of l4gate by its name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """What a file imports, module by module, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                whole if (whole := f"{node.module}.{alias.name}") in modules() else node.module or ""
                for alias in node.names
            )


def room(module: str) -> str:
    """The package (or the module at the top) that a module is in."""
    return module.split(".")[1] if "." in module else ""


def test_every_package_has_its_place() -> None:
    """The order must name what `ls l4gate` shows, no more and no less."""
    assert {room(name) for name in modules()} - {""} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_arrows_point_one_way(name: str) -> None:
    """A package must import only from packages before it."""
    before = ORDER[: ORDER.index(name)]
    wrong = [
        f"{module} imports {target}"
        for module, path in modules().items()
        if room(module) == name
        for target in imports(path)
        if target.startswith("l4gate.") and room(target) not in (*before, name)
    ]

    assert wrong == []


def test_no_import_circles() -> None:
    """No module must be imported, over however many others, by one that it imports."""
    known = modules()
    waiting = {
        name: {
            each for each in imports(path) if each in known and each not in (name, name.rpartition(".")[0])
        }
        for name, path in known.items()
        if path.name != "__init__.py"
    }
    # A package stands for all its modules to those outside, so within it the modules alone are looked at.
    waiting = {name: {each for each in needs if each in waiting} for name, needs in waiting.items()}
    while free := {name for name, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {name: needs for name, needs in waiting.items() if name not in free}

    assert waiting == {}


def test_nothing_reaches_past_a_package() -> None:
    """What is outside a package must take its names from the package, not from the modules behind it."""
    outside = [*modules().values(), ROOT / "conftest.py"]
    outside += [*(ROOT / "fixtures").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    wrong = [
        f"{path.relative_to(ROOT)} reaches for {target}"
        for path in outside
        for target in imports(path)
        if target.startswith("l4gate.")
        and target.count(".") > 1
        and target
        != "l4gate.base.yamldoc"  # its functions are called by the module's name, as a library's are
        and not path.is_relative_to(PACKAGE / room(target))
    ]

    assert wrong == []


def test_http_is_spoken_in_one_package() -> None:
    """Whoever asks over HTTP must take the one session, which no proxy of the environment gets hold of."""
    clients = {"requests", "urllib3", "urllib.request", "httpx"}
    rooms = {
        room(name) for name, path in modules().items() if clients & {*imports(path), *parents(imports(path))}
    }

    assert rooms == {"prometheus_api"}


def parents(targets: Iterator[str]) -> Iterator[str]:
    """The library that each of these modules is in."""
    return (each.split(".")[0] for each in targets)


def test_packages_say_what_they_are() -> None:
    """Each package must say in one sentence what it is."""
    silent = [
        path for path in PACKAGE.glob("*/__init__.py") if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


@pytest.mark.parametrize("pattern", CORE)
def test_the_core_imports_no_edges(pattern: str) -> None:
    """The decision must be there to be read, tested and used without HTTP, Docker or pytest."""
    paths = sorted(PACKAGE.glob(f"{pattern}.py"))

    assert paths
    assert [path for path in paths if EDGES & {each.split(".")[0] for each in imports(path)}] == []


# Of the contract's numbers those that are no ordinary time-out, poll interval or count of something else as well.
ORDINARY = {0.0, 0.01, 0.05, 0.2, 1.0, 2.0, 3.0, 120.0, 300.0}


def contract_numbers() -> set[float]:
    """The limits, shares and windows of the contract."""
    levels, heartbeat = CONTRACT.levels, CONTRACT.heartbeat
    numbers = {each.threshold for each in (*CONTRACT.abort.conditions, *CONTRACT.warnings)}
    numbers |= {each.limit for each in CONTRACT.criteria.certificate}
    numbers |= {each.share for each in CONTRACT.criteria.certificate}
    numbers |= {levels.noise, levels.best.mean, levels.best.rise_below, levels.good.mean}
    numbers |= {heartbeat.fresh.limit, heartbeat.fresh.future, heartbeat.changes.window}
    return numbers | {CONTRACT.abort.for_seconds, CONTRACT.rehearsal.limit}


def test_the_code_knows_no_number_of_the_contract() -> None:
    """A limit must stand in the contract alone: code with a second one judges by it when the contract changes."""
    numbers = contract_numbers() - ORDINARY - {30.0}  # what a scrape, a log or a stop may take
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} has {node.value}"
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value in numbers
    ]

    assert len(numbers) >= 8
    assert wrong == []


def test_the_code_knows_no_name_of_the_contract() -> None:
    """A service with other names is another contract: none of these names must stand in the code."""
    contract, realm = CONTRACT, CONTRACT.realm
    names = {name for name in (*contract.inputs, *contract.recorded) if contract.is_ours(name)}
    names |= {each.alert for each in (*contract.abort.conditions, *contract.warnings)}
    names |= {
        realm.label,
        contract.service,
        contract.heartbeat.job,
        contract.simulation.job,
        contract.rehearsal.job,
    }
    wrong = [
        f"{path.relative_to(ROOT)} has {name}"
        for path in PACKAGE.rglob("*.*")
        if path.suffix in (".py", ".html", ".svg", ".css") and "_files" not in path.parts
        for name in (*names, "duri_", "four abort")
        if name in path.read_text()
    ]

    assert len(names) > 25
    assert wrong == []


LONGEST = 250  # lines: a few screens


def test_long_modules_say_why() -> None:
    """A module beyond a few screens must give its reason at its top."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules().values()
        if len(path.read_text().splitlines()) > LONGEST
        and "Long because" not in (ast.get_docstring(ast.parse(path.read_text())) or "")
    ]

    assert wrong == []
