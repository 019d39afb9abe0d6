"""Serves frames of Binance's aggregate trades over a WebSocket as fast as they are read. Usage: frames.py COUNT; prints its port."""

import base64
import hashlib
import random
import re
import socket
import sys

BEGIN_MS = 1_750_000_020_000
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frames(count):
    """All frames in one piece: a text frame each, shorter than 64 KiB."""
    dice, out, at = random.Random(1), bytearray(), BEGIN_MS
    for number in range(count):
        at += dice.choice((0, 0, 1, 20, 700, 2_345)) if number % 6 == 0 else 0
        price, amount = 60_000 + dice.randrange(100_000) / 100, (1 + dice.randrange(99_999)) / 1e5
        text = (f'{{"e":"aggTrade","E":{at},"s":"BTCUSDT","a":{3_735_683_000 + number},"p":"{price:.8f}","q":"{amount:.8f}",'
                f'"f":{number},"l":{number},"T":{at},"m":{"true" if dice.random() < 0.5 else "false"},"M":true}}').encode()
        out += bytes((0x81, 126)) + len(text).to_bytes(2, "big") + text
    return bytes(out)


def main():
    sent = frames(int(sys.argv[1]))
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        client, _ = server.accept()
        with client:
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += client.recv(4_096)
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", asked).group(1).decode()
            accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
            client.sendall(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            try:
                client.sendall(sent)
                while client.recv(4_096):
                    pass
            except OSError:
                pass


if __name__ == "__main__":
    main()
