"""Compiled loops over the arrays of a forest, and nothing else: no tables, no names, no Python objects.

Every array is contiguous and writeable and always of the same type, so that each kernel has one compiled form and the
one on disk is found again by the next process. Kernels release the interpreter lock: partitions are worked on by
threads.
"""
