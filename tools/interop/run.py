#!/usr/bin/python3
"""Interoperation with other implementations of DKIM and ARC: `./dev interop [MUTATIONS] [SEED]`.

What each of them signs or seals is verified by every other; then random mutations of signed messages are judged by all, and
the disagreements are counted by the rule that explains them; those of two others against us that none explains are
listed (INTEROP_ALL=1: those of one, too). Exit 1 where there is such a one, or where an unchanged message does not verify.
"""
import collections
import os
import random
import re
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
    answers = {peer.name: peer.verify([m for _, m in signed]) for peer in peers}
    # What its own signer does not verify is nobody else's fault
    hopeless = [i for i, (what, _) in enumerate(signed) if answers[what.split()[0]][i] is False]
    for i in hopeless:
        verified_by = [name for name, all_of in answers.items() if all_of[i]]
        print(f"left out, its own signer does not verify it: {signed[i][0]} (verified by: {', '.join(verified_by) or 'nobody'})")
    kept = [i for i in range(len(signed)) if i not in set(hopeless)]
    bad = 0
    for name, all_of in answers.items():
        wrong = [signed[i][0] for i in kept if all_of[i] is not True]
        print(f"{name:10} verifies {len(kept) - len(wrong)} of {len(kept)}")
        for what in wrong:
            print(f"    not: {what}")
        bad += sum(name == "postern" or what.startswith("postern") for what in wrong)
    signed = [signed[i] for i in kept]
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


def names(header: bytes) -> list[bytes]:
    return [name.lower() for name in re.findall(rb"(?m)^([^\s:]+):", header)]


def rule(what: str, message: bytes, details: dict, said: dict) -> str | None:
    """Why others may differ from us, where an RFC says so; None where nothing does."""
    header, _, body = message.partition(b"\r\n\r\n")
    problems = " ".join(v.get("problem", "") for v in details.get("dkim", []))
    if not said["postern"]:
        if "rsa-sha1" in problems:
            return "RFC 8301 3.1: rsa-sha1 must not be verified"
        if "base64" in problems:
            return "RFC 6376 2.10: octets that are not of the alphabet do not belong into base64"
        if len(re.findall(rb"(?mi)^from[ \t]*:", header)) > 1:
            return "RFC 6376 5.4, 8.15: a From field that is not signed"
        return None
    if len(details["dkim"]) > 1 and problems.strip():
        return "RFC 6376 6.1: a signature that cannot be used is ignored, and the others count"
    if re.search(rb"(?m)^[^\s:]+[ \t]+:", header):
        return "RFC 6376 3.4.2, RFC 5322 4.5: white space before the colon"
    if re.search(rb"(?m)^[^\s:]*[\x80-\xff][^\r\n:]*:", header) or \
            re.search(rb"(?m)^[^\s:]+[ \t]+[^\s:][^:\r\n]*:", header) or re.search(rb"(?m)^[^\s:][^:\r\n]*(\r\n|\Z)", header):
        return "RFC 6376 3.7: lines that are not signed do not matter, whatever they are"
    if what.endswith("/relaxed") and re.search(rb"(\A|\r\n)[ \t]+(\r\n)*\Z", body):
        return "RFC 6376 3.4.4: white space goes first, then the empty lines at the end"
    if {name for name, answer in said.items() if not answer} <= {"opendkim", "rspamd"} and len(set(names(header))) < len(names(header)):
        return "RFC 6376 5.4.2: of repeated fields the last ones are signed"
    return None


def judge(peers: list[Peer], signed: list[tuple[str, bytes]], number: int, seed: int) -> int:
    rng = random.Random(seed)
    cases = [(what, mutate(rng, message)) for what, message in (rng.choice(signed) for _ in range(number))]
    messages = [message for _, message in cases]
    details = peers[0].details(messages)
    answers = {peer.name: peer.verify(messages) for peer in peers}
    passed = sum(answer is True for answer in answers["postern"])
    print(f"{number} mutations (seed {seed}), {passed} of them still verify here")
    alone, kinds, rules = 0, collections.Counter(), collections.Counter()
    for index, (what, message) in enumerate(cases):
        said = {name: all_of[index] for name, all_of in answers.items() if all_of[index] is not None}
        against = [name for name, answer in said.items() if answer != said["postern"]]
        if not against:
            continue
        kinds[", ".join(sorted(against))] += 1
        why = rule(what, message, details[index], said)
        rules[why or "no rule known"] += 1
        if why is None and len(against) > 1:
            alone += 1
        if why is not None or (len(against) < 2 and os.environ.get("INTEROP_ALL") is None):
            continue
        words = [f"{name} {'pass' if answer else 'fail'}" for name, answer in said.items()]
        ours = "; ".join(f"{v['result']} {v.get('problem', '')}" for v in details[index].get("dkim", []))
        print(f"\n#{index} {what}: {', '.join(words)}\n  ours: {ours}")
        print("  " + message[:1200].replace(b"\r\n", b"\n  ").decode("utf-8", "backslashreplace"))
    for why, times in rules.most_common():
        print(f"{times:6} differences: {why}")
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
    print(f"{bad} unchanged messages failed with us; {alone} mutations where two or more others disagree with us and no rule says why")
    return 1 if bad or alone else 0


if __name__ == "__main__":
    sys.exit(main())
