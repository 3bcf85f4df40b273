"""The client's side of the milter protocol, version 6, as far as asking a filter for its header fields takes."""
import socket
import struct

HEADERS_WITH_SPACE = 0x00100000  # SMFIP_HDR_LEADSPC: values keep the space behind the colon
ACTIONS = 0x1FF


class Milter:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.send(b"O", struct.pack(">III", 6, ACTIONS, HEADERS_WITH_SPACE))
        command, data = self.receive()
        assert command == b"O", command
        self.with_space = bool(struct.unpack(">III", data[:12])[2] & HEADERS_WITH_SPACE)

    def send(self, command: bytes, data: bytes = b"") -> None:
        self.socket.sendall(struct.pack(">I", len(data) + 1) + command + data)

    def octets(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            part = self.socket.recv(count - len(out))
            if not part:
                raise ConnectionError("the milter closed")
            out += part
        return out

    def receive(self) -> tuple[bytes, bytes]:
        length = struct.unpack(">I", self.octets(4))[0]
        packet = self.octets(length)
        return packet[:1], packet[1:]

    def ask(self, command: bytes, data: bytes = b"") -> bool:
        """False where it wants to hear no more of this message."""
        self.send(command, data)
        return self.receive()[0] == b"c"

    def message(self, client: str, fields: list[bytes], body: bytes) -> list[tuple[bytes, bytes]]:
        """The fields that it adds, name and value, in the order in which it says them."""
        self.send(b"D", b"Cj\0mx.example.com\0")
        steps = [(b"C", b"client.example\0" + b"4" + struct.pack(">H", 1025) + client.encode() + b"\0"), (b"H", b"client.example\0"),
                 (b"M", b"<alice@example.org>\0"), (b"R", b"<bob@example.net>\0")]
        for field in fields:
            name, _, value = field.removesuffix(b"\r\n").partition(b":")
            if not self.with_space:
                value = value.removeprefix(b" ")
            steps.append((b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0"))
        steps.append((b"N", b""))
        steps += [(b"B", body[at:at + 60000]) for at in range(0, len(body), 60000)]
        for command, data in steps:
            if not self.ask(command, data):
                return []
        self.send(b"E")
        added = []
        while True:
            command, data = self.receive()
            if command in b"hi":
                name, value, *_ = (data[4:] if command == b"i" else data).split(b"\0")
                added.append((name, value))
            elif command in b"carft":
                return added

    def close(self) -> None:
        self.send(b"Q")
        self.socket.close()
