"""Files for pipelines: a GitHub Action with a workflow that uses it, and a template for GitLab.

What the shell runs takes its values from the environment alone: what a pull request is called cannot become a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["PIPELINES"]

_ACTION: Final = """\
name: Architecture review
description: Review exported traces and logs, and fail on findings that are new or grave
inputs:
  source:
    description: Exports or a dataset; several, one a line
    required: true
  fail-on:
    description: A severity (info, low, medium, high), or new-high and the like; several, one a line; empty never fails
    default: high
  baseline:
    description: A findings.json, report, export or dataset to compare with; what is not there is no baseline
    default: ""
  config:
    description: The configuration; what is not there is the defaults
    default: review.yml
  out:
    description: Folder for findings.json, findings.sarif and junit.xml
    default: architecture-review
runs:
  using: composite
  steps:
    - name: Review
      shell: bash
      env:
        SOURCE: ${{ inputs.source }}
        FAIL_ON: ${{ inputs.fail-on }}
        BASELINE: ${{ inputs.baseline }}
        CONFIG: ${{ inputs.config }}
        OUT: ${{ inputs.out }}
      run: |
        mapfile -t sources < <(printf '%s' "$SOURCE" | sed '/^[[:space:]]*$/d')
        options=()
        while read -r limit; do
          [ -z "$limit" ] || options+=(--fail-on "$limit")
        done <<< "$FAIL_ON"
        [ -z "$BASELINE" ] || [ ! -e "$BASELINE" ] || options+=(--baseline "$BASELINE")
        [ ! -f "$CONFIG" ] || options+=(--config "$CONFIG")
        archreview findings "${sources[@]}" "${options[@]}" --format github \\
          --also "json=$OUT/findings.json" --also "sarif=$OUT/findings.sarif" --also "junit=$OUT/junit.xml" \\
          --also "summary=$OUT/summary.md" && code=0 || code=$?
        if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$OUT/summary.md" ]; then
          cat "$OUT/summary.md" >> "$GITHUB_STEP_SUMMARY"
        fi
        exit "$code"
"""

_WORKFLOW: Final = """\
# Captures the telemetry of the test suite, reviews it, and shows what is found in the Security tab.
name: Architecture
on: [pull_request]
permissions:
  contents: read
  security-events: write
jobs:
  review:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      # Installs what is tested, and archreview from where your team keeps it.
      - run: pip install archreview[capture] --editable .
      - run: archreview capture --to traces.jsonl -- pytest
      - uses: ./.github/actions/archreview
        with:
          source: traces.jsonl
          fail-on: high
      - uses: github/codeql-action/upload-sarif@v3
        if: always()
        with:
          sarif_file: architecture-review/findings.sarif
"""

_GITLAB: Final = """\
# Include this file from .gitlab-ci.yml, and set SOURCE:
#   include: archreview.gitlab-ci.yml
#   architecture:
#     variables: {SOURCE: traces.jsonl, FAIL_ON: high}
architecture:
  image: python:3.13
  variables:
    SOURCE: traces.jsonl
    FAIL_ON: high
    BASELINE: ""
    CONFIG: review.yml
    OUT: architecture-review
  script:
    - command -v archreview > /dev/null || pip install --quiet archreview
    - |
      set --
      [ -z "$FAIL_ON" ] || set -- "$@" --fail-on "$FAIL_ON"
      [ -z "$BASELINE" ] || [ ! -e "$BASELINE" ] || set -- "$@" --baseline "$BASELINE"
      [ ! -f "$CONFIG" ] || set -- "$@" --config "$CONFIG"
      archreview findings "$SOURCE" "$@" --also "json=$OUT/findings.json" \\
        --also "junit=$OUT/junit.xml" --also "summary=$OUT/summary.md"
  artifacts:
    when: always
    paths: [architecture-review]
    reports:
      junit: architecture-review/junit.xml
"""

#: By pipeline: file names, seen from the top of the repository, and their content.
PIPELINES: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {".github/actions/archreview/action.yml": _ACTION, ".github/workflows/architecture.yml": _WORKFLOW},
    "gitlab": {"archreview.gitlab-ci.yml": _GITLAB},
}
