# A wallet app's DeshiPay client, as its guide has them write it. Only the base URL is not DeshiPay's.
import json, os, sys, urllib.error, urllib.request

BASE = os.environ["SARRAF_URL"] + "/api/v1"
LINE = json.loads(os.environ["SARRAF_LINE"])["deshipay"]
ME, FRIEND, SHOP = LINE["consumers"][0], LINE["consumers"][1], LINE["merchant"]


def call(method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data=data, headers=headers, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as e:
        answer = e
    seen = json.loads(answer.read())
    check("code", seen["code"] == answer.status, seen)
    return seen


def check(what, right, seen):
    if not right:
        sys.exit(f"{what}: {seen}")


def taka(text):
    return round(float(text.removeprefix("৳").replace(",", "")) * 100)


answer = call("GET", "/private/user/profile-qr")
check("no token", answer == {"code": 401, "messages": ["Unauthenticated."], "data": None}, answer)
answer = call("POST", "/auth/signin", {"mobile_number": ME["mobile_number"], "pin": "0000" if ME["pin"] != "0000" else "1111"})
check("wrong pin", answer["code"] == 422 and answer["error_title"] == "E_PIN_ERROR", answer)
me = call("POST", "/auth/signin", ME)["data"]["token"]
friend = call("POST", "/auth/signin", FRIEND)["data"]["token"]

profile = call("GET", "/private/user/profile-qr", token=friend)["data"]
check("profile", profile["user_type"] == "consumer" and profile["mobile_no"] == FRIEND["mobile_number"], profile)
qr = profile["qr_code_text"]
answer = call("POST", "/private/transaction/qr-payment/summary", {"qr_text": qr}, me)
check("form", [p["key"] for p in answer["data"]["params"]] == ["amount", "note"], answer)
check("masked", "*" in answer["data"]["receiver"]["msisdn"], answer)

path = "/private/transaction/qr-payment/confirmation"  # GET, with a body
quote = call("GET", path, {"qr_text": qr, "amount": 11, "note": "Test QR"}, me)["data"]["summary"]
check("quote", (quote["amount"], quote["charge"], quote["total_payable"], quote["card"]) == ("৳11", "৳5", "৳16", None), quote)
answer = call("GET", path, {"qr_text": qr, "amount": 0, "note": ""}, me)
check("too little", answer["messages"] == ["Transaction amount is below than minimum transaction amount limit."], answer)
answer = call("GET", path, {"qr_text": qr, "amount": 11, "pin": "12", "note": "Test execute"}, me)
check("no pin", answer["messages"] == ["The pin must be 4 digits.", "Sorry! PIN does not match."] and answer["error_title"] == "E_PIN_ERROR", answer)

before = taka(call("GET", "/private/user/profile", token=me)["data"]["balance"])
answer = call("GET", path, {"qr_text": qr, "amount": 11, "pin": ME["pin"], "note": "Test execute"}, me)
paid = answer["data"]["summary"]
check("sent", answer["messages"] == ["Send money is successful."] and paid["recipient"]["type"] == "consumer", answer)
check("figures", (paid["amount"], paid["fee"], paid["total_payable"], paid["remarks"]) == ("৳11", "৳5", "৳16", "Test execute"), paid)
check("balance", taka(paid["new_balance"]) == before - 1600, [before, paid])
again = call("GET", path, {"qr_text": qr, "amount": 11, "pin": ME["pin"], "note": "Test execute"}, me)
check("once", again["data"]["summary"]["invoice_id"] == paid["invoice_id"], again)

listed = call("GET", "/private/user/transaction/history?per_page=1", token=me)["data"]["transactions"]
check("history", listed[0]["invoice_id"] == paid["invoice_id"] and listed[0]["total"] == "৳16.00", listed)
print(paid["invoice_id"], paid["new_balance"])
answer = call("POST", "/auth/logout", {}, me)
check("logout", answer["code"] == 200, answer)
answer = call("GET", "/private/user/profile", token=me)
check("signed out", answer["code"] == 401, answer)
