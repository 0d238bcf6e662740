"""Objective against gap: who is not beaten in both."""

from auditor.outcomes import Outcome, Outcomes
from auditor.outcomes.verdicts import Baseline
from auditor.scoring import Scores, TrialScore
from auditor.scoring.front import Front, find_front


def front(
    direction: str = "min",
    outcome: Outcome = Outcome.OK,
    **points: tuple[float | None, float | None],
) -> Front:
    scores = {
        trial: TrialScore(None, None, None, objective, gap, 0.0, None, None, None, 1)
        for trial, (gap, objective) in points.items()
    }
    outcomes = dict.fromkeys(scores, Outcome.OK) | ({"z": outcome} if "z" in scores else {})
    return find_front(
        Scores(0.0, "", (), {}, scores),
        Outcomes({}, outcomes, Baseline(None, "", 1.0)),
        direction,  # type: ignore[arg-type]
    )


def test_those_that_no_other_beats_in_both() -> None:
    assert front(a=(0.1, 0.5), b=(0.2, 0.4), c=(0.3, 0.45), d=(0.05, 0.9)).best == ("d", "a", "b")


def test_where_much_is_good_the_front_is_the_other_way_round() -> None:
    assert front("max", a=(0.1, 0.5), b=(0.2, 0.4), c=(0.3, 0.9)).best == ("a", "c")


def test_a_negative_gap_is_no_better_than_none() -> None:
    assert front(a=(-0.5, 0.5), b=(0.0, 0.4)).best == ("b",)


def test_what_learned_nothing_or_has_no_gap_is_left_out() -> None:
    found = front("min", Outcome.NEVER_LEARNED, a=(0.1, 0.5), b=(None, 0.1), z=(0.0, 0.7))
    assert (found.best, found.left_out, list(found.trials)) == (("a",), 2, ["a"])
