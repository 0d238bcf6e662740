"""Stacked training: all runs of one structure train as one compiled program."""
