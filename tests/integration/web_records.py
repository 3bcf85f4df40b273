"""Records of a day's traffic as the web tests show it: both families, TLS that works and fails, each verdict. Always the same."""
import json
import os
import random
import time

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def record_id(ms, number):
    value = ((ms & ((1 << 40) - 1)) << 40) | (number * 0x9E3779B9 & ((1 << 40) - 1))
    return "".join(CROCKFORD[(value >> (5 * (15 - i))) & 31] for i in range(16))


def iso(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"


VERDICTS = [("accept", "none", 250, "ok")] * 11 + [("reject", "evidence_score", 550, "evidence_score")] * 4 + \
    [("reject", "list", 550, "list"), ("greylist", "greylisted", 451, "greylisted"), ("greylist", "greylisted", 451, "greylisted"),
     ("throttle", "budget", 451, "budget"), ("accept", "none", 550, "unknown_user"), ("tag", "rule", 250, "ok")]
CIPHERS = [("TLSv1.3", "TLS_AES_256_GCM_SHA384")] * 6 + [("TLSv1.3", "TLS_AES_128_GCM_SHA256")] * 2 + \
    [("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")]


def session(now_ms, age_ms, number, chance):
    start = now_ms - age_ms
    six = chance.random() < 0.42
    client = f"2001:db8:{chance.randrange(40):x}::{chance.randrange(9):x}" if six else f"192.0.2.{chance.randrange(250)}"
    action, reason, code, word = chance.choice(VERDICTS)
    record = {"schema": "postern.session/1", "id": record_id(start, number), "time": iso(start), "duration_ms": chance.randrange(20, 900),
              "listener": "mx", "family": "ipv6" if six else "ipv4", "client": {"address": client, "port": 40000},
              "server": {"address": "2001:db8::25" if six else "192.0.2.25", "port": 25}, "helo": f"mail{chance.randrange(60)}.example.net",
              "extended": True}
    tls = chance.random()
    if tls < 0.84:
        version, cipher = chance.choice(CIPHERS)
        record["tls"] = {"version": version, "cipher": cipher, "group": "x25519", "handshake_ms": 4}
    elif tls < 0.88:
        record["tls"] = {"error": "no shared cipher", "handshake_ms": 2}
    record["policy"] = "0123456789abcdef"
    record["decisions"] = [{"ms": 12, "stage": "rcpt", "transaction": 0, "recipient": 0,
                            "evidence": {"country": chance.choice(["DE", "US", "FR", "BR"]),
                                         "helo": "name" if action != "reject" else chance.choice(["unqualified", "name"]),
                                         "rdns": "mail" if action == "accept" else chance.choice(["generic", "none", "mail"])},
                            "action": action, "reason": reason, "rule": "default", "enforced": True,
                            "score": 6.5 if action == "reject" else -1.5}]
    record["decisions_total"] = 1
    taken = code < 300
    record["transactions"] = [{"from": f"list@example{chance.randrange(9)}.net",
                               "to": [{"path": "alice@example.org", "code": code, "enhanced": "2.1.5", "reason": word}],
                               "recipients": 1, "size": 3000, "code": 250 if taken else 0, "reason": "accepted" if taken else "reset"}]
    record["transactions_total"] = 1
    if taken:
        record["accepted"] = 1
    record["end"] = "quit"
    return record


def write(folder, count=3000, now_ms=None):
    """Sessions of the last day, and some of the weeks before; returns the ids of refused ones, the newest first."""
    now_ms = now_ms or int(time.time() * 1000)
    chance = random.Random(7)
    day = 86_400_000
    ages = [int(day * chance.random() ** 1.2) for _ in range(count)] + [int(28 * day * chance.random()) for _ in range(count // 3)]
    ages.sort(reverse=True)
    records = [session(now_ms, age, number, chance) for number, age in enumerate(ages)]
    os.makedirs(folder, exist_ok=True)
    name = time.strftime("%Y%m%dT%H%M%SZ.jsonl", time.gmtime(now_ms / 1000 - 1))
    with open(os.path.join(folder, name), "w") as file:
        for record in records:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    return [r["id"] for r in reversed(records) if r["transactions"][0]["to"][0]["code"] >= 400]


def mark(data, folder):
    """The operator's word on every other session: what a refused one was, and a taken one."""
    with open(os.path.join(folder, sorted(os.listdir(folder))[-1])) as file:
        records = [json.loads(line) for line in file]
    with open(os.path.join(data, "marks.jsonl"), "w") as file:
        for record in records[::2]:
            said = "ham" if record["decisions"][0]["action"] == "accept" else "spam"
            file.write(json.dumps({"id": record["id"], "mark": said, "time": record["time"]}) + "\n")


def remember(data, now_ms=None):
    """What a server has learnt of others' TLS and families: the files it keeps of that."""
    now_ms = now_ms or int(time.time() * 1000)
    day = 86_400_000

    def write_lines(path, lines):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))

    write_lines(os.path.join(data, "mta-sts.jsonl"), [
        {"domain": domain, "id": "20261101", "mode": mode, "max_age": 604800, "fetched": now_ms - day, "used": now_ms - day // 2, "mx": mx}
        for domain, mode, mx in (("example.net", "enforce", ["mx1.example.net", "mx2.example.net"]),
                                 ("lists.example.com", "testing", ["*.mail.example.com"]))])
    write_lines(os.path.join(data, "tls-memory.jsonl"), [
        {"host": "old.example.edu", "address": "192.0.2.44", "reason": "no shared cipher", "since": now_ms - 3600_000, "until": now_ms + day // 2},
        *({"domain": domain, "how": how, "first": now_ms - 9 * day, "last": now_ms - day // 3}
          for domain, how in (("example.net", "pkix"), ("dane.example.org", "dane 3 1 1"), ("mail.example.edu", "pkix")))])
    write_lines(os.path.join(data, "families.jsonl"), [
        {"destination": destination, "ipv6": six, "ipv4": four}
        for destination, six, four in (
            ("example.net", {"success": 1, "connect_ms": 12.4}, {"success": 1, "connect_ms": 14.1}),
            ("lists.example.com", {"success": 0.62, "connect_ms": 31.0}, {"success": 1, "connect_ms": 28.7}),
            ("mail.example.edu", {"success": 1, "connect_ms": 9.8, "refused_at": now_ms - 7200_000}, {"success": 1, "connect_ms": 10.2}),
            ("old.example.edu", {"success": 1}, {"success": 0.97, "connect_ms": 88.0}))])
