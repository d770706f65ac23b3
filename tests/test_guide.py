"""The pages of the guide: the gallery is current, and every example of a schedule is what its scheduler takes.

The schemas are what the examples use of the published ones: Kubernetes' API reference (CronJob, batch/v1), GitHub's
workflow syntax, GitLab's `.gitlab-ci.yml` reference, and jupyter-scheduler's CreateJobDefinition. A member that is not
named there is an error, as it is to them.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import papermill
import pytest
import yaml

from analysis.cli import _parser
from analysis.report.gallery import PAGE, gallery
from tests.conftest import REPOSITORY
from tests.shop import shop_file

GUIDE = REPOSITORY / "notebooks" / "guide"
SCHEDULE = (GUIDE / "schedule.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SCHEDULE, flags=re.MULTILINE | re.DOTALL)


def of(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of a mapping that has these members and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TEXT, NUMBER, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
TEXTS = {"type": "array", "items": TEXT}
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 52}
QUANTITIES = of({"cpu": TEXT, "memory": TEXT})
MOUNT = of({"name": TEXT, "mountPath": TEXT, "readOnly": TRUTH}, "name", "mountPath")
VOLUME = of({"name": TEXT, "persistentVolumeClaim": of({"claimName": TEXT}, "claimName")}, "name")
CONTAINER = of(
    {
        "name": TEXT,
        "image": TEXT,
        "args": TEXTS,
        "resources": of({"requests": QUANTITIES, "limits": QUANTITIES}),
        "volumeMounts": {"type": "array", "items": MOUNT},
    },
    "name",
)
POD = of(
    {
        "restartPolicy": {"enum": ["OnFailure", "Never"]},
        "containers": {"type": "array", "items": CONTAINER, "minItems": 1},
        "volumes": {"type": "array", "items": VOLUME},
    },
    "containers",
    "restartPolicy",
)
CRON_JOB = of(
    {
        "apiVersion": {"const": "batch/v1"},
        "kind": {"const": "CronJob"},
        "metadata": of({"name": NAME}, "name"),
        "spec": of(
            {
                "schedule": TEXT,
                "timeZone": TEXT,
                "concurrencyPolicy": {"enum": ["Allow", "Forbid", "Replace"]},
                "failedJobsHistoryLimit": NUMBER,
                "jobTemplate": of(
                    {"spec": of({"backoffLimit": NUMBER, "template": of({"spec": POD}, "spec")}, "template")}, "spec"
                ),
            },
            "schedule",
            "jobTemplate",
        ),
    },
    "apiVersion",
    "kind",
    "metadata",
    "spec",
)
STEPS = {"type": "array", "items": of({"uses": TEXT, "run": TEXT, "if": TEXT, "with": {"type": "object"}})}
WORKFLOW = of(
    {
        "name": TEXT,
        "on": of(
            {
                "schedule": {"type": "array", "items": of({"cron": TEXT}, "cron")},
                "workflow_dispatch": {"type": "object"},
            }
        ),
        "concurrency": of({"group": TEXT}, "group"),
        "permissions": of({"contents": {"enum": ["read", "write", "none"]}}),
        "jobs": {
            "type": "object",
            "additionalProperties": of({"runs-on": TEXT, "steps": STEPS}, "runs-on", "steps"),
        },
    },
    "on",
    "jobs",
)
GITLAB = {
    "type": "object",
    "additionalProperties": of(
        {
            "image": TEXT,
            "rules": {"type": "array", "items": of({"if": TEXT}, "if")},
            "resource_group": TEXT,
            "script": TEXTS,
            "artifacts": of(
                {"when": {"enum": ["always", "on_success", "on_failure"]}, "expire_in": TEXT, "paths": TEXTS}
            ),
        },
        "script",
    ),
}
JOB_DEFINITION = of(
    {
        "name": TEXT,
        "input_uri": TEXT,
        "runtime_environment_name": TEXT,
        "output_formats": TEXTS,
        "parameters": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        "schedule": TEXT,
        "timezone": TEXT,
    },
    "name",
    "input_uri",
    "runtime_environment_name",
)
#: Five fields: numbers, ranges, lists, steps, or a star.
CRON = re.compile(r"^(\S+ ){4}\S+$")


class Loader(yaml.SafeLoader):
    """YAML 1.2, in which ``on`` is a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    kubernetes, github, gitlab = (yaml.load(text, Loader) for text in blocks("yaml"))
    return {"kubernetes": kubernetes, "github": github, "gitlab": gitlab}


