"""Claims about the tree itself: what the documents, the Makefile, tox and the workflows say about each other."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.workflows import WORKFLOWS, load_yaml, workflow_jobs

ROOT = Path(__file__).parents[2]
REQUIRED_CHECKS = (
    "obs-lint",
    "promql-unit",
    "sandbox-smoke-60s",
    "canary-quorum-pass",
    "error-budget-burn-ok",
    "dr-rehearsal-24h-pass",
)
# Words of command lines in the documents; a line of a fenced block that starts with one of them is a command.
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def steps(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from job.get("steps", ())


def make_recipes() -> dict[str, str]:
    """Each make target that runs one command, and that command as a shell gets it, without its environment's path."""
    text = (ROOT / "Makefile").read_text()
    variables = dict(re.findall(r"^(\w+) := (.*)$", text, re.MULTILINE))
    recipes = {}
    for target, recipe in re.findall(r"^([a-z0-9-]+):.*\n\t@(.*)$", text, re.MULTILINE):
        command = re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), recipe)
        recipes[target] = command.replace("$(ARGS)", "").replace(".venv/bin/", "").strip()
    return recipes


def tox_environments() -> dict[str, configparser.SectionProxy]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    return {
        name.removeprefix("testenv:"): parser[name]
        for name in parser.sections()
        if name.startswith("testenv:")
    }


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


# The Makefile


def test_help_lists_every_target() -> None:
    """`make help` must name each target with what it does; a target without a ## comment would be invisible."""
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE)

    listed = re.findall(r"^  make ([a-z0-9-]+) +\S", make("help").stdout, re.MULTILINE)

    assert listed == targets


def test_every_target_is_phony() -> None:
    """A file that happens to be called `test` or `lint` must not make a target silently do nothing."""
    text = (ROOT / "Makefile").read_text()
    phony = text.replace("\\\n", " ").split(".PHONY:")[1].split("\n")[0].split()

    assert sorted(phony) == sorted(re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE))


def test_arguments_reach_the_command() -> None:
    """ARGS must be handed on by every target that runs a command of ours."""
    without = [
        target
        for target in make_recipes()
        if target not in ("help", "env", "lint-env", "clean")
        and "--probe-argument" not in make("-n", target, "ARGS=--probe-argument").stdout
    ]

    assert without == []


def test_makefile_and_tox_run_the_same_commands() -> None:
    """A target and the tox environment of the same name must run the same command."""
    environments, recipes = tox_environments(), make_recipes()

    for name in set(environments) & set(recipes):
        tox_command = environments[name]["commands"].replace("{posargs}", "").strip()
        assert shlex.split(tox_command) == shlex.split(recipes[name]), name
    assert {"gate", "test", "lint", "faults", "nightly", "claims", "bench", *REQUIRED_CHECKS} <= set(
        environments
    )


