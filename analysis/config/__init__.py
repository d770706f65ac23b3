"""The configuration ``review.yml``: what a team changes about a review.

It is read the same way by the command line, by papermill parameters and by Python. An unknown key is an error that
names the line and the nearest known key.
"""

from __future__ import annotations

from analysis.config._loading import ConfigurationError, load
from analysis.config._model import Acknowledgement, Configuration, Redaction
from analysis.config._writing import effective, json_schema, template

__all__ = [
    "Acknowledgement",
    "Configuration",
    "ConfigurationError",
    "Redaction",
    "effective",
    "json_schema",
    "load",
    "template",
]
