"""The documentation of the rules, made from the rules: docs/rules.md and `auditor rules`."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import cleandoc, getsource
from typing import NamedTuple

from auditor.diagnosis.finding import Rule
from auditor.diagnosis.rules import RULES
from auditor.outcomes import thresholds as shared

SHARED = shared.__name__
"""Where constants stand that several rules use, or that decide an outcome."""

_INTRODUCTION = """\
<!-- Made from the rules by `auditor rules --markdown > docs/rules.md`: do not edit. -->

# Rules

An audit asks each of these rules about every trial. `auditor rules AUD003` explains one in the
terminal; the page that `auditor audit --html` writes explains those that found something.

**Codes** are permanent: never reused, never renumbered. `auditor audit PATH --fail-on AUD003` exits
with 1 if that rule found something, for use in CI; the option may be repeated.

**Severities.** *error*: the result is unusable. *warning*: it misleads whoever trusts it. *tip*: it
could be better.

**Confidence** is said of each finding. *high*: nothing else explains what was seen. *medium*: most
likely so. *low*: worth a look; something else may explain it. Short curves, noise near a threshold
and facts that were not recorded lower it.

**Ends.** A rule *found* something, or *passed*, or was *not applicable*, and then says why: what it
needs was not recorded, or means nothing here. Not applicable is not passed.

**Noise.** Curves wiggle. What is said of a trend is said of smoothed curves, and only of changes
beyond the curve's own noise, which is told from its steps from epoch to epoch. The best of many
noisy values looks better than it is; the thresholds allow for that.

**Evidence** is the numbers behind a finding, each with its unit and, where it decided, the
threshold it was held against. Sentences count epochs from 1, as Keras prints them; evidence in
files counts them from 0, and says so.
"""


class Threshold(NamedTuple):
    """A named number that decides.

    Attributes:
        name: Of the constant.
        value: Its value, as text.
        about: Its unit, and where it comes from.
    """

    name: str
    value: str
    about: str


def documentation() -> str:
    """The text of docs/rules.md, in Markdown."""
    lines = ["| code | finds | severity |", "| --- | --- | --- |"]
    lines += [f"| [{r.code}](#{r.anchor}) | {r.title} | {r.severity} |" for r in RULES]
    contents = "\n".join(lines)
    return "\n".join((_INTRODUCTION, f"{contents}\n", "\n".join(map(_chapter, RULES))))


def explained(rule: Rule) -> Iterator[tuple[str, str]]:
    """What is to be said of a rule, in pairs of a heading and a text."""
    yield "How it is detected", rule.detected
    yield "Why it matters", rule.matters
    yield "What to do", rule.remedy
    if rule.certainty:
        yield "How sure it is", rule.certainty


def thresholds_of(rule: Rule) -> tuple[Threshold, ...]:
    """The numbers that decide, in the rule's order.

    Raises:
        LookupError: There is no constant of such a name, or it has no docstring.
    """
    return tuple(_threshold(name, rule.check.__module__) for name in rule.thresholds)


def constants(module: str) -> dict[str, str]:
    """The public numbers that a module defines, each with its docstring (empty without one)."""
    return {
        name: about
        for name, about in _defined(module).items()
        if isinstance(getattr(import_module(module), name), int | float)
    }


def _chapter(rule: Rule) -> str:
    parts = [f"## {rule.code} {rule.title}\n\nSeverity: {rule.severity}.\n"]
    parts += [f"**{heading}.** {text}\n" for heading, text in explained(rule)]
    if rule.thresholds:
        rows = (f"| `{t.name}` | {t.value} | {_cell(t.about)} |" for t in thresholds_of(rule))
        head = ("| threshold | value | unit and source |", "| --- | ---: | --- |")
        parts.append("\n".join((*head, *rows)) + "\n")
    return "\n".join(parts)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _threshold(name: str, module: str) -> Threshold:
    homes = (_home(name, start) for start in (module, *_imported(module), SHARED))
    home = next(filter(None, homes), None)
    if home is None:
        raise LookupError(f"no constant {name} in {module}, what it imports from, or {SHARED}")
    about = _defined(home)[name]
    if not about:
        raise LookupError(f"{name} in {home} has no docstring: say its unit and source")
    return Threshold(name, _value(getattr(import_module(home), name)), about)


@cache
def _home(name: str, module: str) -> str | None:
    """The module that defines a name which another one has, maybe through others."""
    if name in _defined(module):
        return module
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and node.module in _imported(module):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _home(alias.name, node.module)
    return None


@cache
def _imported(module: str) -> tuple[str, ...]:
    """The modules of ours from which one imports names."""
    nodes = (node for node in _tree(module).body if isinstance(node, ast.ImportFrom))
    return tuple(n.module for n in nodes if n.module and n.module.startswith("auditor."))


@cache
def _defined(module: str) -> dict[str, str]:
    """The constants that a module defines, each with its docstring."""
    body = _tree(module).body
    found = {}
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id.isupper() and target.id[0] != "_":
                found[target.id] = _docstring(following)
    return found


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return cleandoc(str(node.value.value))
    return ""


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(getsource(import_module(module)))
