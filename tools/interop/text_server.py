"""A name server for TXT records on loopback, over UDP: what programs that insist on DNS are given in interop runs."""
import socket
import struct
import threading


class TextServer:
    """Answers {name: text} until it is closed; other names do not exist."""

    def __init__(self, zone: dict[str, str]):
        self.zone = {name.lower(): text.encode() for name, text in zone.items()}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            try:
                self.socket.sendto(self.answer(query), peer)
            except (OSError, IndexError, UnicodeDecodeError, struct.error):
                continue

    def answer(self, query: bytes) -> bytes:
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii"))
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        text = self.zone.get(".".join(labels).lower())
        records = b""
        if text is not None and kind == 16:
            pieces = b"".join(bytes([len(text[i:i + 255])]) + text[i:i + 255] for i in range(0, len(text), 255))
            records = b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 60, len(pieces)) + pieces
        flags = 0x8580 | (0 if text is not None else 3)
        return query[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0) + question + records

    def close(self):
        self.socket.close()
