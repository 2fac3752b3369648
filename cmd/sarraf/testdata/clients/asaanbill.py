# A school's AsaanBill client, as its guide has them write it. Only the base URL is not AsaanBill's.
import datetime, json, os, sys, time, urllib.error, urllib.request

BASE = os.environ["SARRAF_URL"] + "/payment-hub/integration"
LINE = json.loads(os.environ["SARRAF_LINE"])
USERNAME, PASSWORD = LINE["asaanbill"]["username"], LINE["asaanbill"]["password"]


def call(method, url, headers, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json", **headers}, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as e:
        answer = e
    return answer.status, json.loads(answer.read())


def check(what, right, seen):
    if not right:
        sys.exit(f"{what}: {seen}")


status, answer = call("POST", BASE + "/login", {"username": USERNAME}, {"password": "wrong"})
check("wrong password", status == 404 and answer["responseCode"] == 404 and answer["data"] is None, answer)
status, answer = call("POST", BASE + "/login", {"username": USERNAME}, {"password": PASSWORD})
check("login", status == 200 and answer["responseCode"] == 200, answer)
HEADERS = {"x-auth-ph-key": answer["data"]["token"], "channel-id": str(answer["data"]["channel"]["id"]), "username": USERNAME}
check("channel", isinstance(answer["data"]["channel"]["id"], int), answer)

student = f"PY-{time.time_ns()}"
fees = [
    {"title": "Muhammad Mahd Sheikh", "identifier": student + "-1", "amount": "1400", "dueDate": "2925-08-31", "amountAfterDueDate": "14550"},
    {"title": " Bareera Sheikh", "identifier": student + "-2", "amount": "1000", "dueDate": "2925-08-31", "amountAfterDueDate": ""},
]
status, answer = call("POST", BASE + "/add-bulk?contentType=JSON", HEADERS, {"payments": fees})
check("add-bulk", status == 200 and "one or more payments have errors" in answer["responseMessage"], answer)
check("echo", [p["status"] for p in answer["data"]["payments"]] == ["PROCESSED", "amountAfterDueDate cannot be empty or null"], answer)
bulk = answer["data"]["bulkPaymentRequestId"]

payment = None
for _ in range(300):
    status, answer = call("GET", f"{BASE}/bulk-payment-request/{bulk}", HEADERS)
    payment = answer["data"]["payments"]["content"][0]
    if payment["status"] not in ("DRAFT", "IN_PROCESS"):
        break
    time.sleep(0.1)
check("assigned", payment["status"] == "APPROVED" and len(payment["psid"]) == 24 and payment["amount"] == 1400.0, answer)
check("dueDate", datetime.datetime.strptime(payment["dueDate"], "%d-%m-%Y").year == 2925, payment)
print(payment["psid"])

request = urllib.request.Request(  # the payer's part
    os.environ["SARRAF_URL"] + "/v1/sandbox/pay", data=json.dumps({"target": payment["psid"]}).encode(),
    headers={"Authorization": "Bearer " + LINE["native"]["api_key"], "Content-Type": "application/json"},
)
urllib.request.urlopen(request, timeout=30)

status, answer = call("GET", f"{BASE}/search/{payment['psid']}?pageNo=0&pageSize=10", HEADERS)
page = answer["data"]
check("search", status == 200 and page["totalElements"] == 1 and page["isFirst"] is True and page["isLast"] is True, answer)
paid = page["content"][0]
check("paid", paid["status"] == "PROCESSED" and paid["amount"] == "1400" and paid["dueDate"] == "2925-08-31", paid)
check("paidAt", datetime.datetime.strptime(paid["paidAt"], "%I:%M%p %d-%b-%Y").year > 2000, paid)
print(paid["status"])