def test_tox_environments_are_described() -> None:
    """Each tox environment must say what it does, in the words of `make help` where both exist."""
    descriptions = dict(
        re.findall(r"^([a-z0-9-]+):.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )

    for name, environment in tox_environments().items():
        assert environment.get("description"), name
        assert environment["description"] == descriptions.get(name, environment["description"]), name


@pytest.mark.parametrize(
    ("python", "complaint"),
    [
        ("/nonexistent/python3", "found no such program"),
        ("old-python", "expected Python 3.11 or newer, found 3.9 at"),
        (
            "bare-python",
            "lacks its venv module; install it (Debian and Ubuntu: apt-get install python3-venv)",
        ),
    ],
    ids=["none", "too-old", "without-venv"],
)
def test_unusable_python_is_one_sentence(tmp_path: Path, python: str, complaint: str) -> None:
    """Without a usable Python, make must say in one sentence what is wrong and what to do, and exit 2."""
    # Programs that answer as such a Python does; none of these three can be had on every machine.
    fakes = {
        "old-python": '#!/bin/sh\ncase "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac\n',
        "bare-python": '#!/bin/sh\ncase "$2" in *print*) echo 3.11 ;; *ensurepip*) exit 1 ;; *) exit 0 ;; esac\n',
    }
    for name, script in fakes.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts" / "dev", clone / "scripts" / "dev")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, clone / name)

    result = subprocess.run(
        ["make", "env", f"PYTHON={python}"],
        cwd=clone,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert result.returncode == 2
    first, *rest = result.stderr.splitlines()
    assert first.startswith("prepare.sh: ")
    assert complaint in first
    assert [line for line in rest if not line.startswith("make: ***")] == []


# The workflows


def test_required_checks_are_jobs_of_exactly_these_names() -> None:
    """Each of the six checks must be a job of its very name: branch protection asks for no other."""
    path = WORKFLOWS / "required-checks.yml"
    names = [job["name"] for job in load_yaml(path)["jobs"].values()]

    assert [name for name in names if name in REQUIRED_CHECKS] == list(REQUIRED_CHECKS)
    assert all(load_yaml(path)["jobs"][name]["name"] == name for name in REQUIRED_CHECKS)


def test_required_checks_run_on_pull_requests_without_conditions() -> None:
    """Required checks must run on every pull request and merge queue; a filter or skipped job would pass unseen."""
    workflow = load_yaml(WORKFLOWS / "required-checks.yml")

    assert workflow["on"]["pull_request"] == ""
    assert workflow["on"]["merge_group"] == ""
    conditions = {job_id: job["if"] for job_id, job in workflow["jobs"].items() if "if" in job}
    assert conditions == {"promql-unit": "${{ always() }}"}  # it fails unless its matrix succeeded


def test_each_required_check_runs_its_own_target() -> None:
    """The job must run the make target of its name, not something cheaper."""
    jobs = load_yaml(WORKFLOWS / "required-checks.yml")["jobs"]

    for check in REQUIRED_CHECKS:
        job = jobs[jobs[check].get("needs", check)]
        targets = [step["with"]["target"] for step in steps(job) if "target" in step.get("with", {})]
        assert targets == [check]


def test_promql_unit_covers_every_generation() -> None:
    """The promtool tests must run on every supported Prometheus."""
    from l4gate.settings import GENERATIONS

    matrix = load_yaml(WORKFLOWS / "required-checks.yml")["jobs"]["promql-unit-generation"]["strategy"][
        "matrix"
    ]

    assert tuple(matrix["generation"]) == GENERATIONS


def test_no_step_is_allowed_to_fail() -> None:
    """Nothing in the workflows must turn a failure into a pass."""
    for path in (ROOT / ".github").rglob("*.yml"):
        text = re.sub(r"(^|\s)#.*", "", path.read_text())
        assert not re.search(r"continue-on-error|\|\|\s*(true|:)|set \+e|contains\(.*label", text), path


def test_every_job_is_bounded_and_unprivileged() -> None:
    """Each workflow must start without permissions; each job must have a time limit and at most read the repository."""
    for path in WORKFLOWS.glob("*.yml"):
        assert load_yaml(path)["permissions"] == {}, path
    for workflow, job_id, job in workflow_jobs():
        assert int(job["timeout-minutes"]) <= 60, (workflow, job_id)
        assert job["permissions"] in ({}, {"contents": "read"}), (workflow, job_id)


def test_actions_are_pinned_by_commit() -> None:
    """An action from elsewhere must be named by its commit, with its version beside it, the same everywhere."""
    seen: dict[str, set[str]] = {}
    for path in (ROOT / ".github").rglob("*.yml"):
        for line in path.read_text().splitlines():
            if "uses:" not in line or "uses: ./" in line:
                continue
            match = re.search(r"uses: ([\w/-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line)
            assert match, f"{path}: {line.strip()}"
            seen.setdefault(match[1], set()).add(match[2])

    assert {action: len(pins) for action, pins in seen.items()} == dict.fromkeys(seen, 1)


def test_reports_are_kept_whatever_happens() -> None:
    """Reports and step summary must be there also after a failure, which is when they are read."""
    action = load_yaml(ROOT / ".github" / "actions" / "check" / "action.yml")
    conditions = {step["name"]: step.get("if") for step in action["runs"]["steps"]}

    assert conditions["Say the verdict"] == conditions["Keep the reports"] == "${{ always() }}"


# The documents


def test_commands_in_documents_exist() -> None:
    """Every `make TARGET` in a document must be a target of the Makefile."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    unknown = {
        (path.name, target)
        for path in DOCUMENTS
        for code in re.findall(r"```.*?```|`[^`\n]+`", path.read_text(), re.DOTALL)
        for target in re.findall(r"(?:^|[`\n]|&& )\s*make ([a-z][a-z0-9-]*)", code)
        if target not in targets
    }

    assert unknown == set()


def test_documents_mention_every_command() -> None:
    """Each `l4gate` command and each required check must stand in the README or in docs/."""
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    verbs = [path.stem for path in (ROOT / "l4gate" / "commands").glob("[a-z]*.py")]

    assert [verb for verb in verbs if not re.search(rf"\bl4gate {verb}\b|`{verb}`", text)] == []
    assert [check for check in REQUIRED_CHECKS if f"`{check}`" not in text] == []


def test_the_readme_lists_the_settings() -> None:
    """The README's table must have every option beside its variable, and every variable, and nothing else."""
    from l4gate.settings import OPTIONS, VARIABLES

    rows = re.findall(r"^\| (.*?) ?\| (`L4_[^|]*) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    wanted = {f"`--{'l4-' * option.pytest}{option.name}`": f"`{option.env}`" for option in OPTIONS}

    assert {option: variable for option, variable in rows if option} == wanted
    alone = [name for option, names in rows if not option for name in re.findall(r"L4_\w+", names)]
    assert alone == [variable.env for variable in VARIABLES]


def test_links_in_documents_lead_somewhere() -> None:
    """A relative link in a document must point to a file of this repository."""
    broken = [
        (path.name, link)
        for path in DOCUMENTS
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
        if "://" not in link and not (path.parent / link).exists()
    ]

    assert broken == []


def test_decisions_are_numbered_without_gaps() -> None:
    """Decision records must be numbered from 1, each number once, and each be titled by its own number."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert [
        path.name for path in records if not path.read_text().startswith(f"# {int(path.name[:4])}. ")
    ] == []


# The tree


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_package_index_is_named() -> None:
    """Packages come from where the owner configured pip and apt to get them; the tree must name no such host."""
    pattern = re.compile(rb"--(extra-)?index-url|PIP_INDEX_URL|deb\.debian\.org|pypi\.org/simple|_index = ")
    named = [path.name for path in tracked() if pattern.search(path.read_bytes()) and path != Path(__file__)]

    assert named == []


def test_every_variable_is_registered() -> None:
    """Whatever the tree calls L4_SOMETHING must be in the register, or nobody is told of it."""
    from l4gate.settings import OPTIONS, VARIABLES

    known = {each.env for each in (*OPTIONS, *VARIABLES)} | {"L4_NAME"}  # how the README spells any of them
    unknown = {
        (str(path.relative_to(ROOT)), name)
        for path in tracked()
        if not path.is_relative_to(ROOT / "tests")
        for name in re.findall(r"\bL4_[A-Z_]+\b", path.read_text(errors="replace"))
        if name not in known
    }

    assert unknown == set()


def test_settings_alone_read_the_environment() -> None:
    """No code but l4gate/settings must ask the environment for a variable of ours, under whatever name it has it."""

    def spelt(node: ast.expr) -> str:
        return "".join(
            str(part.value)
            for part in (node.values if isinstance(node, ast.JoinedStr) else [node])
            if isinstance(part, ast.Constant)
        )

    def reads(path: Path) -> Iterator[int]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case (
                    ast.Call(func=ast.Attribute(value=source, attr="get"), args=[name, *_])
                    | ast.Call(func=source, args=[name, *_])
                    | ast.Subscript(value=source, slice=name, ctx=ast.Load())
                ):
                    asked = ast.unparse(source) in ("environ", "os.environ", "getenv", "os.getenv")
                case ast.Assign(value=name) | ast.AnnAssign(value=ast.expr() as name):
                    asked = path.is_relative_to(ROOT / "l4gate")  # a name for the variable, to ask by
                case _:
                    continue
            if asked and spelt(name).startswith("L4_"):
                yield node.lineno

    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in tracked("*.py")
        if not path.is_relative_to(ROOT / "l4gate" / "settings")
        for line in reads(path)
    ]

    assert found == []


def test_scripts_are_executable() -> None:
    """What people and cron run by name must be executable."""
    scripts = [path for path in tracked("scripts", ".ci") if path.read_bytes().startswith(b"#!")]

    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []


def test_scripts_explain_themselves() -> None:
    """A script's head must give its usage and exit codes, and an unset variable must stop it."""
    for path in tracked("scripts/**/*.sh", ".ci/run"):
        text = path.read_text()
        for part in (r"^# Usage", r"^# Exit codes?", r"^set -e?uo? "):
            assert re.search(part, text, re.MULTILINE), f"{path.name} lacks {part!r}"


def test_tests_say_what_must_hold() -> None:
    """Each test must have a docstring with "must": the sentence that is false when the test is red, not shouted."""
    sentences = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": ast.get_docstring(node) or ""
        for path in tracked("tests/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }

    assert sentences
    assert [place for place, sentence in sentences.items() if not re.search(r"\bmust\b", sentence)] == []
    assert [place for place, sentence in sentences.items() if re.search(r"\bMUST\b", sentence)] == []


def test_checks_that_judge_production_are_told_where_it_is() -> None:
    """The three checks that can judge production must be given its URL and credentials, as the README calls them."""
    given = {
        name: step["with"]
        for file, name, job in workflow_jobs()
        if file == "required-checks.yml"
        for step in job["steps"]
        if "judges-production" in step.get("with", {})
    }

    assert set(given) == {"canary-quorum-pass", "error-budget-burn-ok", "dr-rehearsal-24h-pass"}
    readme = (ROOT / "README.md").read_text()
    for each in given.values():
        assert each["judges-production"] == "true"
        for name, key in (("url", "vars"), ("bearer-token", "secrets")):
            variable = each[name].removeprefix(f"${{{{ {key}.").removesuffix(" }}")
            assert f"`{variable}`" in readme
