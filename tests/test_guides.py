"""The guides' steps, followed in a copy of the checkout: their programs, files, edits and commands, in their order."""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ROOT, Block, blocks, run_block

GUIDES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "guides").glob("*.md"))}
every_guide = pytest.mark.parametrize("guide", GUIDES)

# What is added to a command that would take long; a command's options are the guide's to choose.
SHORTER = {
    "tests/views/test_conformance.py": "-k factory",
    "pytest tests/policies": "-k 'fastest-half or test_names'",
}


# What stands in for a download: the file, and a line of it for each second
STAND_INS = {
    "AzureLLMInferenceTrace_code.csv": (
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "2023-11-16 {hour:02}:{minute:02}:{second:02}.9799600,{many},{few}",
    ),
    "AzureLLMInferenceTrace_conv.csv": (
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "2024-05-10 {hour:02}:{minute:02}:{second:02}.009930+00:00,{many},{few}",
    ),
    "BurstGPT_1.csv": (
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
        "{time}.0,ChatGPT,{many},0,{many},Conversation log",
    ),
    "batch_task.csv": (None, "M1,1.0,j_{time},1,Terminated,{time},{later},100.0,0.39"),
}


def stand_in(name: str) -> str:
    """The text of a file in the form of a public trace."""
    head, line = STAND_INS[name]
    rows = []
    for time in range(1, 2000):
        clock = {"hour": time // 3600, "minute": time // 60 % 60, "second": time % 60, "time": time}
        rows.append(line.format(**clock, later=time + 1 + time % 5, many=500 + time % 900, few=1 + time % 100))
    rows = rows[::-1] if head is None else [head, *rows]  # the one without names is not sorted either
    return "".join(f"{row}\n" for row in rows)


class Copy:
    """A copy of the tracked files, to follow a guide in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((ROOT / name).read_bytes())
        programs = folder / "bin"
        programs.mkdir()
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python").chmod(0o755)
        self._environment = os.environ | {
            "HOME": str(folder),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder),
            "GIT_CEILING_DIRECTORIES": str(folder),  # a patch is for this folder, whatever checkout it may lie in
        }

    def follow(self, guide: str) -> str:
        """Do all steps; what they printed."""
        return "".join(map(self.do, blocks(GUIDES[guide])))

    def do(self, block: Block) -> str:
        """Do what a block says; what that printed."""
        if block.file is not None:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
            return ""
        commands = {
            "python": [["python", "-c", block.text]],
            "diff": [["git", "apply", "-"]],
            "bash": [["bash", "-euo", "pipefail", "-c", shorter(line)] for line in block.text.splitlines()],
        }
        done = [self._run(command, block.text) for command in commands[block.language]]
        return "".join(done)

    def _run(self, command: list[str], given: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            input=given if command[0] == "git" else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout


def shorter(command: str) -> str:
    """A guide's command with what makes it quick."""
    return " ".join([command, *(options for part, options in SHORTER.items() if part in command)])


def needs_no_checkout(block: Block) -> bool:
    """Tell whether a block is a program, or a file beside the programs."""
    return block.language == "python" and (block.file is None or "/" not in block.file)


@every_guide
def test_first_steps_need_no_edits_and_run(guide, tmp_path):
    first = list(itertools.takewhile(needs_no_checkout, blocks(GUIDES[guide])))
    assert any(block.file is None for block in first)
    for block in first:
        if block.file is None:
            run_block(block.text, tmp_path)
        else:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")


@every_guide
def test_steps_are_numbered_and_complete(guide):
    """Every step is in a code block, where the tests below find it."""
    introduction, *steps = re.split(r"^(?=\d+\. )", GUIDES[guide], flags=re.MULTILINE)
    assert [int(step.split(".")[0]) for step in steps] == list(range(1, len(steps) + 1))
    assert not blocks(introduction)
    assert all(blocks(step) for step in steps)
    assert "`python" not in re.sub(r"^ *```.*?^ *```$", "", GUIDES[guide], flags=re.DOTALL | re.MULTILINE)


def test_every_shortened_command_is_in_a_guide():
    commands = [line for guide in GUIDES.values() for block in blocks(guide) for line in block.text.splitlines()]
    assert [part for part in SHORTER if not any(part in line for line in commands)] == []


@pytest.mark.slow
def test_add_a_scenario(tmp_path):
    copy = Copy(tmp_path)
    printed = copy.follow("add-a-scenario")
    scores = json.loads((copy.folder / "edgeoffload_env/data/scores_v0.json").read_text())
    assert scores["scenarios"]["factory"]["game"]["num_users"] == 12
    assert re.search(r"[1-9]\d* passed", printed)


@pytest.mark.slow
def test_add_a_policy(tmp_path):
    copy = Copy(tmp_path)
    printed = copy.follow("add-a-policy")
    assert "num_servers must be at least 2" in printed
    for page in ("benchmarks/results/leaderboard.csv", "docs/leaderboard.md"):
        assert "The faster half of the servers at random." in (copy.folder / page).read_text(encoding="utf-8")
    assert re.search(r"[1-9]\d* passed", printed)


@pytest.mark.slow
def test_add_an_algorithm(tmp_path):
    copy = Copy(tmp_path)
    printed = copy.follow("add-an-algorithm")
    assert "omega = 10.0\n    Sharpness: near 0 the target is the mean" in printed
    assert len(list((copy.folder / "runs" / "tuning" / "runs" / "mellowmax").glob("**/summary.json"))) == 10
    assert "mellowmax" in (copy.folder / "runs/quick/results/final.csv").read_text()
    assert re.search(r"[1-9]\d* passed", printed)


@pytest.mark.slow
def test_add_an_effect(tmp_path):
    copy = Copy(tmp_path)
    printed = copy.follow("add-an-effect")
    assert "| `battery_j`" in printed
    assert re.search(r"solar: 10 users.*drained \(J\)", printed, re.DOTALL)
    assert re.search(r"[1-9]\d* passed", printed)


@pytest.mark.slow
def test_replay_a_trace(tmp_path):
    """With files of the same form in place of the downloads."""
    copy = Copy(tmp_path)
    every = blocks(GUIDES["replay-a-trace"])
    downloads = [block for block in every if "curl" in block.text]
    assert len(downloads) == len(STAND_INS)
    for block, name in zip(downloads, STAND_INS, strict=True):
        assert name.partition(".")[0] in block.text
        (copy.folder / name).write_text(stand_in(name), encoding="utf-8")
    printed = "".join(copy.do(block) for block in every if block not in downloads)
    assert printed.count("no score and no gain: the overrides change the scenario's game") == 6
    assert len(re.findall(r"^ *greedy +-\d", printed, re.MULTILINE)) == 5
    assert printed.count("tasks wait") == 3
    lines = (copy.folder / "tasks.csv").read_text().splitlines()
    parts = [(copy.folder / f"{part}.csv").read_text().splitlines() for part in ("train", "test")]
    assert parts[0] + parts[1][1:] == lines
    assert {part[0] for part in parts} == {lines[0]}
