"""The pending greylist beside Debian's postgrey: the same triplets, asked in the same way, one after the other over Postfix's
policy protocol on loopback. Ours stands behind a bare policy server (bench/bounds/greylist_policy.cc), as Postern itself asks
its table without a socket. Each triplet comes three times: first, again at once (both must be told to wait), and after the
delay (both must pass)."""
import os
import pathlib
import random
import shutil
import socket
import sys
import time

from servers import Server

CELLS = {"greylist": "greylisting over a policy socket, the same triplets, beside postgrey"}
DELAY = 10  # seconds: longer than the last 200 questions take
TRIPLETS = 1500
WARM_UP = 200


def reason_it_cannot_run() -> str:
    return "" if shutil.which("postgrey", path=os.environ["PATH"] + ":/usr/sbin") else "postgrey is not installed (./dev setup bench)"


class PolicyServer(Server):
    def wait_until_it_answers(self, limit: float = 30) -> None:
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{self.name} does not answer on port {self.port}:\n{self.log.read_text(errors='replace')[-2000:]}")


class Postgrey(PolicyServer):
    name = "postgrey"

    def start(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "db").mkdir(parents=True)
        user = "postgrey" if os.geteuid() == 0 else str(os.geteuid())
        group = "postgrey" if os.geteuid() == 0 else str(os.getegid())
        if os.geteuid() == 0:
            shutil.chown(self.folder / "db", user, group)
        nothing = self.folder / "nobody"
        nothing.write_text("")
        self.accounting.spawn(["postgrey", f"--inet=127.0.0.1:{self.port}", f"--dbdir={self.folder}/db", f"--delay={DELAY}", f"--user={user}",
                               f"--group={group}", "--auto-whitelist-clients=0", "--quiet", f"--whitelist-clients={nothing}",
                               f"--whitelist-recipients={nothing}"], self.log,
                              env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        self.wait_until_it_answers()


class PendingTable(PolicyServer):
    name = "postern"

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path):
        super().__init__(folder)
        self.folder = folder / "greylist"
        self.log = self.folder / "log"
        self.binary = binary

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.accounting.spawn([str(self.binary), str(self.port), str(DELAY)], self.log)
        self.wait_until_it_answers()


def triplets(seed: int, count: int) -> list[bytes]:
    """Whole questions. Half of the clients IPv6, half IPv4; no two share a sender. Senders have letters only, as postgrey takes
    all numbers for one."""
    rng = random.Random(seed)

    def letters(number: int) -> str:
        return "".join(chr(ord("a") + int(digit)) for digit in str(number))

    questions = []
    for number in range(count):
        client = f"2001:db8:{rng.randrange(65536):x}:{rng.randrange(65536):x}::{rng.randrange(1, 65536):x}"
        if number % 2:
            client = f"198.{rng.randrange(18, 20)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        questions.append((f"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address={client}\n"
                          f"client_name=unknown\nhelo_name=mail{number}.example.org\nsender={letters(seed)}.{letters(number)}@example.org\n"
                          f"recipient=user{rng.randrange(50)}@example.com\ninstance={seed}.{number}\nsize=0\n\n").encode())
    return questions


def ask(port: int, questions: list[bytes]) -> tuple[float, int]:
    """Seconds, and how many were told to wait."""
    deferred = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = connection.makefile("rb")
        began = time.monotonic()
        for question in questions:
            connection.sendall(question)
            reply = reader.readline()
            deferred += reply.startswith(b"action=DEFER")
            while reply not in (b"\n", b""):
                reply = reader.readline()
            if not reply:
                raise SystemExit("the policy server hung up")
        return time.monotonic() - began, deferred


def run(build: pathlib.Path, folder: pathlib.Path, repetitions: int, recorder) -> None:
    servers: list[PolicyServer] = [PendingTable(folder, build / "bench/greylist_policy")]
    reason = reason_it_cannot_run()
    if reason:
        print(f"  without postgrey: {reason}", file=sys.stderr)
    else:
        servers.append(Postgrey(folder))
    try:
        for server in servers:
            server.start()
            ask(server.port, triplets(0, WARM_UP))
        for turn in range(1, repetitions + 1):
            questions = triplets(turn, TRIPLETS)
            rounds: dict[str, list[tuple[str, float, float, int]]] = {server.name: [] for server in servers}

            def step(server: PolicyServer, name: str, asked: list[bytes]) -> None:
                before = server.accounting.cpu()
                seconds, deferred = ask(server.port, asked)
                rounds[server.name].append((name, seconds, server.accounting.cpu() - before, deferred))

            in_turn = servers if turn % 2 else list(reversed(servers))
            for server in in_turn:
                step(server, "first", questions)
                step(server, "again", questions[-WARM_UP:])  # those of a moment ago, however slow the server is
            time.sleep(DELAY + 1.5)
            for server in in_turn:
                step(server, "later", questions)
            for server in servers:
                wrong = [f"{name}: {deferred} deferred" for name, _, _, deferred in rounds[server.name]
                         if deferred != {"first": TRIPLETS, "again": WARM_UP, "later": 0}[name]]
                asked = 2 * TRIPLETS + WARM_UP
                recorder.add({"cell": "greylist", "server": server.name, "error": ", ".join(wrong),
                              "rate": asked / sum(seconds for _, seconds, _, _ in rounds[server.name]),
                              "cpu_us": sum(cpu for _, _, cpu, _ in rounds[server.name]) / asked * 1e6})
    finally:
        for server in servers:
            server.stop()
    recorder.add({"cell": "greylist", "server": "postern", "bytes_per_triplet": 4.0})  # of a table as large as it is configured
    if not reason:  # written when it stopped, its logs not counted
        size = (servers[1].folder / "db/postgrey.db").stat().st_size
        recorder.add({"cell": "greylist", "server": "postgrey", "bytes_per_triplet": size / (WARM_UP + repetitions * TRIPLETS)})
