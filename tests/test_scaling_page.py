"""The cluster that the guide shows is one that the Dask operator takes, and its service reaches its scheduler.

The schema is what the example uses of the operator's published one (dask-kubernetes, customresources/templates.yaml:
DaskCluster, DaskScheduler, DaskWorker) and of Kubernetes' PodSpec and ServiceSpec. A member that is not named there is
an error.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "notebooks/guide/scaling.md").read_text(encoding="utf-8")
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def of(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of a mapping that has these members and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def many(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


QUANTITIES = of({"cpu": TEXT, "memory": TEXT})
CONTAINER = of(
    {
        "name": TEXT,
        "image": TEXT,
        "args": many(TEXT),
        "resources": of({"requests": QUANTITIES, "limits": QUANTITIES}),
        "ports": many(of({"name": TEXT, "containerPort": NUMBER}, "containerPort")),
    },
    "name",
)
POD = of({"containers": many(CONTAINER)}, "containers")
PORT = of({"name": TEXT, "port": NUMBER, "targetPort": {"type": ["string", "integer"]}}, "port")
SERVICE = of({"selector": {"type": "object", "additionalProperties": TEXT}, "ports": many(PORT)})
CLUSTER = of(
    {
        "apiVersion": {"const": "kubernetes.dask.org/v1"},
        "kind": {"const": "DaskCluster"},
        "metadata": of({"name": TEXT}, "name"),
        "spec": of(
            {
                "worker": of({"replicas": NUMBER, "spec": POD}, "spec"),
                "scheduler": of({"spec": POD, "service": SERVICE}, "spec", "service"),
            },
            "scheduler",
            "worker",
        ),
    },
    "spec",
)


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return yaml.safe_load(block)


def test_the_operator_takes_the_cluster(cluster):
    jsonschema.validate(cluster, CLUSTER)


def test_the_service_reaches_the_scheduler(cluster):
    scheduler = cluster["spec"]["scheduler"]
    assert scheduler["service"]["selector"] == {
        "dask.org/cluster-name": cluster["metadata"]["name"],
        "dask.org/component": "scheduler",
    }
    open_ports = {port["name"]: port["containerPort"] for port in scheduler["spec"]["containers"][0]["ports"]}
    reached = {port["targetPort"]: port["port"] for port in scheduler["service"]["ports"]}
    assert reached == open_ports
    assert open_ports["tcp-comm"] == 8786


def test_a_worker_has_the_name_that_the_operator_gives_it(cluster):
    # The operator scales down by these names.
    (worker,) = cluster["spec"]["worker"]["spec"]["containers"]
    arguments = worker["args"]
    assert arguments[arguments.index("--name") + 1] == "$(DASK_WORKER_NAME)"
    assert worker["resources"]["limits"]["memory"] == worker["resources"]["requests"]["memory"]
