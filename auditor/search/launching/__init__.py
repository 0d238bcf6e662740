"""Runs tasks on executors, one per device: processes here, or workers of a Dask or Ray cluster."""
