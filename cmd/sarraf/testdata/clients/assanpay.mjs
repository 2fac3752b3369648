// A shop's AssanPay client, as its guide has them write it. Only the base URL is not AssanPay's.
const base = process.env.SARRAF_URL + "/";
const { merchant_id: merchantId, api_key: key } = JSON.parse(process.env.SARRAF_LINE).assanpay;

function check(what, right, seen) {
  if (!right) {
    console.error(what, JSON.stringify(seen));
    process.exit(1);
  }
}

const headers = { "Content-Type": "application/json", Authorization: "Bearer " + key };
const create = async (body) => (await fetch(`${base}payment-request/qr/${merchantId}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
const inquire = async (id) => (await fetch(`${base}payment/all-inquiry/${merchantId}?transactionId=${id}`, { headers })).json();

const order = `js-${process.pid}-${Date.now()}`;
const made = await create({ amount: 10.5, order_id: order, store_name: "Your store", link: "shop.example" });
check("create", made.status === "true" && made.message === "Payment request created successfully", made);
check("amount", made.data.amount === "10.50" && made.data.merchant_transaction_id === order, made.data);
console.log(made.data.completeLink);

const again = await create({ amount: 10.5, order_id: order, store_name: "Your store" });
check("again", again.success === "true" && Object.keys(again.data).length === 0, again);
const bad = await create({ order_id: order + "x", store_name: "Your store" });
check("bad", bad.statusText === "error" && bad.status === 400 && bad.message.includes("Argument `amount` is missing."), bad);

check("pending", (await inquire(order)).data.transactionStaus === "Pending", order);
const page = await fetch(made.data.completeLink, { method: "POST", body: new URLSearchParams({ action: "pay:approve" }), redirect: "manual" }); // the payer's part
const back = new URL(page.headers.get("location"));
check("return", back.host === "shop.example" && back.searchParams.get("status") === "success" && back.searchParams.get("order_id") === order, String(back));
const done = await inquire(made.data.transactionId);
check("completed", done.status === "true" && done.data.transactionStaus === "Completed" && done.data.responseDesc === null, done);
console.log(done.data.transactionStaus);
