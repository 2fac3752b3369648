# A shop's Aspay client, as its guide has them write it. Only the base URL is not Aspay's.
import json, os, sys, time, urllib.error, urllib.parse, urllib.request

BASE = os.environ["SARRAF_URL"] + "/api"
KEYS = json.loads(os.environ["SARRAF_LINE"])["aspay"]
HEADERS = {"x-api-key": KEYS["api_key"], "x-api-secret": KEYS["api_secret"], "Content-Type": "application/json"}


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(Stay)


def call(url, data=None, headers=HEADERS):
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        answer = opener.open(request, timeout=30)
    except urllib.error.HTTPError as e:
        answer = e
    return answer.status, answer.headers, answer.read()


def check(what, right, seen):
    if not right:
        sys.exit(f"{what}: {seen}")


ref = f"Y{time.time_ns() // 1000}"  # 20 characters at most
body = {"amount": 250.75, "customer_name": "John Doe", "transaction_reference": ref, "callback_url": "https://shop.example/callback"}
status, _, text = call(f"{BASE}/payment/create", json.dumps(body).encode())
made = json.loads(text)
check("create", status == 200 and made["status"] == "success", made)
print(made["payment_url"])

form = urllib.parse.urlencode({"action": "pay:approve"}).encode()
status, headers, _ = call(made["payment_url"], form, {})  # the payer's part
query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers.get("Location", "")).query))
check("return", query == {"status": "success", "invoice_id": made["invoice_id"], "transaction_reference": ref}, headers.get("Location"))

status, _, text = call(f"{BASE}/payment/{ref}")
standing = json.loads(text)
check("paid", status == 200 and standing["status"] == "paid" and standing["amount_paid"] == 250.75, standing)
check("paid at", isinstance(standing["paid_at"], str), standing)
print(standing["status"])

status, _, text = call(f"{BASE}/payment/{ref}", headers={**HEADERS, "x-api-secret": "wrong"})
check("wrong secret", status == 401 and json.loads(text)["message"] == "Invalid API credentials", text)

_, _, text = call(f"{BASE}/payout/methods")
method = json.loads(text)["data"][0]
body = {"payout_method_id": str(method["id"]), "amount": method["min_amount"], "recipient_name": "John Doe", "recipient_account": "01712345678",
        "transaction_reference": f"W{ref}"}
status, _, text = call(f"{BASE}/payout/request", urllib.parse.urlencode(body).encode(), {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"})
made = json.loads(text)
check("payout", status == 201 and made["success"] is True and made["status"] == "pending" and made["amount"] == method["min_amount"], made)
status, _, text = call(f"{BASE}/payout/W{ref}")
out = json.loads(text)
check("payout's status", status == 200 and out["payout_id"] == made["payout_id"] and out["processed_at"] is None, out)
check("payout's figures", out["total_amount"] == out["amount"] + out["fee"] and out["recipient_account"] == "01712345678", out)
status, _, text = call(f"{BASE}/payout/ATPAY1")
check("no payout", status == 404 and json.loads(text) == {"status": "error", "message": "Payout not found"}, text)
print(out["status"])
