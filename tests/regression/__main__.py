"""Renew the digests, or keep recordings whole and compare two of them bit by bit.

python -m tests.regression write              renew digests.json
python -m tests.regression keep FILE.npz      keep everything, unrounded
python -m tests.regression compare A.npz B.npz
"""

import json
import sys

import numpy as np

from edgeoffload_env import scenarios
from tests.regression import digests, recording


def everything(names: list[str]) -> dict[str, np.ndarray]:
    """All recordings of some scenarios, by kind, scenario, view and quantity."""
    found = {}
    for scenario in names:
        for view in recording.VIEWS:
            for kind, record in (("transitions", recording.record_transitions), ("games", recording.record_games)):
                found |= {f"{kind}/{scenario}/{view}/{k}": v for k, v in record(scenario, view).items()}
        found |= {f"choices/{scenario}/{k}": v for k, v in recording.record_choices(scenario).items()}
    return found


def compare(first: str, second: str) -> int:
    """Print every recording that differs in a bit; return how many do."""
    before, after = np.load(first), np.load(second)
    differing = sorted(set(before) ^ set(after))
    differing += [name for name in before if name in after and before[name].tobytes() != after[name].tobytes()]
    print("\n".join(differing) or f"all {len(before.files)} recordings are equal to the last bit")
    return len(differing)


if __name__ == "__main__":
    command, *files = sys.argv[1:]
    if command == "write":
        digests.FILE.write_text(json.dumps(digests.all_digests(scenarios.names()), indent=1) + "\n", encoding="utf-8")
    elif command == "keep":
        np.savez_compressed(files[0], **everything(scenarios.names()))
    elif command == "compare":
        sys.exit(compare(*files) > 0)
    else:
        sys.exit(__doc__)
