"""Consistency of the CI scripts, workflows, pre-commit hooks and pinned versions."""

import os
import re
import subprocess
import time
import tomllib

import yaml

from edgeoffload_env import __version__
from tests.pages import ROOT

PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
RUN = (ROOT / ".ci" / "run").read_text().splitlines()
WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
STEPS = [
    (name, step["run"])
    for name, workflow in WORKFLOWS.items()
    for job in workflow["jobs"].values()
    for step in job["steps"]
    if "run" in step
]


def test_hooks_have_the_pinned_versions():
    elsewhere = [repo for repo in HOOKS if repo["repo"] != "local"]
    revisions = {repo["repo"].rsplit("/", 1)[1].removesuffix("-pre-commit"): repo["rev"] for repo in elsewhere}
    assert revisions == {name: f"v{PINNED[name]}" for name in revisions}
    assert len(revisions) >= 2


def test_every_hook_is_run_by_ci():
    hooks = [hook["id"] for repo in HOOKS for hook in repo["hooks"]]
    for hook in hooks:
        tool = f".venv-test/bin/{hook.replace('-', ' ')}"  # ruff-check is `ruff check`
        assert [line for line in RUN if re.match(rf"(start \w+ )?{re.escape(tool)}( |$)", line)], hook


def test_workflows_only_install_and_call_the_scripts():
    assert {name for name, _ in STEPS} == set(WORKFLOWS) == {"release.yml", "tests.yml"}
    for name, command in STEPS:
        script = re.fullmatch(r"(?:PYTHON=python )?bash (\.ci/\w+)( \S.*)?", command)
        install = re.fullmatch(r"pip install -c constraints.txt -e '\.\[[\w,]+\]'", command)
        assert script or install, f"{name}: {command}"
        assert install or (ROOT / script[1]).is_file(), f"{name}: {command}"


def test_every_script_is_called():
    commands = [command for _, command in STEPS] + RUN
    scripts = [path.name for path in (ROOT / ".ci").iterdir() if path.is_file() and not path.suffix]
    assert len(scripts) >= 5
    for script in scripts:
        assert [command for command in commands if re.search(rf"\bbash \.ci/{script}\b", command)], script


def with_steps(script, folder):
    """Run a script as .ci/run begins; its temporary files are in a folder."""
    command = ["bash", "-c", f"set -euo pipefail\n. .ci/steps.sh\n{script}"]
    environment = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def test_a_step_in_the_background_fails_the_run_and_shows_why(tmp_path):
    good = with_steps("start types echo checked; echo meanwhile; finish types; echo after", tmp_path)
    assert (good.returncode, good.stdout) == (0, "meanwhile\n== types\nchecked\nafter\n")
    bad = with_steps("start types bash -c 'echo why; exit 3'; echo meanwhile; finish types; echo after", tmp_path)
    assert (bad.returncode, bad.stdout) == (3, "meanwhile\n== types\nwhy\ntypes failed with exit status 3\n")
    assert list(tmp_path.iterdir()) == []


def test_steps_in_the_background_end_with_the_run(tmp_path):
    """And what they started."""
    file = tmp_path / "pid"
    started = f"start learners bash -c 'sleep 600 & echo $! > {file}; wait'; until [ -s {file} ]; do sleep 0.01; done"
    assert with_steps(f"{started}; false", tmp_path).returncode == 1
    state = ["ps", "-o", "state=", "-p", file.read_text().strip()]
    end = time.monotonic() + 30.0
    while subprocess.run(state, capture_output=True, text=True).stdout.strip() not in ("", "Z"):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_every_step_is_waited_for():
    started, finished = (
        [found[1] for line in RUN if (found := re.match(rf"{word} (\w+)", line))] for word in ("start", "finish")
    )
    assert len(started) >= 2
    assert sorted(started) == sorted(finished)


def test_a_release_is_tested_before_it_is_built_and_uploaded():
    jobs = WORKFLOWS["release.yml"]["jobs"]
    commands = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert commands == ["bash .ci/run", "bash .ci/wheel dist"]
    assert jobs["upload"]["needs"] == "build"


def test_classifiers_are_the_versions_of_python_that_the_wheel_is_tried_on():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = (re.fullmatch(r"Programming Language :: Python :: (\d\.\d+)", each) for each in project["classifiers"])
    versions = [match[1] for match in found if match]
    assert f"for version in {' '.join(versions)}; do" in (ROOT / ".ci" / "wheel").read_text()
    everything, environment = (WORKFLOWS["tests.yml"]["jobs"][job] for job in ("everything", "environment"))
    setup = next(step["with"] for step in everything["steps"] if "setup-python" in step.get("uses", ""))
    assert [setup["python-version"], *environment["strategy"]["matrix"]["python-version"]] == versions
    assert project["requires-python"] == f">={versions[0]}"


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    for page in (ROOT / "README.md", ROOT / "docs" / "citing.md"):
        assert f"Version {__version__}}}" in page.read_text(), page.name


def test_the_badge_for_pettingzoos_list_has_the_pinned_version():
    assert f"/badge/PettingZoo-v{PINNED['pettingzoo']}-blue" in (ROOT / "docs" / "releasing.md").read_text()


def test_read_the_docs_installs_the_pinned_versions_and_takes_warnings_for_errors():
    settings = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text())
    assert settings["build"]["jobs"]["install"] == ["pip install -c constraints.txt -e '.[docs,rllib]'"]
    assert settings["sphinx"]["fail_on_warning"]
    assert (ROOT / settings["sphinx"]["configuration"]).is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = [re.split("[>=]", needed)[0] for needed in project["optional-dependencies"]["docs"]]
    assert {name.lower() for name in packages} <= {name.lower() for name in PINNED}
