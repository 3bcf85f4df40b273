"""Statistics of a Postfix log of 1 GB from the page cache, beside cat, the pipeline that counts ciphers alone, and pflogsumm (on a part of it,
and multiplied). All in turns, so that a noisy minute hits each of them. POSTERN_MAILLOG names another log."""
import contextlib
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import time

CELLS = {"maillog": "`postern stats --maillog` on a warm Postfix log of 1 GB, beside cat, grep | sed | cut | sort | uniq -c, and pflogsumm"}
GIGABYTE = 1 << 30
BLOCK = 64 << 20     # of distinct lines; each further block is another day
PFLOGSUMM_PART = 16  # it reads so small a part of the log
PIPELINE = "grep 'smtpd\\[' '{0}' | grep 'TLS connection established from' | sed 's/.*with cipher //' | cut -d' ' -f1 | sort | uniq -c | sort -rn"
CIPHERS = (("TLSv1.3", "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256", 58),
           ("TLSv1.3", "TLS_AES_128_GCM_SHA256 (128/128 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256", 12),
           ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384 (256/256 bits)", 15), ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)", 13),
           ("TLSv1", "ECDHE-RSA-AES256-SHA (256/256 bits)", 2))
REJECTS = ("550 5.1.1 <{0}>: Recipient address rejected: User unknown in virtual mailbox table", "454 4.7.1 <{0}>: Relay access denied",
           "450 4.2.0 <{0}>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html",
           "504 5.5.2 <ylmf-pc>: Helo command rejected: need fully-qualified hostname")


def block(rng: random.Random) -> bytes:
    """About BLOCK octets of a day: 62 % of the sessions refused, 28 % deliver, the rest are lost; 71 % TLS, 22 % IPv6, a third of the
    clients without a name."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def address() -> str:
        if rng.random() < 0.22:
            return f"2001:db8:{rng.getrandbits(16):x}:{rng.getrandbits(8):x}::{rng.getrandbits(16):x}"
        return f"{rng.choice((198, 203, 192))}.{rng.getrandbits(8)}.{rng.getrandbits(8)}.{rng.getrandbits(8)}"

    hosts = [(f"mail{rng.randrange(99)}.{''.join(rng.choices(letters, k=7))}.example", address()) for _ in range(60000)]
    weights = [weight for _, _, weight in CIPHERS]
    lines, size, second = [], 0, 0.0
    while size < BLOCK:
        second = min(second + 0.08, 86399.0)
        head = f"Oct  1 {int(second) // 3600:02}:{int(second) // 60 % 60:02}:{int(second) % 60:02} mx1 postfix/"
        name, at = ("unknown", address()) if rng.random() < 0.35 else hosts[int(rng.paretovariate(0.6)) % len(hosts)]
        client, kind = f"{name}[{at}]", rng.random()
        smtpd = f"{head}smtpd[{rng.randrange(1000, 400000)}]: "
        session = [f"{head}postscreen[911]: CONNECT from [{at}]:{rng.randrange(1024, 65535)} to [192.0.2.25]:25"] if kind < 0.3 else []
        session.append(f"{smtpd}connect from {client}")
        tls = rng.random() < 0.71
        if tls:
            version, cipher, _ = rng.choices(CIPHERS, weights)[0]
            session.append(f"{smtpd}{rng.choice(('Anonymous', 'Anonymous', 'Untrusted', 'Trusted'))} TLS connection established from {client}: "
                           f"{version} with cipher {cipher}")
        if kind < 0.62:
            to = "".join(rng.choices(letters, k=8)) + "@example.com"
            session.append(f"{smtpd}NOQUEUE: reject: RCPT from {client}: {rng.choice(REJECTS).format(to)}; "
                           f"from=<{''.join(rng.choices(letters, k=9))}@{name}> to=<{to}> proto=ESMTP helo=<{name}>")
        elif kind < 0.9:
            queue_id = "".join(rng.choices("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz", k=15))
            session += [f"{smtpd}{queue_id}: client={client}", f"{head}cleanup[7]: {queue_id}: message-id=<{rng.getrandbits(48):x}@{name}>",
                        f"{head}qmgr[702]: {queue_id}: from=<a@{name}>, size={rng.getrandbits(16)}, nrcpt=1 (queue active)",
                        f"{head}virtual[8]: {queue_id}: to=<user{rng.randrange(5000)}@example.com>, relay=virtual, delay={rng.random():.2f}, "
                        "delays=0.1/0/0/0.02, dsn=2.0.0, status=sent (delivered to maildir)", f"{head}qmgr[702]: {queue_id}: removed"]
        else:
            session.append(f"{smtpd}lost connection after {rng.choice(('EHLO', 'CONNECT', 'AUTH', 'STARTTLS'))} from {client}")
        session.append(f"{smtpd}disconnect from {client} ehlo={1 + tls}{' starttls=1' if tls else ''} mail=1 rcpt=0/1 quit=1 commands=4/5")
        lines += session
        size += sum(map(len, session)) + len(session)
    return ("\n".join(lines) + "\n").encode()


def make(path: pathlib.Path) -> None:
    if path.exists() and path.stat().st_size >= GIGABYTE:
        return
    print(f"  maillog: writing {path.name}, 1 GB", file=sys.stderr)
    day, number = block(random.Random(1)), 0
    with path.open("wb") as out:
        while out.tell() < GIGABYTE:
            number += 1
            out.write(day.replace(b"Oct  1", f"Oct {number:2}".encode()))


def timed(command: list[str]) -> dict:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    code = process.wait()
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {"wall_s": wall, "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}
    return result if code == 0 else result | {"error": f"{command[0]} ended with {code}"}


def peak_mib(command: list[str]) -> float:
    """Not ru_maxrss, which remembers the memory of who forked. In a run of its own, which is not timed."""
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        peak = max(peak, int(line.split()[1]))
            time.sleep(0.005)
    return peak / 1024


def run(build: pathlib.Path, folder: pathlib.Path, repetitions: int, recorder) -> None:
    named = os.environ.get("POSTERN_MAILLOG")
    log = pathlib.Path(named) if named else folder / "mail.log"
    if not named:
        make(log)
    os.environ["LC_ALL"] = "C"  # for sort and uniq
    scale = GIGABYTE / log.stat().st_size
    commands = {"postern": [str(build / "postern"), "stats", "--maillog", str(log), "--json"],
                "cat": ["sh", "-c", f"cat '{log}' > /dev/null"], "pipeline": ["sh", "-c", PIPELINE.format(log)]}
    timed(["cat", str(log)])  # into the page cache
    for turn in range(repetitions):
        for server in commands if turn % 2 == 0 else reversed(commands):
            result = timed(commands[server])
            recorder.add({"cell": "maillog", "server": server} | result | {"wall_s": result["wall_s"] * scale, "cpu_s": result["cpu_s"] * scale})
    recorder.add({"cell": "maillog", "server": "postern", "peak_mib": peak_mib(commands["postern"])})
    pflogsumm = shutil.which("pflogsumm")
    if not pflogsumm:
        print("  maillog: without pflogsumm, which is not installed", file=sys.stderr)
        return
    part = folder / "mail.part.log"
    with log.open("rb") as source, part.open("wb") as out:
        out.write(source.read(GIGABYTE // PFLOGSUMM_PART))
        out.write(source.readline())
    result = timed([pflogsumm, str(part)])
    part_scale = GIGABYTE / part.stat().st_size
    recorder.add({"cell": "maillog", "server": "pflogsumm"} | result | {"wall_s": result["wall_s"] * part_scale, "cpu_s": result["cpu_s"] * part_scale})
