"""Runs a command and prints what it printed, with its processor time, which other work on the machine does not lengthen."""

import re
import resource
import subprocess
import sys


def main(command: list[str]) -> None:
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    points = int(re.search(r"(\d+) points", printed).group(1))
    rate = f"{points / seconds:,.0f} points/s"
    print(f"{printed}; processor time {seconds:.2f} s, {rate}")


if __name__ == "__main__":
    main(sys.argv[1:])
