"""Mark certificates as BIMI has them: an authority, and certificates with a logo in the extension logotype (RFC 3709), made by openssl."""
import base64
import gzip
import os
import subprocess


def der(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x82, len(body) >> 8, len(body) & 255])
    return bytes([tag]) + length + body


def logotype(svg, kind="image/svg+xml"):
    uri = b"data:image/svg+xml;base64," + base64.b64encode(gzip.compress(svg.encode()))
    hashes = der(0x30, der(0x30, der(0x30, bytes.fromhex("0609608648016503040201")), der(0x04, b"\0" * 32)))
    details = der(0x30, der(0x16, kind.encode()), hashes, der(0x30, der(0x16, uri)))
    return der(0x30, der(0xA2, der(0xA0, der(0x30, der(0x30, details)))))


class Authority:
    def __init__(self, folder, ca, key):
        self.folder, self.ca, self.key, self.count = folder, ca, key, 0

    def issue(self, name, svg, days=200, usage="1.3.6.1.5.5.7.3.31"):
        """The certificate in PEM."""
        self.count += 1
        path = os.path.join(self.folder, f"mark{self.count}")

        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        with open(path + ".ext", "w") as file:
            file.write(f"subjectAltName=DNS:{name}\nextendedKeyUsage={usage}\n1.3.6.1.5.5.7.1.12=DER:{logotype(svg).hex(':')}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key", "-out", path + ".csr", "-subj", "/CN=mark")
        openssl("x509", "-req", "-in", path + ".csr", "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-days", str(days), "-extfile", path + ".ext", "-out", path + ".pem")
        with open(path + ".pem") as file:
            return file.read()
