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
                            "evidence": {"country": chance.choice(["DE", "US", "FR", "BR"]), "helo": "name"},
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
