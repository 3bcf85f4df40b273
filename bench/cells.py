"""The cells of the benchmark: what is done to a server, and what is demanded of the figures (docs/architecture.md: figures)."""
import dataclasses
import json
import pathlib
import statistics
import subprocess

from servers import KNOWN, UNKNOWN


@dataclasses.dataclass(frozen=True)
class Cell:
    name: str
    what: str
    load: tuple[str, ...]      # arguments of smtpload
    unit: str                  # the field of its result that counts as one
    servers: tuple[str, ...]
    per_session: int = 1       # units in one session


CELLS = (
    Cell("accept-4k", "durable accept, 4 KiB, 20 sessions, 1 message each",
         ("--to", KNOWN), "accepted", ("postern", "postfix", "smtp-sink")),
    Cell("accept-4k-k20", "durable accept, 4 KiB, 20 sessions, 20 messages each",
         ("--to", KNOWN, "--messages", "20"), "accepted", ("postern", "postfix"), 20),
    Cell("accept-50k", "durable accept, 50 KiB, 100 sessions",
         ("--to", KNOWN, "--size", "51200", "--concurrency", "100"), "accepted", ("postern", "postfix")),
    Cell("accept-4k-c100", "durable accept, 4 KiB, 100 sessions",
         ("--to", KNOWN, "--concurrency", "100"), "accepted", ("postern", "postfix")),
    Cell("refuse", "EHLO, MAIL, RCPT of an unknown mailbox, QUIT; 20 sessions",
         ("--mode", "reject", "--to", UNKNOWN), "sessions", ("postern", "postfix", "responder")),
    Cell("refuse-postscreen", "the same at postscreen, 100 sessions because it waits a second in each",
         ("--mode", "reject", "--to", UNKNOWN, "--concurrency", "100"), "sessions", ("postscreen",)),
    Cell("tls-full", "STARTTLS, TLS 1.3, ECDSA, full handshake, QUIT; 20 sessions",
         ("--mode", "connect", "--tls", "full"), "sessions", ("postern", "postfix")),
    Cell("tls-resumed", "the same with a ticket",
         ("--mode", "connect", "--tls", "resumed"), "sessions", ("postern", "postfix")),
)


def run_load(smtpload: pathlib.Path, target: str, arguments: list[str]) -> dict:
    done = subprocess.run([str(smtpload), *arguments, target], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"smtpload said nothing: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(cell: Cell, server, smtpload: pathlib.Path, seconds: float) -> dict:
    """One run, about `seconds` long; the server's CPU until it has delivered everything."""
    concurrency = int(dict(zip(cell.load, cell.load[1:])).get("--concurrency", 20))
    # How many sessions fill the time is found out first; that run also warms up.
    pilot_sessions = max(2 * concurrency, 200 // cell.per_session)
    pilot = run_load(smtpload, server.target, [*cell.load, "--sessions", str(pilot_sessions)])
    rate = pilot_sessions / max(pilot["seconds"], 0.001)
    sessions = int(min(max(rate * seconds, 3 * concurrency), 200_000))
    server.accounting.settle()
    before = server.accounting.cpu()
    result = run_load(smtpload, server.target, [*cell.load, "--sessions", str(sessions)])
    server.accounting.settle()
    count = result[cell.unit]
    result["cell"], result["server"] = cell.name, server.name
    result["rate"] = count / result["seconds"]
    result["cpu_per_1000"] = (server.accounting.cpu() - before) / max(count, 1) * 1000
    if result["tickets_offered"]:
        result["honoured"] = result["tls_resumed"] / result["tickets_offered"]
    return result


def hold(server, smtpload: pathlib.Path, sessions: int, tls: bool) -> dict:
    """KiB of PSS that one idle session costs."""
    server.accounting.settle()
    before = server.accounting.pss_kib()
    with subprocess.Popen([str(smtpload), "--mode", "hold", "--concurrency", str(sessions), "--limit", "300",
                           "--tls", "full" if tls else "off", server.target],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        first = json.loads(load.stdout.readline() or "{}")
        held = first.get("held", 0)
        server.accounting.settle()
        after = server.accounting.pss_kib()
        rest, _ = load.communicate()
    if held < sessions:
        error = first.get("error") or (json.loads(rest.splitlines()[-1])["error"] if rest else "")
        return {"held": held, "error": error or "not all sessions could be opened"}
    return {"held": held, "pss_before_kib": before, "pss_held_kib": after, "kib_per_session": (after - before) / held}


def median(runs: list[dict], field: str) -> float:
    values = [run[field] for run in runs if field in run]
    return statistics.median(values) if values else float("nan")
