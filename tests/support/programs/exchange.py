#!/usr/bin/env python3
"""exchange.py: HTTP exchanges that no gateway may change, for tests: a server of them and a client that
checks them byte by byte.

  exchange.py serve [HOST:]PORT[=NAME[=CERT.pem[=HOST]]]...   a server for each port, until it is ended; TLS with a
    CERT; with a HOST it answers 421 to requests for another;
    one with the NAME breaks ends every other stream too soon
  exchange.py ask KIND HOST:PORT [NAME=VALUE]...  prints one line, exit 0 when all came as it was sent

KIND: sse (events= gap= in ms, accept=1 says so in the request), chunks, large, close (HTTP/1.0 server),
upload (bytes= chunked=1 expect=1), ws (bytes=), old (an HTTP/1.0 client), alive (count= requests on one
connection). The line tells bytes, milliseconds to the first byte, and in all."""
import base64, gzip, hashlib, itertools, os, socket, ssl, sys, threading, time, urllib.parse

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BLOCK = bytes((i * 31 + i // 251) & 255 for i in range(1 << 16))


def pattern(n):
    """n bytes that are the same on both sides."""
    whole, rest = divmod(n, len(BLOCK))
    for _ in range(whole):
        yield BLOCK
    if rest:
        yield BLOCK[:rest]


def pattern_sum(n):
    h = hashlib.sha256()
    for part in pattern(n):
        h.update(part)
    return h.hexdigest()


class Reader:
    """Lines and bytes of a socket."""

    def __init__(self, sock):
        self.sock, self.buf = sock, b""

    def fill(self):
        part = self.sock.recv(1 << 18)
        self.buf += part
        return len(part)

    def head(self):
        while b"\r\n\r\n" not in self.buf:
            if not self.fill():
                return None
        text, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = text.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        return lines[0], fields

    def line(self):
        while b"\r\n" not in self.buf:
            if not self.fill():
                raise EOFError("the stream ended within a line")
        text, self.buf = self.buf.split(b"\r\n", 1)
        return text

    def exactly(self, n):
        while n:
            if not self.buf and not self.fill():
                raise EOFError("the stream ended %d bytes early" % n)
            part, self.buf = self.buf[:n], self.buf[n:]
            n -= len(part)
            yield part

    def chunked(self):
        while True:
            n = int(self.line().split(b";")[0], 16)
            yield from self.exactly(n)
            self.line()
            if n == 0:
                return

    def rest(self):
        yield self.buf
        self.buf = b""
        while self.fill():
            part, self.buf = self.buf, b""
            yield part

    def body(self, fields, is_answer):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return self.chunked()
        if "content-length" in fields:
            return self.exactly(int(fields["content-length"]))
        return self.rest() if is_answer else iter(())


def chunk(part):
    return b"%x\r\n%s\r\n" % (len(part), part)


# -- the server --


def send_json(conn, text, more=""):
    body = text.encode()
    conn.sendall(("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
                  % (more, len(body))).encode() + body)


streams = itertools.count()


def serve_sse(conn, q, name):
    number = next(streams)
    gap, pad = int(q.get("gap", "100")) / 1000, int(q.get("pad", "20"))
    conn.sendall(("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%sTransfer-Encoding: chunked\r\n\r\n"
                  % ("X-Pithead-Score: %s\r\n" % q["score"] if "score" in q else "")).encode())
    for i in range(int(q.get("events", "10"))):
        if i:
            time.sleep(gap)
        conn.sendall(chunk(b"data: %d %s\n\n" % (i, b"x" * pad)))
    if name == "breaks" and number % 2:
        raise EOFError("on purpose")
    conn.sendall(b"0\r\n\r\n")


def serve_bytes(conn, path, q):
    n = int(q.get("bytes", "100000"))
    if path == "/close":  # also the only way to answer an HTTP/1.0 request without a length
        conn.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n")
    elif path == "/large":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n)
    else:
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in pattern(n):
        conn.sendall(chunk(part) if path == "/chunks" else part)
    if path == "/chunks":
        conn.sendall(b"0\r\n\r\n")
    return path != "/close"


def serve_ws(conn, reader, fields):
    key = base64.b64encode(hashlib.sha1(fields["sec-websocket-key"].encode() + GUID).digest()).decode()
    conn.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: %s\r\n\r\n" % key).encode())
    for part in reader.rest():
        if part:
            conn.sendall(part)


def serve_upload(conn, reader, fields):
    h, n = hashlib.sha256(), 0
    if fields.get("expect", "").lower() == "100-continue":
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    for part in reader.body(fields, False):
        h.update(part)
        n += len(part)
    send_json(conn, '{"sha256":"%s","bytes":%d,"probability":0.25}' % (h.hexdigest(), n))


def serve_conn(conn, name, host):
    reader = Reader(conn)
    with conn:
        while True:
            got = reader.head()
            if not got:
                return
            line, fields = got
            if host and fields.get("host") != host:
                conn.sendall(b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            path, _, query = line.split(" ")[1].partition("?")
            q = dict(urllib.parse.parse_qsl(query))
            if path == "/upload":
                serve_upload(conn, reader, fields)
                continue
            for _ in reader.body(fields, False):
                pass
            if path == "/sse":
                serve_sse(conn, q, name)
            elif path == "/gzip":
                body = gzip.compress(b'{"version":"%s","probability":0.25}' % name.encode())
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body) + body)
            elif path == "/ws":
                serve_ws(conn, reader, fields)
                return
            elif path in ("/chunks", "/large", "/close"):
                if line.endswith("/1.0") and path == "/chunks":
                    path = "/close"
                if not serve_bytes(conn, path, q):
                    return
            else:
                more = "X-Pithead-Score: %s\r\n" % q["score"] if "score" in q else ""
                send_json(conn, '{"version":"%s"%s}' % (name, '' if "score" in q else ',"probability":0.25'),
                          more)


