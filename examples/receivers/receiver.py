"""A receiver of notifications. Run: SIGNATURE_KEY=secret python3 receiver.py"""
import base64
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = os.environb.get(b"SIGNATURE_KEY") or sys.exit("set SIGNATURE_KEY to event.notification.signature.key")
SEEN = set()  # keep it where your data is, so that it outlives the process


def signed(body, header):
    digest = hmac.new(KEY, body, hashlib.sha256).digest()
    return hmac.compare_digest(b"sha256=" + base64.b64encode(digest), header.encode())


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        # The raw bytes: parsed and printed again they would not match.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not signed(body, self.headers.get("Elements-Webhook-Signature", "")):
            return self.answer(401)
        ids = self.headers["Pollinator-Event-Ids"].split(",")
        for event_id, event in zip(ids, json.loads(body)["message"]["events"]):
            if event_id not in SEEN:  # else a repeat
                print(event_id, event["eventType"], event["objectType"], event["objectId"], flush=True)
                SEEN.add(event_id)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()


server = HTTPServer(("", int(os.environ.get("PORT", 8080))), Receiver)
print("listening on", server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
