#!/usr/bin/python3
"""DKIM verification of 4 KiB messages, one RSA-2048 signature each, by Postern's batch tool and its peers: CPU microseconds a
message, everything around it included (JSON, a milter's or HTTP's conversation), as it is used. One JSON line a peer.
"""
import base64
import json
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Postern, World  # noqa: E402
from run import make_keys, start  # noqa: E402

MESSAGES = 1500
TICK = os.sysconf("SC_CLK_TCK")


def children() -> dict[int, float]:
    """CPU seconds of every descendant that lives."""
    parents, spent = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        spent[int(entry.name)] = (int(fields[11]) + int(fields[12])) / TICK
    ours = {os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in ours} - ours
        grown = bool(more)
        ours |= more
    ours.discard(os.getpid())
    return {pid: spent[pid] for pid in ours}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="postern-speed-") as folder:
        os.chmod(folder, 0o755)
        world = World(folder)
        make_keys(world)
        key = next(key for key in world.keys if key.kind == "rsa")
        body = b"A line of a message that somebody might have written, as long as lines are.\r\n" * 46
        signer = Postern(world)
        cases = [dict(signer.case(b"From: a@example.org\r\nTo: b@example.net\r\nSubject: number %d\r\n"
                                  b"Date: Sat, 21 Nov 2026 06:13:28 +0000\r\n\r\n" % i + body),
                      domain=key.domain, selector=key.selector, private_key=key.pem, time=int(time.time()) - 5) for i in range(MESSAGES)]
        messages = [("\r\n".join(answer["fields"]).strip() + "\r\n").encode() + base64.b64decode(case["message_base64"])
                    for answer, case in zip(signer.batch("dkim sign", cases), cases)]
        peers = start(world)
        try:
            for peer in peers:
                warm = peer.verify(messages[:20])
                if warm[0] is None:
                    continue
                before, own, waited = children(), time.process_time(), os.times()
                verdicts = peer.verify(messages)
                after = children()
                spent = sum(after[pid] - before.get(pid, 0) for pid in after)
                ended = os.times()
                spent += ended.children_user + ended.children_system - waited.children_user - waited.children_system
                if peer.name == "dkimpy":  # in this very process
                    spent = time.process_time() - own
                print(json.dumps({"peer": peer.name, "messages": len(messages), "passed": sum(v is True for v in verdicts),
                                  "cpu_us": round(spent / len(messages) * 1e6, 1)}), flush=True)
        finally:
            for peer in peers:
                peer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
