"""``archreview graph``."""

from __future__ import annotations

import argparse

import pandas as pd

from analysis import facts
from analysis.commands._options import WrongUsage
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import expect, give
from analysis.config import Configuration
from analysis.engine import scan_facts
from analysis.graph import EXPORTS, graph_at
from analysis.graph.grains import FACTS
from analysis.links import calls

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Write the graph."""
    settings = settings_of(options)
    expect(options.out)
    _check(options, settings)
    with progress_of(options) as progress:
        data = read(options, progress).seen(settings.view)
        more = ("calls",) if options.links == "architecture" else ()
        wanted = ("operations", *more, *FACTS[options.grain])
        tables = scan_facts(data, wanted, engine=options.engine, progress=progress)
        catalogue = facts.discover()
        frames = {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()}
        if options.links != "architecture":
            frames["calls"] = calls(data, links=options.links)
            frames["operations"] = _linked(frames["operations"], frames["calls"])
        graph = graph_at(options.grain, frames, settings.catalogue.teams)
    tell_refused(options, data)
    give(EXPORTS[options.format](graph), options.out)
    return code_of(options, data)


def _check(options: argparse.Namespace, settings: Configuration) -> None:
    """Refuse what cannot be drawn, before anything is read."""
    if options.grain == "team" and not settings.catalogue.teams:
        message = "--grain team needs the teams of services: name a catalogue in the configuration"
        raise WrongUsage(message)
    if options.grain in ("operation", "module") and options.links != "architecture":
        message = f"--grain {options.grain} goes with --links architecture only: other tools link services"
        raise WrongUsage(message)


def _linked(operations: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Keep the operations of services that a link touches: other tools draw no others."""
    return operations[operations["service"].isin({*edges["caller"], *edges["callee"]})]
