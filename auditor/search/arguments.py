"""The arguments of tuners that are looked at before anything else."""

import math

from auditor.search.launching.launcher import check_count

LANES = ("auto", "stacked", "fit")


def check_arguments(
    gap_penalty: float, lane: str, n_jobs: int | None, workers_per_gpu: int
) -> None:
    """Refuse values that mean nothing; see `RecordingTuner`.

    Raises:
        ValueError: One of them does.
    """
    if not 0 <= gap_penalty < math.inf:
        raise ValueError(f"gap_penalty must be a finite number >= 0, got {gap_penalty!r}")
    if lane not in LANES:
        raise ValueError(f'lane must be "auto", "stacked" or "fit", got {lane!r}')
    if n_jobs is not None:
        check_count("n_jobs", n_jobs)
    check_count("workers_per_gpu", workers_per_gpu, least=1)
