"""Templates put together by Drain, whatever order they come in; checked on groupings known from reading the lines."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict

import pytest

from analysis.ingest.log_templates import log_template
from analysis.log_patterns import group_templates


def groups(lines: list[str]) -> list[set[int]]:
    """Return the lines, by number, that have one template, in order of their first."""
    templates = [log_template(line) for line in lines]
    of = group_templates(templates)
    found: dict[str, set[int]] = defaultdict(set)
    for number, template in enumerate(templates):
        found[of[template]].add(number)
    return sorted(found.values(), key=min)


#: Lines of the kinds that the benchmark of log parsers has (Zhu et al., "Tools and Benchmarks for Automated Log
#: Parsing", ICSE 2019), written anew: each inner list is one event.
KNOWN = {
    "hdfs": [
        [
            "Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106 dest: /10.250.19.102:50010",
            "Receiving block blk_7503483334202473044 src: /10.251.215.16:55695 dest: /10.251.215.16:50010",
        ],
        [
            "BLOCK* NameSystem.addStoredBlock: blockMap updated: 10.251.73.220:50010 is added to blk_71287 size 6",
            "BLOCK* NameSystem.addStoredBlock: blockMap updated: 10.250.11.85:50010 is added to blk_23771 size 2",
        ],
        ["Verification succeeded for blk_4980916519894289629", "Verification succeeded for blk_-3234"],
        ["PacketResponder 1 for block blk_3886504 terminating", "PacketResponder 0 for block blk_-69 terminating"],
    ],
    "openssh": [
        [
            "Failed password for root from 112.95.230.3 port 54087 ssh2",
            "Failed password for webmaster from 173.234.31.186 port 38926 ssh2",
            "Failed password for pgadmin from 5.36.59.76 port 42393 ssh2",
        ],
        ["Invalid user webmaster from 173.234.31.186", "Invalid user test9 from 52.80.34.196"],
        ["Connection closed by 173.234.31.186 [preauth]", "Connection closed by 202.100.179.208 [preauth]"],
        ["pam_unix(sshd:auth): check pass; user unknown"],
    ],
    "shop": [
        ["order W7-6b41c9886e-4cbf confirmed to customer 2", "order W7-13a2dcfd24-acda confirmed to customer 7"],
        ["order W7-6b41c9886e-4cbf cancelled by customer 2", "order W7-13a2dcfd24-acda cancelled by customer 7"],
        ["Connected to database", "Connected to database"],
        ["Disconnected from database"],
        ["cache miss"],
        ["cache hit"],
        ["goods received: CHR-002, LMP-001", "goods received: LMP-001, RUG-003"],
    ],
    "spark": [
        ["Found block rdd_2_0 locally", "Found block rdd_42_17 locally"],
        ["Finished task 0.0 in stage 0.0 (TID 0). 2703 bytes result sent to driver",
         "Finished task 37.0 in stage 26.0 (TID 1527). 1723 bytes result sent to driver"],
        ["Block broadcast_0 stored as values in memory (estimated size 384.0 B, free 317.5 KB)",
         "Block broadcast_9 stored as values in memory (estimated size 21.4 KB, free 409.7 KB)"],
        ["Starting executor ID 5 on host mesos-slave-07", "Starting executor ID 9 on host mesos-slave-11"],
    ],
}  # fmt: skip


@pytest.mark.parametrize("system", KNOWN)
def test_known_groups_are_found_in_any_order(system):
    events = [(line, event) for event, lines in enumerate(KNOWN[system]) for line in lines]
    for seed in range(5):
        random.Random(seed).shuffle(events)
        expected: dict[int, set[int]] = defaultdict(set)
        for number, (_, event) in enumerate(events):
            expected[event].add(number)
        assert groups([line for line, _ in events]) == sorted(expected.values(), key=min)


def test_lines_of_loki_and_drone_are_grouped_by_their_message(shared_exports):
    agent = (shared_exports / "logs" / "loki_agent_logfmt.txt").read_text().splitlines()
    messages = [re.search(r'msg="([^"]*)"', line)[1] for line in agent]
    drone = [json.loads(line)["msg"] for line in (shared_exports / "logs" / "drone_json.txt").read_text().splitlines()]
    # Read by eye: those that differ in a path or a number only are one event.
    kinds = [re.sub(r"/\S+|\d+\S*", "*", message) for message in (*messages, *drone)]
    expected: dict[str, set[int]] = defaultdict(set)
    for number, kind in enumerate(kinds):
        expected[kind].add(number)
    assert groups([*messages, *drone]) == sorted(expected.values(), key=min)


def test_wildcards_stand_where_members_differ():
    of = group_templates(["user anna logged in today", "user bert logged in today", "shutting down now"])
    assert of["user anna logged in today"] == of["user bert logged in today"] == "user <*> logged in today"
    assert of["shutting down now"] == "shutting down now"


def test_what_agrees_in_one_word_only_stays_apart():
    assert group_templates(["cache hit", "cache miss"]) == {"cache hit": "cache hit", "cache miss": "cache miss"}


def test_nothing_gives_nothing():
    assert group_templates([]) == {}
