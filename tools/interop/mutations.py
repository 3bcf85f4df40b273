"""Random changes of signed messages: some that the canonicalisations forgive, some that they must not, and some in the
signature field itself. CRLF line ends stay whole: how a bare CR or LF is read is each program's own affair.
"""
import random
import re


def split(message: bytes) -> tuple[list[bytes], bytes]:
    """The fields, each with its folds and last CRLF, and the body."""
    header, _, body = message.partition(b"\r\n\r\n")
    return re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", header + b"\r\n"), body


def join(fields: list[bytes], body: bytes) -> bytes:
    return b"".join(fields) + b"\r\n" + body


def random_octet(rng: random.Random) -> bytes:
    return bytes([rng.choice([rng.randrange(0x21, 0x7F), 0x20, 0x09, rng.randrange(0x80, 0x100)])])


def edit(rng: random.Random, text: bytes) -> bytes:
    """One octet inserted, removed or replaced, never one of a CRLF."""
    places = [i for i, octet in enumerate(text) if octet not in b"\r\n"]
    if not places:
        return text
    at = rng.choice(places)
    kind = rng.randrange(3)
    return text[:at] + (b"" if kind == 0 else random_octet(rng)) + text[at + (kind != 1):]


def fold(rng: random.Random, text: bytes) -> bytes:
    spaces = [m.start() for m in re.finditer(rb"(?<=[^\s:])[ \t](?=[^\s])", text)]
    if not spaces:
        return text
    at = rng.choice(spaces)
    return text[:at] + rng.choice([b"\r\n", b" ", b"\t", b" \r\n"]) + text[at:]


def name_case(rng: random.Random, text: bytes) -> bytes:
    name, colon, rest = text.partition(b":")
    return rng.choice([name.upper(), name.lower(), name + b" ", name]) + colon + rng.choice([b"", b" ", b"  "]) + rest


def tags(rng: random.Random, text: bytes) -> bytes:
    """A change of one tag of a signature field."""
    name, colon, rest = text[:-2].partition(b":")
    parts = rest.split(b";")
    at = rng.randrange(len(parts))
    kind = rng.randrange(9)
    if kind == 0:
        parts.pop(at)
    elif kind == 1:
        parts.insert(rng.randrange(len(parts) + 1), parts[at])
    elif kind == 2:
        rng.shuffle(parts)
    elif kind == 3:
        parts[at] = parts[at].replace(b"=", rng.choice([b" = ", b"=\r\n ", b"= ", b"==", b"\t="]), 1)
    elif kind == 4:
        parts[at] = parts[at].swapcase()
    elif kind == 5:
        parts.append(rng.choice([b"", b" ", b" x=99999999999", b" x=1", b" l=0", b" l=5", b" l=999999", b" t=0", b" i=@sub.example.org",
                                 b" i=a@example.org", b" i=@example.net", b" q=dns/txt", b" q=other", b" zz=1", b" v=1", b" z=From:a"]))
    elif kind == 6:
        parts[at] = edit(rng, parts[at])
    elif kind == 7:
        parts = [re.sub(rb"^(\s*h=)(.*)$", lambda m: m[1] + b":".join(rng.sample(n := m[2].split(b":"), len(n))), p, flags=re.S)
                 for p in parts]
    else:
        parts = [re.sub(rb"^(\s*h=)(.*)$", lambda m: m[1] + rng.choice([m[2] + b":x-none", m[2] + b":", b"to:" + m[2], b"subject", m[2].upper()]),
                        p, flags=re.S) for p in parts]
    return name + colon + b";".join(parts) + b"\r\n"


def mutate(rng: random.Random, message: bytes) -> bytes:
    fields, body = split(message)
    for _ in range(rng.choice([1, 1, 1, 2])):
        kind = rng.randrange(12)
        at = rng.randrange(len(fields))
        if kind <= 2:
            fields[0] = tags(rng, fields[0])
        elif kind == 3:
            fields[at] = edit(rng, fields[at])
        elif kind == 4:
            fields[at] = fold(rng, fields[at])
        elif kind == 5:
            fields[at] = name_case(rng, fields[at])
        elif kind == 6:
            fields.insert(rng.randrange(len(fields) + 1), fields[at])
        elif kind == 7:
            other = rng.randrange(len(fields))
            fields[at], fields[other] = fields[other], fields[at]
        elif kind == 8:
            body = edit(rng, body)
        elif kind == 9:
            body = body + rng.choice([b"\r\n", b"\r\n\r\n", b" \r\n", b"x", b"x\r\n"])
        elif kind == 10:
            lines = body.split(b"\r\n")
            line = rng.randrange(len(lines))
            lines[line] = rng.choice([lines[line] + b" ", lines[line] + b"\t", b" " + lines[line], lines[line].replace(b" ", b"  ")])
            body = b"\r\n".join(lines)
        else:
            body = body[:-2] if body.endswith(b"\r\n") else body
    return join(fields, body)
