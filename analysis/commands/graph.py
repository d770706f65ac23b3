"""``archreview graph``."""

from __future__ import annotations

import argparse

import pandas as pd

from analysis import facts
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import give
from analysis.engine import scan_facts
from analysis.graph import EXPORTS, service_graph
from analysis.links import calls

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Write the service graph."""
    settings = settings_of(options)
    with progress_of(options) as progress:
        data = read(options, progress).seen(settings.view)
        wanted = ("calls", "operations") if options.links == "architecture" else ("operations",)
        tables = scan_facts(data, wanted, engine=options.engine, progress=progress)
        catalogue = facts.discover()
        frames = {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()}
        operations = frames["operations"]
        if options.links == "architecture":
            edges = frames["calls"]
        else:
            edges = calls(data, links=options.links)
            operations = _linked(operations, edges)
        graph = service_graph(edges, operations=operations)
    tell_refused(options, data)
    give(EXPORTS[options.format](graph), options.out)
    return code_of(options, data)


def _linked(operations: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Keep the operations of services that a link touches: other tools draw no others."""
    return operations[operations["service"].isin({*edges["caller"], *edges["callee"]})]
