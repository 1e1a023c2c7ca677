#!/usr/bin/env python3
"""shapes.py PORT TLS_PORT CERT: one model, whose answers have another shape for each path: how
servers that exist answer, and how they fail. For the tests of `pithead init`."""
import gzip
import json
import ssl
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COLUMNS = {"model_name": "iris", "outputs": [
    {"name": "probabilities", "shape": [1, 3], "datatype": "FP32", "data": [0.2, 0.3, 0.5]}]}
# path: body, headers
SHAPES = {
    "/v2/models/iris/infer": (json.dumps(COLUMNS).encode(), {}),
    "/serving": (b'{"predictions": [[0.1, 0.9]]}', {}),
    "/nested": (b'{"result": {"risk": {"score": 0.31, "band": "low"}}, "took_ms": 2.5}', {}),
    "/plain": (b"0.73\n", {"Content-Type": "text/plain"}),
    "/gzip": (gzip.compress(b'{"score": 0.2}'), {"Content-Encoding": "gzip"}),
    "/deflate": (zlib.compress(b'{"score": 0.2}'), {"Content-Encoding": "deflate"}),
    "/html": (b"<html>hello</html>", {"Content-Type": "text/html"}),
    "/header": (b'{"label": "cat"}', {"X-Pithead-Score": "0.25"}),
    "/text": (b'{"label": "cat"}', {}),
    "/csv": (b"0.4,0.6\n", {"Content-Type": "text/csv"}),
    "/empty": (b"", {}),
    "/v7/fraud/score": (b'{"score": 0.2}', {}),
}


class Shapes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path in ("/v2/models/iris/ready", "/v7/health") else 404, b"{}", {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/drop":
            self.close_connection = True
        elif self.path == "/moved":
            self.answer(307, b"", {"Location": "/plain"})
        elif self.path == "/broken":
            self.answer(500, b'{"detail": "no model"}', {})
        elif self.path == "/close":  # the body ends where the connection does
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b'{"probability": 0.4}')
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b'14\r\n{"probability": 0.4}\r\n0\r\n\r\n')
        else:
            self.answer(200, *SHAPES[self.path])

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


plain = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shapes)
secure = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Shapes)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3])
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=secure.serve_forever, daemon=True).start()
plain.serve_forever()
