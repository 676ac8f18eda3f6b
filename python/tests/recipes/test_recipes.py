"""The recipes, each in seconds: they end well, the scheduler was fed, and it set the rates that it said."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

RECIPES = Path(__file__).parents[2] / "recipes"
#: What a recipe needs, and how many points it feeds to each scheduler in its short form.
NEEDS = {
    "nanogpt": ("torch", [20]),
    "timm_digits": ("timm", [6]),
    "flax_digits": ("flax", [20]),
    "lightning_two_optimizers": ("lightning", [8, 8]),
    "skorch_digits": ("skorch", [5]),
    "trl_sft": ("trl", [10]),
}


def run(command: list[str]) -> str:
    # A core each; nothing is looked for on a network.
    surroundings = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "JAX_PLATFORMS": "cpu"}
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | surroundings, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.mark.parametrize("recipe", NEEDS)
def test_a_recipe_feeds_its_schedulers_to_the_end(recipe: str) -> None:
    package, points = NEEDS[recipe]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    said = run([sys.executable, str(RECIPES / f"{recipe}.py"), "--short"])
    check(said, points)


def test_the_loop_goes_on_in_two_processes() -> None:
    pytest.importorskip("torch")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    check(run([*torchrun, str(RECIPES / "nanogpt.py"), "--short"]), [20])


def check(said: str, points: list[int]) -> None:
    reached = re.findall(r"Step (\d+) of (\d+) \(100%\)", said)
    assert len(reached) == len(points) and all(step == steps for step, steps in reached), said
    assert [int(count) for count in re.findall(r"(\d+) points observed", said)] == points, said
    found = re.search(r"final \w+ ([\d.]+); best of the sweep, .*: ([\d.]+)$", said, re.M)
    assert found, said
