"""KerasTuner's lines on each trial, with the number that ranks called what it is."""

import copy
import math
from types import SimpleNamespace

from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.oracle import Display


class ScoreDisplay(Display):
    """KerasTuner's display; KerasTuner calls the score by the objective's name.

    Here it is another number: the objective worsened by the gap, infinite where a trial diverged.
    """

    def on_trial_end(self, trial: Trial) -> None:
        """Print how a trial ended, and the best so far."""
        best = self.oracle.get_best_trials
        # Of its oracle KerasTuner prints the name of the objective and the score of the best.
        view = copy.copy(self)
        view.oracle = SimpleNamespace(
            objective=SimpleNamespace(name="score"),
            get_best_trials=lambda: [self._shown(one) for one in best()],
        )
        Display.on_trial_end(view, self._shown(trial))

    def _shown(self, trial: Trial) -> SimpleNamespace:
        """What is printed of a trial: a score such as "0.05925 (val_loss 0.0569)"."""
        score, name = trial.score, self.oracle.objective.name
        if score is not None and not math.isfinite(score):
            score = f"{score} (diverged)"
        elif score is not None and trial.metrics.exists(name):
            value = trial.metrics.get_history(name)[-1].mean()
            score = f"{score:.6g} ({name} {value:.6g})"
        return SimpleNamespace(trial_id=trial.trial_id, score=score)
