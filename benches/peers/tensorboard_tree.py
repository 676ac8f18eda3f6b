"""Writes a tree of event files with TensorBoard's own writer: RUNS directories, each with three tags at STEPS steps."""

import math
import sys
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


def main(root: Path, runs: int, steps: int) -> None:
    for run in range(runs):
        # The queue takes every event, so that none waits for the disk.
        writer = EventFileWriter(str(root / f"run-{run:03}"), max_queue_size=steps, flush_secs=600)
        for step in range(steps):
            loss = 2.3 * math.exp(-step / steps) + 0.01 * math.sin(step * (run + 1))
            for tag, value in (("train/loss", loss), ("lr", 0.1 * (1 - step / steps)), ("val/accuracy", 1 / (1 + loss))):
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=summary))
        writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
