"""Faults: programs killed, disks full, folders read-only, files that change, networks that stall."""
