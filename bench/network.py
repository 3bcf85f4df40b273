"""A network of one's own for a cell: namespaces of this process with loopback, a black hole for each family, and a DNS server
(nsd) that the resolver library of everybody in it asks. Root only. What is started inside stays inside."""
import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import time

HOLE4, HOLE6 = "10.99.0.0/16", "fd00:dead::/64"  # packets to them are swallowed
HERE6 = "fd00:beef::/64"                         # this machine, all of it
NEW_NETWORK, NEW_MOUNTS = 0x40000000, 0x00020000
LIBC = ctypes.CDLL(None, use_errno=True)


def reason_it_cannot_be() -> str:
    if os.geteuid() != 0:
        return "network namespaces are for root"
    for tool, package in (("ip", "iproute2"), ("nsd", "nsd")):
        if shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin") is None:
            return f"{package} is not installed (./dev setup bench)"
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False).returncode != 0:
        return "this machine lets nobody make namespaces"
    return ""


def _call(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class Network:
    """with Network(folder, zone): ...; the zone is "test.", its names are relative to it."""

    def __init__(self, folder: pathlib.Path, zone: str):
        self.folder, self.zone = folder, zone

    def __enter__(self):
        self.cwd = os.getcwd()
        self.before = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt")]
        _call(LIBC.unshare(NEW_NETWORK | NEW_MOUNTS), "unshare")
        self.dns = None
        try:
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        resolv = self.folder / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\n")
        subprocess.run(["mount", "--bind", str(resolv), "/etc/resolv.conf"], check=True)
        # The black hole is a pair of veth whose other end is not the neighbour that the packets are for
        for words in ("link set lo up", "link add hole type veth peer name bottom", "link set hole up", "link set bottom up",
                      "addr add 10.98.0.1/24 dev hole", "addr add fd00:98::1/64 dev hole nodad",
                      "neigh add 10.98.0.2 lladdr 02:00:00:00:00:99 dev hole nud permanent",
                      "neigh add fd00:98::2 lladdr 02:00:00:00:00:99 dev hole nud permanent",
                      f"route add {HOLE4} via 10.98.0.2", f"route add {HOLE6} via fd00:98::2", f"route add local {HERE6} dev lo"):
            subprocess.run(["ip", *words.split()], check=True, capture_output=True)
        (self.folder / "test.zone").write_text("$ORIGIN test.\n$TTL 3600\n@ SOA ns.test. root.test. 1 3600 3600 3600 3600\n"
                                               "@ NS ns\nns A 127.0.0.1\n" + self.zone)
        (self.folder / "nsd.conf").write_text(f"""server:
  ip-address: 127.0.0.1@53
  server-count: 1
  rrl-ratelimit: 0
  username: ""
  zonesdir: "{self.folder}"
  database: ""
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.folder}/xfrd.state"
  zonelistfile: "{self.folder}/zone.list"
  verbosity: 0
remote-control:
  control-enable: no
zone:
  name: "test."
  zonefile: "test.zone"
""")
        with (self.folder / "nsd.log").open("wb") as log:
            self.dns = subprocess.Popen(["nsd", "-d", "-c", str(self.folder / "nsd.conf")], stdout=log, stderr=log,
                                        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        end = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > end or self.dns.poll() is not None:
                raise SystemExit(f"nsd does not answer; {self.folder}/nsd.log says why")
            time.sleep(0.05)

    @staticmethod
    def _answers() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            udp.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x00\x00\x06\x00\x01", ("127.0.0.1", 53))
            try:
                return udp.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def __exit__(self, *_):
        if self.dns is not None and self.dns.poll() is None:
            self.dns.terminate()
            self.dns.wait(20)
        for descriptor, kind in zip(self.before, (NEW_NETWORK, NEW_MOUNTS)):
            _call(LIBC.setns(descriptor, kind), "setns")
            os.close(descriptor)
        os.chdir(self.cwd)


class Far:
    """The mail servers of others: bench/far, on port 25 of each of the addresses."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, addresses: list[str]):
        self.times = folder / "times"
        with (folder / "far.log").open("wb") as log:
            self.process = subprocess.Popen([str(build / "bench/far"), "25", str(self.times)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log)
        self.process.stdin.write("\n".join(addresses).encode() + b"\n")
        self.process.stdin.close()
        if self.process.stdout.readline() != b"ready\n":
            raise SystemExit(f"far does not listen; {folder}/far.log says why")

    def stop(self) -> list[tuple[str, int]]:
        """The address and the time (microseconds since 1970) of each final reply."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.process.stdout.close()
        lines = (line.split() for line in self.times.read_text().splitlines())
        return [(address, int(time_us)) for address, time_us in lines]
