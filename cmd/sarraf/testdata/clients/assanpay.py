# A shop's AssanPay client, as its guide has them write it. Only the base URL is not AssanPay's.
import json, os, sys, time, urllib.error, urllib.parse, urllib.request

BASE = os.environ["SARRAF_URL"] + "/"
MERCHANT = json.loads(os.environ["SARRAF_LINE"])["assanpay"]["merchant_id"]


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(Stay)


def call(url, data=None, headers={}):
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        answer = opener.open(request, timeout=30)
    except urllib.error.HTTPError as e:
        answer = e
    return answer.status, answer.headers, answer.read()


def check(what, right, seen):
    if not right:
        sys.exit(f"{what}: {seen}")


order = f"py-{os.getpid()}-{time.time_ns()}"
body = {"amount": "10", "order_id": order, "store_name": "Your store", "link": "google.com"}
status, _, text = call(f"{BASE}payment-request/qr/{MERCHANT}", json.dumps(body).encode(), {"Content-Type": "application/json"})
made = json.loads(text)
check("create", status == 200 and made["status"] == "true", made)
data = made["data"]
check("nulls", all(data[k] is None for k in ("description", "dueDate", "provider", "deletedAt")), data)
check("link", data["link"] == "/pay/" + data["id"] and data["userId"].isdigit(), data)
print(data["completeLink"])

status, _, text = call(f"{BASE}payment-request/qr/{MERCHANT}", json.dumps(body).encode(), {"Content-Type": "application/json"})
check("again", status == 200 and json.loads(text) == {"success": "true", "message": "Order Id already exists", "data": {}, "statusCode": "200"}, text)

status, headers, text = call(data["completeLink"], urllib.parse.urlencode({"action": "pay:fail"}).encode())  # the payer's part
query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers.get("Location", "")).query))
check("return", query == {"order_id": order, "transactionId": data["transactionId"], "status": "failed"}, headers.get("Location"))

status, _, text = call(f"{BASE}payment/all-inquiry/{MERCHANT}?" + urllib.parse.urlencode({"transactionId": order}))
standing = json.loads(text)["data"]
check("failed", standing["transactionStaus"] == "Failed" and isinstance(standing["responseDesc"], str), standing)
print(standing["transactionStaus"])
