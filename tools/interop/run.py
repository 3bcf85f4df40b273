#!/usr/bin/python3
"""Interoperation with other implementations of DKIM and ARC: `./dev interop [MUTATIONS] [SEED]`.

What each of them signs or seals is verified by every other; then random mutations of signed messages are judged by all, and
every disagreement is listed. Exit 1 where an unchanged message does not verify, or where two others agree against us.
"""
import collections
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mutations import mutate  # noqa: E402
from peers import Dkimpy, Key, Mailauth, Opendkim, Peer, Postern, Rspamd, World  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402

CANONS = ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple")
MESSAGES = {
    "plain": b"From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: a test\r\nDate: Sat, 21 Nov 2026 06:13:28 +0000\r\n"
             b"Message-ID: <1@example.org>\r\n\r\nHello,\r\n\r\n  two  words \r\n\r\n\r\n",
    "empty body": b"From: alice@example.org\r\nTo: bob@example.net\r\nSubject: empty\r\nDate: Sat, 21 Nov 2026 06:13:28 +0000\r\n\r\n",
    "folded, repeated, 8-bit": b"Received: from a by b;\r\n Sat, 21 Nov 2026 06:13:28 +0000\r\nReceived: from c by d;\r\n\tSat, 21 Nov 2026\r\n"
                               b"From: =?utf-8?q?Al?=\r\n =?utf-8?q?ice?=  <alice@example.org>\r\nTo: bob@example.net,\r\n\tcarol@example.net\r\n"
                               b"Subject:  spaces   and\ttabs \r\nDate: Sat, 21 Nov 2026 06:13:28 +0000\r\nMIME-Version: 1.0\r\n"
                               b"Content-Type: text/plain; charset=utf-8\r\n\r\n\r\n\r\nGr\xc3\xbc\xc3\x9fe \t\r\n\t tab\r\n.\r\nlast line\r\n",
}


def make_keys(world: World) -> None:
    for kind in ("rsa", "ed25519"):
        done = subprocess.run([Postern.program, "keygen", "--type", kind, "--domain", "example.org", "--selector", kind, "--out",
                               world.folder, "--json"], capture_output=True, check=True)
        made = json.loads(done.stdout)["keys"][0]
        world.keys.append(Key("example.org", kind, kind, made["file"], made["record"]))


def start(world: World) -> list[Peer]:
    peers: list[Peer] = [Postern(world)]
    for name, make in (("dkimpy", lambda: Dkimpy(world)), ("mailauth", lambda: Mailauth(world, os.path.abspath("build/interop"))),
                       ("opendkim", lambda: Opendkim(world)), ("rspamd", lambda: Rspamd(world))):
        try:
            peers.append(make())
        except Exception as error:  # whatever keeps it from starting
            print(f"{name} is not there: {error}")
    return peers


def cross(peers: list[Peer], world: World) -> tuple[int, list[tuple[str, bytes]]]:
    """Everybody signs, everybody verifies. The number of failures, and the signed messages."""
    signed, count = [], collections.Counter()
    for text, message in MESSAGES.items():
        for key in world.keys:
            for canon in CANONS:
                for peer in peers:
                    result = peer.sign(message, key, canon)
                    if result is not None:
                        signed.append((f"{peer.name} signs {text}, {key.kind}, {canon}", result))
                        count[peer.name] += 1
    bad = 0
    for peer in peers:
        answers = peer.verify([m for _, m in signed])
        wrong = [what for (what, _), answer in zip(signed, answers) if answer is not True]
        ours = [what for what in wrong if peer.name == "postern" or what.startswith("postern")]
        print(f"{peer.name:10} verifies {len(signed) - len(wrong)} of {len(signed)}")
        for what in wrong:
            print(f"    not: {what}")
        bad += len(ours)
    print("signed:", ", ".join(f"{n} by {name}" for name, n in count.items()))
    return bad, signed


def cross_arc(peers: list[Peer], world: World) -> int:
    sealed = []
    own = b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.org\r\n"
    for text, message in MESSAGES.items():
        for key in world.keys[:1]:
            for peer in peers:
                once = peer.seal(own + message, key, "mx.example.org")
                if once is None:
                    continue
                sealed.append((f"{peer.name} seals {text}", once))
                if peer.name == "mailauth":
                    continue  # it says cv=none as it is told
                twice = peer.seal(own.replace(b"spf=", b"arc=pass; spf=") + once, key, "mx.example.org")
                if twice is not None:
                    sealed.append((f"{peer.name} seals {text} twice", twice))
    bad = 0
    for peer in peers:
        if type(peer).verify_arc is Peer.verify_arc:
            continue
        answers = peer.verify_arc([m for _, m in sealed])
        wrong = [(what, answer) for (what, _), answer in zip(sealed, answers) if answer != "pass"]
        print(f"{peer.name:10} verifies {len(sealed) - len(wrong)} of {len(sealed)} chains")
        for what, answer in wrong:
            print(f"    {answer}: {what}")
        bad += sum(peer.name == "postern" or what.startswith("postern") for what, _ in wrong)
    return bad


def judge(peers: list[Peer], signed: list[tuple[str, bytes]], number: int, seed: int) -> int:
    rng = random.Random(seed)
    cases = [(what, mutate(rng, message)) for what, message in (rng.choice(signed) for _ in range(number))]
    messages = [message for _, message in cases]
    details = peers[0].details(messages)
    answers = {peer.name: peer.verify(messages) for peer in peers}
    passed = sum(answer is True for answer in answers["postern"])
    print(f"{number} mutations (seed {seed}), {passed} of them still verify here")
    alone, kinds = 0, collections.Counter()
    for index, (what, message) in enumerate(cases):
        said = {name: all_of[index] for name, all_of in answers.items() if all_of[index] is not None}
        if len(set(said.values())) == 1:
            continue
        against = [name for name, answer in said.items() if name != "postern" and answer != said["postern"]]
        kinds[", ".join(sorted(against)) or "-"] += 1
        if len(against) < 2:
            if os.environ.get("INTEROP_ALL") is None:
                continue
        else:
            alone += 1
        words = [f"{name} {'pass' if answer else 'fail'}" for name, answer in said.items()]
        ours = "; ".join(f"{v['result']} {v.get('problem', '')}" for v in details[index].get("dkim", []))
        print(f"\n#{index} {what}: {', '.join(words)}\n  ours: {ours}")
        print("  " + message[:1200].replace(b"\r\n", b"\n  ").decode("utf-8", "backslashreplace"))
    for who, times in kinds.most_common():
        print(f"{times:6} times against us: {who}")
    return alone


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="postern-interop-") as folder:
        os.chmod(folder, 0o755)
        world = World(folder)
        make_keys(world)
        peers = start(world)
        try:
            bad, signed = cross(peers, world)
            bad += cross_arc(peers, world)
            alone = judge(peers, signed, number, seed)
        finally:
            for peer in peers:
                peer.close()
    print(f"{bad} unchanged messages failed with us; {alone} mutations where two or more others disagree with us")
    return 1 if bad or alone else 0


if __name__ == "__main__":
    sys.exit(main())
