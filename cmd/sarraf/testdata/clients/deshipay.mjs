// A wallet app's DeshiPay client, as its guide has them write it. Only the base URL is not DeshiPay's.
import { request } from "node:http";

const base = process.env.SARRAF_URL + "/api/v1";
const line = JSON.parse(process.env.SARRAF_LINE).deshipay;
const [, , me] = line.consumers;
let token;

function check(what, right, seen) {
  if (!right) {
    console.error(what, JSON.stringify(seen));
    process.exit(1);
  }
}

// fetch sends no body with GET, which the guide asks for.
function call(method, path, body) {
  return new Promise((done, failed) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
    if (token) headers.Authorization = `Bearer ${token}`;
    const r = request(base + path, { method, headers }, (answer) => {
      let all = "";
      answer.setEncoding("utf8").on("data", (part) => (all += part)).on("end", () => {
        const seen = JSON.parse(all);
        check("code", seen.code === answer.statusCode && Array.isArray(seen.messages), seen);
        done(seen);
      });
    });
    r.on("error", failed);
    r.end(text);
  });
}

const inside = await call("POST", "/auth/signin", me);
check("signin", inside.code === 200 && inside.data.user.user_type === "consumer", inside);
token = inside.data.token;

const info = await call("POST", "/private/transaction/manual-payment/merchant-info", { receiver_mobile_number: line.merchant.mobile_number });
const qr_text = info.data.merchant.qr_code;
const scanned = await call("POST", "/private/transaction/qr-payment/summary", { qr_text });
check("receiver", scanned.data.receiver.user_type === "merchant" && scanned.data.receiver.msisdn === line.merchant.mobile_number, scanned);
check("form", scanned.data.params[0].placeholder === null && scanned.data.params[1].placeholder === "", scanned);

const quoted = await call("GET", "/private/transaction/qr-payment/confirmation", { qr_text, amount: 10.5, note: "Tea" });
check("quote", quoted.data.summary.total_payable === "৳10.50" && quoted.data.summary.charge === "৳0" && !("invoice_id" in quoted.data.summary), quoted);
const paid = await call("POST", "/private/transaction/qr-payment/execute", { qr_text, amount: 10.5, pin: me.pin, note: "Tea" });
check("paid", paid.messages[0] === "Payment is successful" && paid.data.summary.remarks === "Tea" && paid.data.summary.fee === "৳0", paid);
check("balance", /^৳[0-9,]+\.[0-9]{2}$/.test(paid.data.summary.new_balance), paid);
const again = await call("POST", "/private/transaction/qr-payment/execute", { qr_text, amount: 10.5, pin: me.pin, note: "Tea" });
check("once", JSON.stringify(again) === JSON.stringify(paid), again);

const much = await call("POST", "/private/transaction/qr-payment/confirmation", { qr_text, amount: "50000.01" });
check("too much", much.code === 422 && much.messages.length === 1 && much.data === null && !("error_title" in much), much);
const limits = await call("GET", "/private/user/transactional-limits");
check("limits", limits.data.limits.some((l) => l.type === "payment" && l.maximum_amount === "৳50,000.00"), limits);
const missing = await call("POST", "/private/transaction/qr-payment/execute", {});
check("missing", missing.messages.join(" ") === "The qr text field is required. The amount field is required.", missing);
console.log(paid.data.summary.invoice_id, paid.data.summary.new_balance);
