"""A compact table of queues, choices and delays."""

import numpy as np

from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.model.slot import Snapshot
from edgeoffload_env.rendering.scene import LastSlot


def ansi_table(snapshot: Snapshot, slot: int, last: LastSlot | None) -> str:
    """The game before its next slot, and what the last slot did.

    Args:
        snapshot: one game, B = 1.
        slot: slots played.
        last: the last slot, or None right after a reset.
    """
    load_s = load_factor_s(snapshot.backlog_cycles, snapshot.server_hz)[0]
    lines = [f"slot {slot}", "server   GHz  queue/s  arrivals"]
    chosen = np.zeros(0, dtype=np.int64) if last is None else last.targets[0]
    for m, (hz, queue_s) in enumerate(zip(snapshot.server_hz[0], load_s, strict=True), start=1):
        users = " ".join(map(str, np.flatnonzero(chosen == m)))
        lines.append(f"{m:6d} {hz / 1e9:5.1f} {queue_s:8.3f}  {users}".rstrip())
    if last is None:
        return "\n".join(lines) + "\n"
    outcome = last.outcome
    lines.append("device                  " + " ".join(map(str, np.flatnonzero(chosen == 0))))
    lines[-1] = lines[-1].rstrip()
    lines.append("user  to  upload  forward    wait  compute   delay/s")
    parts = (outcome.upload_s, outcome.forward_s, outcome.wait_s, outcome.compute_s, outcome.delay_s)
    for n, values in enumerate(zip(*(part[0] for part in parts), strict=True)):
        upload_s, forward_s, wait_s, compute_s, delay_s = values
        lines.append(
            f"{n:4d} {chosen[n]:3d} {upload_s:7.3f}  {forward_s:7.3f} {wait_s:7.3f}  {compute_s:7.3f}  {delay_s:8.3f}"
        )
    lines.append(f"mean delay {outcome.delay_s.mean():.3f} s, imbalance {outcome.imbalance.item():.4f} s^2")
    return "\n".join(lines) + "\n"
