"""Data flows one way, only the command line prints, and heavy libraries load on first use."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "auditor"

# The rooms from left to right, each with what it may import. A new module gets a line here.
# Never `import auditor`: that reaches every room.
ANYWHERE = {"errors", "files", "arrays", "__version__"}
JUDGED = ANYWHERE | {"trials", "outcomes", "scoring"}
ANALYSED = JUDGED | {"diagnosis", "attribution", "selection"}
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "arrays": {"errors"},
    "contrasts": set(),  # arithmetic on arrays
    "trials": ANYWHERE,
    "readers": ANYWHERE | {"trials"},
    # What data show on their own, with or without a sweep.
    "data_checks": ANYWHERE | {"trials"},
    # Tuners score their own trials, and read back the directories that they write.
    "search": JUDGED | {"readers", "data_checks"},
    "outcomes": ANYWHERE | {"trials"},
    "scoring": ANYWHERE | {"trials", "outcomes"},
    # These two stand side by side: neither knows the other.
    "attribution": JUDGED | {"contrasts"},
    "selection": JUDGED,
    # Rules word what luck did; it is measured before, and handed to them.
    "diagnosis": JUDGED | {"contrasts", "selection"},
    # What was observed is all they see: no reader and no tuner, hence no tool's name.
    "record": ANALYSED,
    "auditing": ANALYSED | {"record"},
    "checking": ANALYSED | {"auditing", "data_checks"},
    "comparing": ANALYSED | {"auditing"},
    "report": ANALYSED | {"record", "auditing", "comparing"},
    # What the command line trains, and on what; they know nothing of audits.
    "tables": ANYWHERE,
    "held_out": ANYWHERE | {"tables"},
    "sweep_data": ANYWHERE | {"tables", "held_out"},
    "check_tables": ANYWHERE | {"tables", "sweep_data"},
    "sweeping": ANYWHERE | {"search", "sweep_data"},
    "watching": ANYWHERE | {"search", "report"},
    # Nothing imports the command line.
    "cli": ANALYSED
    | {"record", "auditing", "report", "readers", "search", "sweeping", "watching"}
    | {"checking", "check_tables", "comparing"},
}
# Only inside functions or for type checkers: loading the room does not load these.
MAY_IMPORT_LATER = {
    "search": {"auditing", "report"},  # tuner.audit(), and its page while a search goes on
    # What a notebook shows.
    "trials": {"report"},
    "diagnosis": {"report"},
    "auditing": {"report"},  # print(audit)
    "checking": {"report"},  # print(check_data(...))
    "comparing": {"report"},  # print(compare(...))
    "report": {"checking"},
}

PRINTS = {"print", "echo", "secho", "rich.print", "typer.echo", "typer.secho", "click.echo"}
FRAMEWORKS = {"keras", "keras_tuner", "tensorflow"}
HEAVY = FRAMEWORKS | {"pandas", "plotly", "pyarrow", "scipy", "sklearn", "statsmodels"}

# The package's own file is exempt: it names what is public, and loads it on first use.
FILES = sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"})
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


def imports(node: ast.AST, package: list[str], later: bool = False) -> Iterator[tuple[str, bool]]:
    """The dotted names that the code imports; True where that is not while its module loads."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, later) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package[: len(package) + 1 - node.level] if node.level else []
        base = [*parents, *([node.module] if node.module else [])]
        yield from ((".".join([*base, alias.name]), later) for alias in node.names)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for child in node.body:
            yield from imports(child, package, later=True)
    else:
        later = later or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            yield from imports(child, package, later)


def backward_imports(source: str, path: Path) -> list[str]:
    """What the file imports against the flow. `from auditor import audit` counts as a room."""
    package = ["auditor", *path.parent.relative_to(PACKAGE).parts]
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    now = MAY_IMPORT[room] | {room}
    afterwards = now | MAY_IMPORT_LATER.get(room, set())
    return [
        name
        for name, later in imports(ast.parse(source), package)
        if name.split(".")[0] == "auditor"
        and [*name.split("."), ""][1] not in (afterwards if later else now)
    ]


def prints(source: str) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [name for call in calls if (name := ast.unparse(call.func)) in PRINTS]


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has in memory after running the code."""
    look = f"import sys\nsys.stderr.write(' '.join({HEAVY!r} & set(sys.modules)))"
    command = [sys.executable, "-c", f"{code}\n{look}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@every_file
def test_every_module_has_a_room(path: Path) -> None:
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    assert room in MAY_IMPORT, f"say in MAY_IMPORT what auditor.{room} may import"


@every_file
def test_imports_follow_the_data_flow(path: Path) -> None:
    assert backward_imports(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("outcomes.py", "from auditor.scoring import score"),
        ("trials/folder.py", "import auditor.readers.find"),
        ("trials/folder.py", "from ..outcomes import judge"),
        ("attribution/causes.py", "from ..diagnosis.finding import Finding"),
        ("diagnosis/__init__.py", "from ..attribution import attribute"),
        ("auditing.py", "def f():\n    from auditor.search import GridSearch"),
        ("auditing.py", "from auditor import GridSearch"),
        ("auditing.py", "import auditor"),
        ("report/html.py", "if TYPE_CHECKING:\n    from auditor.cli import main"),
        ("search/tuners.py", "from auditor.auditing import audit"),
        ("search/tuners.py", "class A:\n    import auditor.auditing"),
    ],
)
def test_an_import_against_the_flow_is_found(room: str, source: str) -> None:
    assert len(backward_imports(source, PACKAGE / room)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("scoring.py", "from auditor.trials import Trials\nfrom auditor.outcomes import judge"),
        ("trials/model.py", "from . import folder\nfrom .records import Run\nimport numpy"),
        ("trials/__init__.py", "from .model import Trials\nfrom ..errors import TrialsError"),
        ("search/store.py", "from auditor import __version__"),
        ("search/tuners.py", "def audit(self):\n    from auditor.auditing import audit"),
        ("search/tuners.py", "if TYPE_CHECKING:\n    from auditor.auditing import Audit"),
    ],
)
def test_an_import_with_the_flow_passes(room: str, source: str) -> None:
    assert backward_imports(source, PACKAGE / room) == []


@every_file
def test_only_the_command_line_prints(path: Path) -> None:
    if path.parent != PACKAGE / "cli":
        assert prints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("call", ["print(1)", "if x:\n    typer.echo(x)", "f(rich.print(x))"])
def test_a_printing_call_is_found(call: str) -> None:
    assert len(prints(call)) == 1


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import auditor") == set()


def test_the_probe_sees_a_heavy_library() -> None:
    assert "pandas" in loaded_by("import pandas")


def test_auditing_loads_no_framework() -> None:
    assert loaded_by("from auditor import audit").isdisjoint(FRAMEWORKS)


def test_help_loads_nothing_heavy() -> None:
    code = """
import contextlib, sys
import auditor.cli
sys.argv = ["auditor", "--help"]
with contextlib.suppress(SystemExit):
    auditor.cli.main()
"""
    assert loaded_by(code) == set()


def test_the_command_audits_a_directory_without_a_framework(tmp_path: Path) -> None:
    sweep = PACKAGE.parent / "tests" / "data" / "keras_tuner-1.4.8" / "grid"
    page = tmp_path / "report.html"
    code = (
        f"import sys\nsys.argv = ['auditor', 'audit', {str(sweep)!r}, '--html', {str(page)!r}]\n"
        "from auditor.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert not loaded_by(code) & FRAMEWORKS
    assert page.stat().st_size > 0
