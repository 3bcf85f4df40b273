"""What a server costs: CPU seconds and proportional memory of all its processes, those that have ended too.

A server runs in a control group of its own where this user may make one (v1 cpuacct or v2): exact, in nanoseconds. Elsewhere
the sum goes over /proc: user, system and waited-for children of the process tree, in ticks of 10 ms. All servers of a run are
counted the same way.
"""
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

V1 = pathlib.Path("/sys/fs/cgroup/cpuacct")
V2 = pathlib.Path("/sys/fs/cgroup")


def _make_group(name: str) -> pathlib.Path | None:
    for base, usage in ((V1, "cpuacct.usage"), (V2, "cpu.stat")):
        group = base / f"postern-bench-{os.getpid()}-{name}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / usage).exists() and os.access(group / "cgroup.procs", os.W_OK):
            return group
        group.rmdir()
    return None


class Accounting:
    """The processes of one server. `method` names how they are counted."""

    def __init__(self, name: str):
        self.group = _make_group(name)
        self.root_pid = 0
        self.method = "/proc" if self.group is None else "cgroup v1" if self.group.parent == V1 else "cgroup v2"

    def _enter(self) -> None:
        if self.group:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def spawn(self, command: list[str], log: pathlib.Path, **more) -> subprocess.Popen:
        with log.open("ab") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=self._enter,
                                       start_new_session=True, **more)
        self.root_pid = process.pid
        return process

    def pids(self) -> list[int]:
        if self.group:
            return [int(pid) for pid in (self.group / "cgroup.procs").read_text().split()]
        children: dict[int, list[int]] = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _stat(int(entry.name))):
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        found, waiting = [], [self.root_pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found

    def cpu(self) -> float:
        """Seconds so far."""
        if self.group and self.group.parent == V1:
            return int((self.group / "cpuacct.usage").read_text()) / 1e9
        if self.group:
            return int(re.search(r"usage_usec (\d+)", (self.group / "cpu.stat").read_text())[1]) / 1e6
        ticks = sum(sum(int(value) for value in fields[11:15]) for pid in self.pids() if (fields := _stat(pid)))
        return ticks / os.sysconf("SC_CLK_TCK")

    def pss_kib(self) -> int:
        total = 0
        for pid in self.pids():
            try:
                total += int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
            except (OSError, TypeError):
                continue  # it has just ended
        return total

    def settle(self, limit: float = 60) -> None:
        """Waits until the server has done what it had to do: under 1 % of a core for half a second."""
        end, last = time.monotonic() + limit, self.cpu()
        while time.monotonic() < end:
            time.sleep(0.5)
            now = self.cpu()
            if now - last < 0.005:
                return
            last = now

    def end(self) -> None:
        """Stops what this object started, by pid, and takes the group away."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                try:
                    os.kill(pid, signal_number)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 20
            while time.monotonic() < end and any(pathlib.Path(f"/proc/{pid}").exists() and not _is_zombie(pid)
                                                 for pid in self.pids()):
                time.sleep(0.05)
        if self.group:
            try:
                self.group.rmdir()
            except OSError:
                pass
            self.group = None


def _stat(pid: int) -> list[str] | None:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def _is_zombie(pid: int) -> bool:
    fields = _stat(pid)
    return fields is None or fields[0] == "Z"
