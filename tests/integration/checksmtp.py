"""Mail servers for check.test, each with manners of its own, that count who comes: no TLS, nothing is ever taken."""
import collections
import socket
import threading
import time

POLITE, GREY, LIMITED = ("2a02:25:7::7", "11.25.7.7"), ("2a02:25:8::8", "11.25.8.8"), ("2a02:25:9::9", "11.25.9.9")
# Whoever is connected to from the machine itself is connected to from its own address, so that this names the visitor
PTR = {POLITE[0]: "mx.polite.lab", POLITE[1]: "mx.polite.lab", GREY[0]: "mx.grey.lab", GREY[1]: "mx.grey.lab"}


class Smtp:
    def __init__(self, address, manners="polite"):
        self.address, self.manners = address, manners
        self.visits, self.quits, self.at_once, self.now, self.times = 0, 0, 0, 0, []
        self.seen, self.lock, self.commands = collections.Counter(), threading.Lock(), []
        self.socket = socket.create_server((address, 25), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with self.lock:
            self.visits += 1
            self.now += 1
            self.at_once = max(self.at_once, self.now)
            self.times.append(time.monotonic())
        here = [True]

        def leave():  # before the last word is said: the client may come again as soon as it has heard it
            with self.lock:
                self.now -= 1 if here.pop() else 0
                here.append(False)
        try:
            self.talk(peer, leave)
        except OSError:
            pass
        leave()
        peer.close()

    def talk(self, peer, leave):
        file, sender = peer.makefile("rwb"), ""

        def say(line):
            file.write(line.encode() + b"\r\n")
            file.flush()
        if self.manners == "limited":
            leave()
            return say("421 4.7.0 too many connections from your network, try again later")
        say("220 mx1.good.lab ESMTP")
        for line in file:
            line = line.decode("latin-1").strip()
            self.commands.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                say("250-mx1.good.lab")
                say("250 PIPELINING")
            elif verb == "MAIL":
                sender = line
                say("250 ok")
            elif verb == "RCPT":
                say(self.recipient(sender, line))
            elif verb == "QUIT":
                self.quits += 1
                leave()
                return say("221 bye")
            else:
                say("250 ok" if verb in ("RSET", "NOOP") else "502 no")

    def recipient(self, sender, line):
        self.seen[(sender, line)] += 1
        if self.manners == "grey" and self.seen[(sender, line)] == 1:
            return "451 4.7.1 greylisted, come back in five minutes"
        return "250 ok" if "<postmaster@" in line or "<abuse@" in line else "550 5.1.1 nobody here"

    def stop(self):
        self.socket.close()