def serve_port(word):
    parts = word.split("=")
    host, _, port = parts[0].rpartition(":")
    name = parts[1] if len(parts) > 1 else "x"
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host or "127.0.0.1", int(port)))
    listener.listen(128)
    context = None
    if len(parts) > 2 and parts[2]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(parts[2])

    def talk(conn):
        try:
            if context:
                conn = context.wrap_socket(conn, server_side=True)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve_conn(conn, name, parts[3] if len(parts) > 3 else "")
        except (OSError, EOFError):
            pass

    while True:
        conn, _ = listener.accept()
        threading.Thread(target=talk, args=(conn,), daemon=True).start()


# -- the client --


class Ask:
    def __init__(self, address, opts):
        host, _, port = address.rpartition(":")
        self.sock = socket.create_connection((host, int(port)), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader, self.opts = Reader(self.sock), opts
        self.start, self.first = time.monotonic(), None

    def request(self, method, path, more="", version="1.1"):
        self.sock.sendall(("%s %s HTTP/%s\r\nHost: x\r\n%s\r\n" % (method, path, version, more)).encode())

    def answer(self, want="200"):
        line, self.fields = self.reader.head()
        if self.first is None:
            self.first = time.monotonic()
        if line.split(" ")[1] != want:
            raise ValueError("answered \"%s\"" % line)
        return self.reader.body(self.fields, True)


def check_pattern(parts, n):
    h, got = hashlib.sha256(), 0
    for part in parts:
        h.update(part)
        got += len(part)
    if got != n or h.hexdigest() != pattern_sum(n):
        raise ValueError("%d bytes of %d came, or other ones" % (got, n))
    return got


def ask_bytes(a, kind):
    n = int(a.opts.get("bytes", "100000"))
    a.request("GET", "/%s?bytes=%d" % ("chunks" if kind == "old" else kind, n),
              version="1.0" if kind == "old" else "1.1")
    body = a.answer()
    if kind == "old" and "transfer-encoding" in a.fields:
        raise ValueError("chunks for an HTTP/1.0 client")
    return check_pattern(body, n)


def ask_sse(a, _):
    events, pad = int(a.opts.get("events", "10")), int(a.opts.get("pad", "20"))
    query = "&".join("%s=%s" % (k, v) for k, v in a.opts.items() if k != "accept")
    a.request("GET", "/sse?" + query,
              "Accept: text/event-stream\r\n" if a.opts.get("accept") else "")
    want = b"".join(b"data: %d %s\n\n" % (i, b"x" * pad) for i in range(events))
    got, last, gap_most = b"", time.monotonic(), 0.0
    for part in a.answer():
        now = time.monotonic()
        gap_most, last = max(gap_most, now - last), now
        got += part
    if got != want:
        raise ValueError("%d bytes of %d came, or other ones" % (len(got), len(want)))
    # Held back, several events come at once after a longer wait.
    if gap_most > int(a.opts.get("gap", "100")) / 1000 * 1.5 + 0.3:
        raise ValueError("an event was held back: %.0f ms between two" % (gap_most * 1000))
    return len(got)


def ask_upload(a, _):
    n, chunked = int(a.opts.get("bytes", "100000")), a.opts.get("chunked")
    more = "Transfer-Encoding: chunked\r\n" if chunked else "Content-Length: %d\r\n" % n
    if a.opts.get("expect"):
        more += "Expect: 100-continue\r\n"
    a.request("POST", "/upload", more)
    if a.opts.get("expect"):
        line, _ = a.reader.head()
        if line.split(" ")[1] != "100":
            raise ValueError("no 100 Continue but \"%s\"" % line)
    for part in pattern(n):
        a.sock.sendall(chunk(part) if chunked else part)
    if chunked:
        a.sock.sendall(b"0\r\n\r\n")
    text = b"".join(a.answer()).decode()
    if '"sha256":"%s","bytes":%d' % (pattern_sum(n), n) not in text:
        raise ValueError("the server got other bytes: " + text)
    return n


def send_all(sock, n):
    try:
        for part in pattern(n):
            sock.sendall(part)
    except OSError:
        pass  # what came back tells


def ask_ws(a, _):
    n, pause = int(a.opts.get("bytes", "100000")), int(a.opts.get("pause", "0")) / 1000
    key = base64.b64encode(os.urandom(16)).decode()
    a.request("GET", "/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: %s\r\n" % key)
    a.answer("101")
    want = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    if a.fields.get("sec-websocket-accept") != want:
        raise ValueError("the handshake is another's")
    time.sleep(pause)
    sent = threading.Thread(target=send_all, args=(a.sock, n))
    sent.start()
    check_pattern(a.reader.exactly(n), n)
    sent.join()
    return n


def ask_alive(a, _):
    n = 0
    for i in range(int(a.opts.get("count", "50"))):
        body = b"x" * (i * 97 % 3000)
        a.request("POST", "/upload", "Content-Length: %d\r\n" % len(body))
        a.sock.sendall(body)
        text = b"".join(a.answer()).decode()
        if hashlib.sha256(body).hexdigest() not in text:
            raise ValueError("request %d: the server got other bytes" % i)
        n += len(body)
    return n


KINDS = {"sse": ask_sse, "chunks": ask_bytes, "large": ask_bytes, "close": ask_bytes, "old": ask_bytes,
         "upload": ask_upload, "ws": ask_ws, "alive": ask_alive}


def main(argv):
    if len(argv) > 2 and argv[1] == "serve":
        for word in argv[2:]:
            threading.Thread(target=serve_port, args=(word,), daemon=True).start()
        threading.Event().wait()
    if len(argv) < 4 or argv[1] != "ask" or argv[2] not in KINDS:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        a = Ask(argv[3], dict(word.split("=", 1) for word in argv[4:]))
        n = KINDS[argv[2]](a, argv[2])
    except (OSError, EOFError, ValueError, TypeError) as fault:
        print("%s: %s" % (argv[2], fault))
        return 1
    now = time.monotonic()
    print("%d bytes, %.0f ms to the first, %.0f ms in all"
          % (n, (a.first - a.start) * 1000, (now - a.start) * 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
