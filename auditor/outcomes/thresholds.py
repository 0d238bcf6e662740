"""The numbers that decide an outcome, each with its unit and its source.

"TaskSet" are random searches of recurrent networks on text (Metz et al. 2020): 1,000 runs per task,
binary cross-entropy, whose no-skill loss is ln 2.
"""

DIVERGED_FACTOR = 10.0
"""Times the no-skill loss, or that of an untrained model where it is larger, above which a loss has
exploded. On TaskSet 284 of 6,000 runs pass it
without a NaN; one of them learned afterwards."""

DIVERGED_FACTOR_UNKNOWN = 100.0
"""The same where the no-skill loss is unknown and the median first loss of the sweep stands in for
it: that median already contains some learning, hence the wider berth."""

GUESSING_CLASSES = 1000
"""Classes whose ln K, 6.9 nats, stands in for a no-skill loss not known where an accuracy is
logged: training on fewer starts below, and on more hardly above, unless it explodes at once."""

LEAST_ACCURACY = 0.05
"""Accuracy, as a share, that some epoch must reach for the task to be taken for a classification
then: of a regression it is next to 0."""

RECOVERED_FACTOR = 1.1
"""Times the same loss below which a loss is no longer far above it, after an explosion. To have
come back a run must also get below the no-skill loss, by `LEARNED_MARGIN`, where that is known and
an untrained model is not itself far above it. 98 runs of TaskSet stay above, at a median of 3.5
times the no-skill loss; 21 come down to it and no further, and only 1 of the exploded learned
afterwards."""

LEARNED_MARGIN = 0.0117
"""A run has learned when its loss gets this fraction below the no-skill loss, in any epoch. Runs of
TaskSet with a best validation loss above .685 (ln 2 = .693) have not learned in any useful
sense."""

HARDLY_LEARNED = 0.1
"""Fraction below the no-skill loss that a loss must get for a model to have learned more than
hardly anything; a training loss, for it to have learned its rows by heart where validation never
learned. Of two classes it is the loss of a model that is right for 68 % of the rows, and as
sure."""

OVERFIT_RISE = 0.05
"""Relative rise of the smoothed validation loss from its minimum to its end. "Mean of the end above
1.05 times the minimum" reaches F1 .93 on the 40 labelled histories of OverfitGuard (2024)."""

OVERFIT_CONFIDENCE = 0.95
"""One-sided confidence (Student's t) that the rise is above `OVERFIT_RISE`, and above what noise
makes of a flat curve: an end as high as the bias of its minimum, sqrt(2 ln m) standard errors for m
means. A wrong verdict is worse than none. Flat curves with noise of any size and 8 to 200 epochs
are called risen in 1 % to 8 % of simulations."""

OVERFIT_WINDOW = 6
"""Means over one epoch in so many are compared, of an odd number and at most `SMOOTHING`. In
simulations wider ones hide a rise of 15 % in curves of 8 to 25 epochs, and where a run was stopped
five epochs after its best; longer curves need no wider ones."""

SHARED_NOISE = 2.0
"""Correlation of the steps of training and validation, times the root of their number, from which
they move together: 2.5 % of unrelated curves reach it."""

TREND_EPOCHS = 12
"""Epochs from the best one on that it takes to tell the trend of training from its swings: a line
through so many is off from one end to the other by as much as a single epoch, sqrt(12 / n)."""

SWING = 0.1
"""Noise of the late part of a curve, as a share of its level, from which it swings. The validation
loss of 111 image classifiers (NATS-Bench, decaying rate) stays below .03, of 95 % of the networks
of TaskSet that learned below .06; AutoTrainer (2021) takes swings of .03 of an accuracy."""

OVERFIT_FLOOR = 0.005
"""Times the no-skill loss, where it is known, that a rise of the loss must also exceed: a loss that
is near zero already doubles without the model getting worse in any way that matters. On TaskSet F1
stays the same."""

SHARED_RISE = 1.0
"""Share of the validation curve's rise that the training curve must match for the rise to be
training itself getting worse: from 1 on the gap does not grow, so the two curves do not part. Nor
do they where training rose by `OVERFIT_RISE` and validation ends no higher than training."""

SMOOTHING = 5
"""Epochs in the smoothing window; shorter curves use a third of their length."""

MIN_EPOCHS = 4
"""Fewer validated epochs than this cannot show a lasting rise."""

CHANCE_LOSS = 0.005
"""Share of ln K within which a loss is that of guessing among K classes, where an accuracy says so
too. Between K and K + 1 lie 1 / (K ln K) of it: 3 times as much at K = 20."""

CHANCE_STEP = 0.05
"""Share of the way to the next ln K within which first losses must be as well: one in ten numbers
is so near to any of them."""

CHANCE_ACCURACY = 0.1
"""Share of 1/K within which the accuracy beside it is that of guessing: two standard errors on 400
rows of two classes, or on 3,600 of ten."""

CHANCE_EPOCHS = 3
"""So many first epochs of a run must have both: one may pass by there."""

PLATEAU_LOSS = 0.001
"""Share of ln K within which training and validation losses are at rest there. Without an accuracy
this must tell ln K from the variance of a target, which lies so near to one of the nine in 2 % of
cases. Of the six searches of TaskSet 15 % to 30 % of the runs rest there, none at another ln K."""

PLATEAU_ACCURACY = 0.2
"""Share of 1/K within which the validation accuracy rests beside losses within `CHANCE_LOSS` of
ln K: two standard errors on 1,000 rows of ten classes, for a model that answers one of them."""

PLATEAU_EPOCHS = 5
"""The later half of the epochs, but at least so many, must be there."""

PLATEAU_SHARE = 0.1
"""Share of the runs that must rest at the same ln K: single runs die at any loss."""

MOST_CLASSES = 20
"""Numbers of classes that are read off a loss and an accuracy; of more, ln K and ln (K + 1) lie too
close."""

MOST_CLASSES_ALONE = 10
"""The same of a loss alone."""

SAME_GAIN = 0.03
"""Accuracy (a share of 1) by which answers that no longer change may be above those of the first
epoch: to give another class to all rows is no learning."""

BELOW_LEAST = 0.9
"""Times the error rate times ln 2, the least plain cross-entropy, below which a loss is none: that
little less is left for digits that were cut off and means that were weighted by batch."""

SAME_ERRORS = 0.2
"""Error rate from which answers that do not change, beside a loss that is none, are no learning. Of
rare classes a weighted or focal loss may be as small, and learn."""
