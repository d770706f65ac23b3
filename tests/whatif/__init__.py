"""Recorded traces replayed with something changed, over spans written by hand and over the samples."""
