"""Fuzzers: kept inputs, changed at random, through everything that reads what others wrote."""