@pytest.mark.parametrize(("name", "schema"), [("kubernetes", CRON_JOB), ("github", WORKFLOW), ("gitlab", GITLAB)])
def test_yaml_is_what_its_scheduler_takes(name, schema, documents):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(documents[name], schema)


def test_jupyter_scheduler_takes_the_job():
    (text,) = blocks("json")
    job = json.loads(text)
    jsonschema.validate(job, JOB_DEFINITION)
    assert (REPOSITORY / "notebooks" / job["input_uri"]).is_file()
    assert CRON.match(job["schedule"])
    assert set(job["parameters"]) <= set(papermill.inspect_notebook(REPOSITORY / "notebooks" / job["input_uri"]))


def commands() -> list[str]:
    """Return every command line of archreview in the examples."""
    found = re.findall(r"(?:\S*/)?archreview ((?:report|findings) [^\n`]*)", SCHEDULE)
    (args,) = re.findall(r"args: \[(.*)\]", SCHEDULE)
    return [*(line for line in found if "…" not in line), args.replace(",", " ").replace('"', "")]


@pytest.mark.parametrize("line", commands())
def test_command_of_an_example_is_one(line):
    """Options are known and have values they can have."""
    options = _parser().parse_args(shlex.split(line))
    assert options.command in {"report", "findings"}


def test_there_is_a_command_for_each_scheduler():
    assert len(commands()) >= 6


def test_times_are_times(documents):
    (crontab,) = blocks("cron")
    schedules = [" ".join(line.split()[:5]) for line in crontab.splitlines() if not line.startswith("#")]
    schedules += [documents["kubernetes"]["spec"]["schedule"], documents["github"]["on"]["schedule"][0]["cron"]]
    schedules += re.findall(r'schedule="([^"]+)"', SCHEDULE)
    assert set(schedules) == {"30 6 * * 1"}


def test_units_of_systemd_have_known_sections():
    service, timer = blocks("ini")
    for text, sections in ((service, {"Unit", "Service"}), (timer, {"Unit", "Timer", "Install"})):
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(text)
        assert set(unit.sections()) == sections
    assert "OnCalendar=Mon *-*-* 06:30:00" in timer


def test_airflow_names_a_notebook_that_takes_the_parameters():
    (text,) = blocks("airflow")
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    (operator,) = [call for call in calls if getattr(call.func, "id", "") == "PapermillOperator"]
    given = {item.arg: ast.literal_eval(item.value) for item in operator.keywords}
    assert set(given) == {"task_id", "input_nb", "output_nb", "parameters"}
    notebook = REPOSITORY / "notebooks" / Path(given["input_nb"]).name
    assert notebook.is_file()
    assert all(f"{name} = " in notebook.read_text(encoding="utf-8") for name in given["parameters"])


@pytest.mark.slow
def test_what_airflow_and_papermill_run_runs(tmp_path, monkeypatch):
    """The operator calls papermill so, from a folder of its own, in an environment that has the package."""
    (text,) = blocks("airflow")
    (name,) = re.findall(r'input_nb="/srv/review/(.*)"', text)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.chdir(tmp_path)
    export = shop_file(tmp_path / "shop.jsonl", 3)
    papermill.execute_notebook(
        str(REPOSITORY / name), "out.ipynb", parameters={"source": str(export)}, progress_bar=False
    )
    executed = nbformat.read("out.ipynb", as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert sum("application/vnd.plotly.v1+json" in output.get("data", {}) for output in outputs) > 2
    # The table that two services of this shop write.
    assert any("ledger" in str(output) for output in outputs)


def test_gallery_is_current():
    assert PAGE.read_text(encoding="utf-8") == gallery(), "write it anew: python -m analysis.report.gallery"


def test_gallery_shows_what_docstrings_say():
    text = gallery()
    assert "### `an.figures.service_map`" in text
    assert "`service_map(result, focus=None, depth=None, *, max_edges=None, highlight=None" in text
    assert "#### N+1 queries: `n_plus_one_queries`" in text
