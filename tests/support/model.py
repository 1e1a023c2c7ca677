#!/usr/bin/env python3
"""model.py PORT [DELAY_MS]: a model server as teams have them: the standard library, HTTP/1.0, a
connection for each request, no health path. It knows nothing of pithead; the tests of `pithead
init` stand before it."""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model(BaseHTTPRequestHandler):
    delay = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/predict":
            return self.send_error(404)
        try:
            fraud = min(0.99, 0.05 + json.loads(body)["amount"] / 1000)
        except (ValueError, KeyError, TypeError):
            return self.send_error(400, "amount is missing")
        time.sleep(self.delay)
        answer = json.dumps({"prediction": int(fraud > 0.5), "proba": [1 - fraud, fraud],
                             "model": {"name": "fraud", "version": 7}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Model).serve_forever()
