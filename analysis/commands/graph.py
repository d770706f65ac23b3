"""``archreview graph``."""

from __future__ import annotations

import argparse

from analysis import facts
from analysis.commands._reading import give, progress_of, read, refused
from analysis.engine import scan_facts
from analysis.graph import exports, service_graph
from analysis.links import calls

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Write the service graph."""
    with progress_of(options) as progress:
        data = read(options, progress)
        if options.links == "architecture":
            tables = scan_facts(data, ("calls", "operations"), engine=options.engine, progress=progress)
            catalogue = facts.discover()
            frames = {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()}
            graph = service_graph(frames["calls"], operations=frames["operations"])
        else:
            graph = service_graph(calls(data, links=options.links))
    write = {
        "json": exports.to_json,
        "graphml": exports.to_graphml,
        "mermaid": exports.to_mermaid,
        "dot": exports.to_dot,
        "csv": exports.to_csv,
    }[options.format]
    give(options, write(graph))
    return 1 if refused(options, data) else 0
