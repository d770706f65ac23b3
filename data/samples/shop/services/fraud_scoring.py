"""Fraud scoring: an older program of the shop's own that nobody has instrumented."""

from __future__ import annotations

import time

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from shop import web


def _score() -> ResponseReturnValue:
    time.sleep(0.006)
    return jsonify(score=request.get_json()["cents"] % 100)


def run() -> None:
    """Serve scores."""
    app: Flask = web.create_app("fraud-scoring")
    app.post("/score")(_score)
    web.serve("fraud-scoring", app)
