"""Before and after: what two audits, held against each other, say of what was changed between.

Values are compared where both rank by the same metric on the same data; outcomes, findings and
causes always. Nothing is called better or worse without a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from auditor.auditing import Audit
from auditor.comparing import changes, results, testing
from auditor.comparing.matching import match
from auditor.comparing.records import (
    Axis,
    Best,
    BeyondSeeds,
    CauseChange,
    Differing,
    FoundChange,
    Matching,
    Paired,
    Spent,
    Turned,
)
from auditor.files import Json

__all__ = ["Comparison", "compare"]

Claim = Literal["best", "objective", "outcomes"]
"""What a test may speak of."""


def compare(before: Audit, after: Audit) -> "Comparison":
    """Hold two audits against each other.

    Args:
        before: An audit, from `auditor.audit` or `Audit.load`.
        after: Another one, of what was done since.

    Example:
        >>> compare(before, after).verdict
        'better'
    """
    matching = match(
        {trial: before.trials.hyperparameters[trial] for trial in before.scores.by_trial},
        {trial: after.trials.hyperparameters[trial] for trial in after.scores.by_trial},
    )
    unlike, pairs = changes.unlike(before, after), matching.pairs
    return Comparison(
        before=before,
        after=after,
        unlike=unlike,
        same_data_known=changes.knows_data(before, after),
        setup=changes.setup(before, after),
        matching=matching,
        winners=(results.winner(before), results.winner(after)),
        best=None if unlike else results.best(before, after, pairs),
        objective=None if unlike else results.paired(before, after, pairs, "objective"),
        gap=None if unlike else results.paired(before, after, pairs, "gap"),
        beyond_seeds=None if unlike else results.beyond_seeds(before, after, pairs),
        turned=results.turned(before, after, pairs),
        findings=changes.findings(before, after),
        causes=changes.causes(before, after),
        axes=changes.axes(before, after, matching.names),
        spent=(changes.spent(before), changes.spent(after)),
    )


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two audits say together; `print` shows it.

    Attributes:
        before, after: The two.
        unlike: Why values of the objective cannot be held against each other; empty where they can.
        same_data_known: Whether both recorded facts of their validation data by which others would
            show.
        setup: What else differs between the two searches.
        matching: Which trials have equal hyperparameters.
        winners: The first of either leaderboard; None where it diverged or has no objective.
        best: These held against each other; None where a side has none, or values
            cannot be compared.
        objective: The objective of matched trials; None where values cannot be compared.
        gap: Their generalization gap; the same.
        beyond_seeds: Matched trials that differ by more than their executions do; the same.
        turned: Matched trials that recovered, and that fail now.
        findings: What became of the findings, by rule.
        causes: What became of the causes.
        axes: Hyperparameters of which other values were searched.
        spent: What both cost.
    """

    before: Audit
    after: Audit
    unlike: tuple[Differing, ...]
    same_data_known: bool
    setup: tuple[Differing, ...]
    matching: Matching
    winners: tuple[str | None, str | None]
    best: Best | None
    objective: Paired | None
    gap: Paired | None
    beyond_seeds: BeyondSeeds | None
    turned: Turned
    findings: tuple[FoundChange, ...]
    causes: tuple[CauseChange, ...]
    axes: tuple[Axis, ...]
    spent: tuple[Spent, Spent]

    @cached_property
    def claims(self) -> Mapping[Claim, Literal["better", "worse"]]:
        """What is better or worse by more than luck: one of them is there by luck in 5 % at most.

        The best trials, the objective of matched trials, and their failures are tested together,
        with Holm's adjustment.
        """
        ps = {
            "best": self.best.p if self.best else None,
            "objective": self.objective.p if self.objective else None,
            "outcomes": self.turned.p,
        }
        stands = dict(zip(ps, testing.held(list(ps.values())), strict=True))
        claims: dict[Claim, Literal["better", "worse"]] = {}
        if self.best and stands["best"]:
            rise = self.best.objective_after - self.best.objective_before
            large_is_good = self.after.trials.objective.direction == "max"
            claims["best"] = "better" if (rise > 0) == large_is_good else "worse"
        if self.objective and stands["objective"]:
            large_is_good = self.after.trials.objective.direction == "max"
            rises = (self.objective.shift or 0) > 0
            claims["objective"] = "better" if rises == large_is_good else "worse"
        if stands["outcomes"]:
            more = len(self.turned.recovered) > len(self.turned.failing)
            claims["outcomes"] = "better" if more else "worse"
        return claims

    @property
    def verdict(self) -> Literal["same", "better", "worse", "mixed", "undecided"]:
        """All claims in a word; "same" where every matched result is equal to the last bit."""
        said = set(self.claims.values())
        if said:
            return said.pop() if len(said) == 1 else "mixed"
        return "same" if self._nothing_differs else "undecided"

    @property
    def _nothing_differs(self) -> bool:
        compared, alone = self.objective, self.matching.alone_before + self.matching.alone_after
        if compared is None or alone or self.matching.fixed or not self.matching.pairs:
            return False
        differs = compared.better + compared.worse + len(self.turned.recovered)
        return not differs + len(self.turned.failing)

    @property
    def record(self) -> Mapping[str, Json]:
        """The comparison as plain values; documented in docs/compare.md."""
        from auditor.comparing.record import to_record

        return to_record(self)

    def to_html(self) -> str:
        """The comparison as one HTML page that needs no network."""
        # Loaded when asked for: the report stands after this and imports it.
        from auditor.report.comparison import render_comparison_html

        return render_comparison_html(self)

    def __str__(self) -> str:
        """The comparison as text, 80 columns wide, without colour."""
        # Loaded when asked for: the report stands after this and imports it.
        from auditor.report.comparison import render_comparison

        return render_comparison(self)
