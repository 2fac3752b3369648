"""A service behind `sarraf serve --payout-rail NAME=URL`: what docs/rails.md asks of one, with nothing but Python's own library.

Put the calls of your bank into Bank. Everything else can stay: an order is written down before the bank is called, and called about once.

    RAIL_TOKEN=... RAIL_SECRET=whsec_... python3 rail_service.py 127.0.0.1:9000 orders.db

TLS is the business of a proxy in front; Sarraf calls plain http on its own machine alone.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ["RAIL_TOKEN"]
SECRET = base64.b64decode(os.environ.get("RAIL_SECRET", "").removeprefix("whsec_"))
TOLERANCE = 300  # seconds that the two clocks may differ


class Refused(Exception):
    """The bank said no: no money moved, and none will for this order."""


class Bank:
    """Stands for a bank's own API. Both calls name the order by the same id."""

    def pay(self, order):
        """Moves the money and answers the bank's reference; raises Refused. Any other exception: nobody knows."""
        if order["destination"].endswith("0000"):
            raise Refused("The account is closed.")
        print("moved", order["id"], flush=True)
        return "BANK-" + order["id"]

    def status(self, order_id):
        """What became of it: ("completed", reference), ("rejected", reason), or ("processing", "") when that is not known yet."""
        return "processing", ""


class Journal:
    """The orders that have arrived, each once, kept over restarts."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, body TEXT, status TEXT, reference TEXT, reason TEXT)")

    def begin(self, order):
        """Writes a new order down, durably; False when it has arrived before."""
        with self.lock:
            done = self.db.execute("INSERT INTO orders VALUES (?, ?, 'processing', '', '') ON CONFLICT DO NOTHING", (order["id"], json.dumps(order)))
            return done.rowcount == 1

    def end(self, order_id, status, reference="", reason=""):
        with self.lock:
            self.db.execute("UPDATE orders SET status = ?, reference = ?, reason = ? WHERE id = ?", (status, reference, reason, order_id))

    def answer(self, order_id):
        with self.lock:
            row = self.db.execute("SELECT status, reference, reason FROM orders WHERE id = ?", (order_id,)).fetchone()
        status, reference, reason = row or ("absent", "", "")
        return {"id": order_id, "status": status, "reference": reference, "reason": reason}


class Handler(BaseHTTPRequestHandler):
    journal: Journal
    bank = Bank()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/orders" or not self.known(body):
            return
        order = json.loads(body)
        if self.journal.begin(order):  # before the bank is called: whatever happens now, it is called about this order no more
            try:
                self.journal.end(order["id"], "completed", reference=self.bank.pay(order))
            except Refused as why:
                self.journal.end(order["id"], "rejected", reason=str(why))
            except Exception as err:  # it stays "processing" until the bank's status says more
                print("nobody knows what became of", order["id"], err, file=sys.stderr)
        self.say(200, self.journal.answer(order["id"]))

    def do_GET(self):
        if not self.path.startswith("/orders/") or not self.known(b""):
            return
        answer = self.journal.answer(self.path.removeprefix("/orders/"))
        if answer["status"] == "processing":
            status, text = self.bank.status(answer["id"])
            if status != "processing":
                self.journal.end(answer["id"], status, **{"reference" if status == "completed" else "reason": text})
                answer = self.journal.answer(answer["id"])
        self.say(200, answer)

    def known(self, body):
        """Checks the token, and the signature where there is a secret. 401 promises that nothing was done."""
        good = hmac.compare_digest(self.headers.get("Authorization", "").encode(), b"Bearer " + TOKEN.encode())
        if good and SECRET:
            order_id, at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "0")
            want = base64.b64encode(hmac.digest(SECRET, f"{order_id}.{at}.".encode() + body, hashlib.sha256))
            shown = self.headers.get("webhook-signature", "").encode()
            good = hmac.compare_digest(shown, b"v1," + want) and at.isdigit() and abs(time.time() - int(at)) <= TOLERANCE
        if not good:
            self.say(401, {"error": "the token or the signature is not right"})
        return good

    def say(self, status, answer):
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    Handler.journal = Journal(sys.argv[2])
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print("listening", f"{host}:{server.server_address[1]}", flush=True)
    server.serve_forever()
