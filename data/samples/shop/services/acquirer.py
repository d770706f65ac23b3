"""A stand-in for the acquirer outside the shop, whose mood the recorder sets."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from shop import web


@dataclass
class Mood:
    """How the acquirer behaves at present."""

    delay_s: float = 0.03
    failing: bool = False


mood = Mood()


def _charge() -> ResponseReturnValue:
    charge = request.get_json()
    time.sleep(mood.delay_s)
    if mood.failing or "outage" in charge["card"]:
        return jsonify(error="temporarily unavailable"), 503
    return jsonify(accepted=charge["reference"]), 201


def _set_mood() -> ResponseReturnValue:
    wanted = request.get_json()
    mood.delay_s = float(wanted["delay_s"])
    mood.failing = bool(wanted["failing"])
    return "", 204


def run() -> None:
    """Serve charges."""
    app: Flask = web.create_app("acquirer")
    app.post("/v1/charges")(_charge)
    app.put("/mood")(_set_mood)
    web.serve("acquirer", app, host="api.acquirer-sandbox.com")
