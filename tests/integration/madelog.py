"""Logs of Postfix made by chance of a seed, and what they come to, for the tests of `postern stats --maillog`."""
import collections
import random
import time

NOW = 1795392000  # 2026-11-23T00:00:00Z
AT = ("--now", str(NOW))
CIPHERS = [("TLSv1.3", "TLS_AES_256_GCM_SHA384", " key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256"),
           ("TLSv1.3", "TLS_AES_128_GCM_SHA256", " key-exchange ECDHE (P-256) server-signature RSA-PSS (2048 bits) server-digest SHA256"),
           ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "")]
INSTANCES = ("postfix/smtpd", "postfix-out/smtpd", "mta-in/smtpd", "postfix/submission/smtpd")
REPLIES = ("550 5.1.1 <{}>: Recipient address rejected: User unknown in virtual mailbox table", "454 4.7.1 <{}>: Relay access denied",
           "450 4.2.0 <{}>: Recipient address rejected: Greylisted, see http://a.example/{}")


def made(seed, sessions, instances=INSTANCES):
    """(seconds, program, message) of each line, and what they come to."""
    rng = random.Random(seed)
    lines, count = [], collections.Counter()
    for number in range(sessions):
        at = NOW - 86400 * 3 + number * 86400 * 2 // sessions
        day = time.strftime("%Y-%m-%d", time.gmtime(at))
        six = rng.random() < 0.3
        address = f"2001:db8:{rng.randrange(9)}::{rng.randrange(1, 99)}" if six else f"192.0.{rng.randrange(9)}.{rng.randrange(256)}"
        family = "ipv6" if six else "ipv4"
        client = f"{rng.choice(('unknown', 'mx.example', 'a-b.c.example'))}[{address}]"
        smtpd = rng.choice(instances)
        queue_id = rng.choice((f"{rng.getrandbits(40):X}".rjust(9, "A"), "4" + "".join(rng.choices("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz", k=14))))
        if rng.random() < 0.3:
            lines.append((at, "postfix/postscreen", f"CONNECT from [{address}]:4711 to [192.0.2.25]:25"))
            count["postscreen"] += 1
        lines.append((at, smtpd, f"connect from {client}"))
        count["connections", family] += 1
        count["day", day] += 1
        if rng.random() < 0.6:
            version, cipher, rest = rng.choice(CIPHERS)
            trust = rng.choice(("Anonymous", "Untrusted", "Trusted", "Verified"))
            lines.append((at, smtpd, f"{trust} TLS connection established from {client}: {version} with cipher {cipher} (256/256 bits){rest}"))
            count["tls", family] += 1
            count["version", version] += 1
            count["cipher", cipher] += 1
            count["trust", trust] += 1
        if rng.random() < 0.6:
            reply = rng.choice(REPLIES).format(f"u{number}@example.org", "x")
            lines.append((at, smtpd, f"NOQUEUE: reject: RCPT from {client}: {reply}; from=<a@b.example> to=<u{number}@example.org> proto=ESMTP helo=<h>"))
            count["rejected"] += 1
            count["reason", family, REPLIES.index(next(r for r in REPLIES if r[:9] == reply[:9]))] += 1
        else:
            lines.append((at, smtpd, f"{queue_id}: client={client}"))
            lines.append((at, "postfix/cleanup", f"{queue_id}: message-id=<{number}@b.example>"))
            lines.append((at, "postfix/qmgr", f"{queue_id}: from=<a@b.example>, size={number}, nrcpt=1 (queue active)"))
            status = rng.choice(("sent", "sent", "deferred", "bounced"))
            lines.append((at, "postfix/smtp", f"{queue_id}: to=<u@c.example>, relay=mx.c.example[192.0.2.9]:25, delay=0.5, delays=0/0/0/0.5, "
                                              f"dsn={'2.0.0' if status == 'sent' else '4.4.1'}, status={status} (250 (really) ok)"))
            lines.append((at, "postfix/qmgr", f"{queue_id}: removed"))
            count["received"] += 1
            count[status] += 1
        lines.append((at, smtpd, f"disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"))
    return lines, count


def stamp(at, form):
    g = time.gmtime(at)
    if form == "classic":
        return time.strftime("%b ", g) + f"{g.tm_mday:2}" + time.strftime(" %H:%M:%S", g)
    if form == "iso":
        return time.strftime("%Y-%m-%dT%H:%M:%S.123456+00:00", g)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", g)


def log(lines, form):
    if form == "5424":
        return "".join(f"<22>1 {stamp(at, form)} mx1 {program} 911 - - {message}\n" for at, program, message in lines)
    return "".join(f"{stamp(at, form)} mx1 {program}[911]: {message}\n" for at, program, message in lines)
