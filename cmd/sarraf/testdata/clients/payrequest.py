"""A shop in Python as it was written from PayRequest's guide: the standard library, JSON, and the hashes of the guide. Only the base URL
is ours. What follows "The payer" is the trial of it."""
import decimal
import hashlib
import hmac
import json
import os
import secrets
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ["SARRAF_URL"]
LINE = json.loads(os.environ["SARRAF_LINE"])
TOKEN = LINE["payrequest"]["token"]


class PayRequestError(Exception):
    pass


def payrequest(path, **fields):
    body = json.dumps({"token": TOKEN, **fields}).encode()
    # urllib says application/x-www-form-urlencoded unless it is told otherwise, and this shop never did.
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data=body), timeout=30) as answer:
        answer = json.load(answer)
    if answer["status"] == "error":
        raise PayRequestError(answer["error"] if answer["error"] != "unknown" else answer["realerror"])
    return answer


def create(order_id, total, **more):
    amount = f"{total:.2f}".replace(".", ",")
    return payrequest("/api/create/", id=order_id, title="Invoice #15123-14", amount=amount, **more)["url"]


def status(order_id):
    return payrequest("/api/get/", id=order_id)["status"]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def returned(order_id, query):
    """What the shop's response URL makes of its query: the outcome, or None for a query that is not of PayRequest."""
    if query.get("return_id") != md5(f"{TOKEN}{order_id}"):
        return None
    return next((s for s in ("success", "failed") if query.get("response") == md5(f"{s}{order_id}")), None)


# The payer.
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def press(page, action):
    data = urllib.parse.urlencode({"action": action}).encode()
    try:
        urllib.request.build_opener(Stay).open(page, data, timeout=30)
    except urllib.error.HTTPError as answer:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["Location"]).query))
    return {}


def check(good, what):
    if not good:
        raise SystemExit(f"payrequest.py: {what}")


def refused(error, call, *args, **more):
    try:
        call(*args, **more)
    except PayRequestError as e:
        check(str(e) == error, f"want {error}, got {e}")
    else:
        check(False, f"want {error}, got nothing")


run = int.from_bytes(secrets.token_bytes(6), "big")  # this shop's ids are numbers
for n, (action, outcome) in enumerate([("pay:approve", "success"), ("cancel", "failed")]):
    order = run * 10 + n
    url = create(order, decimal.Decimal("1234.50"), type="direct", response="https://payrequest.io/responsehandler")
    check(status(order) == "pending", "not pending at first")
    query = press(url, action)
    check(returned(order, query) == outcome, f"the payer does not come back with {outcome}: {query}")
    check(status(order) == {"success": "paid", "failed": "failed"}[outcome], f"not {outcome} afterwards")
    message = f"{outcome}.{order}.1234.50".encode()  # what is beyond the guide
    signature = hmac.new(LINE["native"]["webhook_secret"].encode(), message, hashlib.sha256).hexdigest()
    check(hmac.compare_digest(signature, query.get("signature", "")), "the signature")
    refused("id already exists", create, order, 1)
link = create(run * 10 + 2, 12, description="Two books\nand a map")
with urllib.request.urlopen(link, timeout=30) as page:
    check("12.00" in page.read().decode(), "the link does not say how much")
refused("notvalidamount", payrequest, "/api/create/", title="Invoice", amount="1.234")
refused("nosuchlink", status, run * 10 + 9)
print(link)
