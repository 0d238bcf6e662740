"""What the worked cases share: a page of docs/cases, its blocks that a script makes, its pictures.

A page is written by hand but for its blocks, each between two lines of the form

    <!-- made: verdict -->
    <!-- end -->

A script runs commands as a reader would type them and gives each block its text:

    page = Page("grid_winner", __doc__)
    page.posted("grid_winner_20_epochs.txt")
    said = page.run("auditor sweep grid_winner --epochs 20")
    page.block("verdict", literal("auditor sweep grid_winner", lines(said, "VERDICT", "")))
    page.picture("grid_winner", page.audit("grid_winner").figures.gap())
    page.holds("the winner's learning rate is below 1", best < 1)
    page.close()

Without arguments it prints them, and says which differ from the page and which statements of the
page do not hold. `--write` puts blocks and pictures into the page. Sweeps go to `build/cases`, and
to a folder in it that a command names with `--out`; `--keep` takes those that are there already.
"""

import argparse
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # a checkout need not be installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go

    from auditor.auditing import Audit

PAGES = ROOT / "docs" / "cases"
PICTURES = ROOT / "docs" / "pictures" / "cases"
POSTED = "tests/data/cases"
MOST_BYTES = 150_000
CUT = "..."
BLOCK = re.compile(r"(?<=<!-- made: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


class Page:
    """A page, and what was made for it so far.

    Args:
        name: Of the page, of its script and of its search space.
        doc: The docstring of the script, for `--help`.
        arguments: Of the command line.
    """

    def __init__(self, name: str, doc: str | None, arguments: "Sequence[str] | None" = None):
        parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
        parser.add_argument("--out", type=Path, default=ROOT / "build" / "cases")
        parser.add_argument("--write", action="store_true", help="update the page and its pictures")
        parser.add_argument("--keep", action="store_true", help="do not train again what is there")
        parser.add_argument("--posted", action="store_true", help="only what the posted file says")
        self.name, self.options = name, parser.parse_args(arguments)
        self.path = PAGES / f"{name}.md"
        self.blocks: dict[str, str] = {}
        self.wrong: list[str] = []

    def posted(self, file: str) -> None:
        """Block `posted`: headline and findings of what was posted; with `--posted`, the end."""
        command = f"auditor audit {POSTED}/{file}"
        said = self.run(f"{command} --no-cache")
        headline = lines(said, "VERDICT", "")[2:]
        found = lines(said, "AUD", "- That")
        self.block("posted", literal(command, headline, found))
        if self.options.posted:
            self.close()
            sys.exit()

    def run(self, command: str) -> str:
        """What an `auditor` command prints; sweeps start anew and go to the folder of `--out`."""
        from typer.testing import CliRunner

        from auditor.cli import app

        print(f"\n$ {command}", flush=True)
        _, *words = shlex.split(command)
        if words[0] == "audit":
            words[1] = str(ROOT / words[1])
        if words[0] == "sweep":
            part = words[words.index("--out") + 1] if "--out" in words else ""
            if self.is_kept(f"{part}/{words[1]}".lstrip("/")):
                words = ["audit", str(self.options.out / part / words[1]), "--no-cache"]
            else:
                words += ["--out", str(self.options.out / part), "--overwrite", "--plain"]
        result = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
        if result.exit_code:
            sys.exit(f"error: {command} ends with {result.exit_code}: {result.output}")
        return result.output.replace(f"{ROOT}/", "").replace(f"{self.options.out}/", "sweeps/")

    def is_kept(self, sweep: str) -> bool:
        """Whether a sweep is there and is not to be trained again."""
        return self.options.keep and (self.options.out / sweep / "sweep.json").is_file()

    def audit(self, sweep: str) -> "Audit":
        """The audit of a sweep that a command has trained."""
        from auditor import audit, read

        return audit(read(self.options.out / sweep))

    def block(self, name: str, text: str) -> None:
        """Print the text of a block and keep it for the page."""
        self.blocks[name] = text.strip("\n") + "\n"
        print(f"\n{self.blocks[name]}", flush=True)

    def picture(self, name: str, figure: "go.Figure", width: int = 760, height: int = 420) -> None:
        """Draw a picture with the system's Chromium; into the page's folder with `--write`."""
        folder = PICTURES if self.options.write else self.options.out
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.write_image(path, width=width, height=height)
        size = path.stat().st_size
        print(f"{path}: {size // 1000} kB")
        if size > MOST_BYTES:
            sys.exit(f"error: {path} has {size} bytes, more than {MOST_BYTES}; make it smaller")

    def holds(self, statement: str, is_true: bool) -> None:
        """Check a statement of the page's words, which no block carries."""
        print(f"{'holds' if is_true else 'DOES NOT HOLD'}: {statement}", flush=True)
        if not is_true:
            self.wrong.append(statement)

    def close(self) -> None:
        """Write or compare the blocks; exit with 1 where a statement does not hold."""
        text = self.path.read_text(encoding="utf-8")
        there = {name: block for name, block in blocks_of(text).items() if name in self.blocks}
        if missing := set(self.blocks) - set(there):
            sys.exit(f"error: {self.path} has no block {', '.join(sorted(missing))}")
        differing = [name for name, block in there.items() if block != self.blocks[name]]
        print(f"\nblocks that differ from {self.path}: {', '.join(differing) or 'none'}")
        if self.options.write:
            self.path.write_text(filled(text, self.blocks), encoding="utf-8")
        if self.wrong:
            sys.exit(f"error: {self.path} is wrong: {'; '.join(self.wrong)}")


def blocks_of(text: str) -> dict[str, str]:
    """The blocks of a page by name, without the empty lines around them."""
    found = BLOCK.finditer(text)
    return {match[1]: match[0].partition(match[2])[2].strip("\n") + "\n" for match in found}


def filled(text: str, blocks: dict[str, str]) -> str:
    """A page with new text in those of its blocks that are given."""

    def new(match: re.Match[str]) -> str:
        made = blocks.get(match[1])
        return match[0] if made is None else f"{match[1]}{match[2]}\n{made}\n"

    return BLOCK.sub(new, text)


def lines(said: str, first: str, end: str) -> list[str]:
    """The lines of an output from the first that starts so to the one before `end`.

    `end` is the start of a line; "" means an empty one.
    """
    found = said.splitlines()
    start = next(at for at, line in enumerate(found) if line.startswith(first))
    after = found[start + 1 :]
    ends = (
        at for at, line in enumerate(after) if (line.startswith(end) if end else not line.strip())
    )
    return [found[start], *after[: next(ends, None)]]


def literal(command: str, *excerpts: "Iterable[str]") -> str:
    """A command and parts of what it printed, as a block of code."""
    shown = [f"$ {command}"]
    for excerpt in excerpts:
        shown += [CUT, *"\n".join(excerpt).strip("\n").splitlines()]
    return "\n".join(f"    {line}".rstrip() for line in [*shown, CUT])


def table(head: "Sequence[object]", rows: "Iterable[Sequence[object]]") -> str:
    """A table in Markdown."""
    written = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in written)


def row_of(board: "pd.DataFrame", values: "Mapping[str, object]") -> "pd.Series":
    """The row of a leaderboard with these hyperparameters."""
    return board.loc[(board[list(values)] == list(values.values())).all(axis=1)].iloc[0]


def curve(audit: "Audit", trial: str, metric: str) -> "np.ndarray":
    """A metric of the only run of a trial, by epoch."""
    (run,) = audit.trials.runs_of[trial]
    return audit.trials.curve(run, metric).values


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
