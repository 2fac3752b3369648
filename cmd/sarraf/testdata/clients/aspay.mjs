// A shop's Aspay client, as its guide has them write it. Only the base URL is not Aspay's.
const base = process.env.SARRAF_URL + "/api";
const { api_key: key, api_secret: secret } = JSON.parse(process.env.SARRAF_LINE).aspay;

function check(what, right, seen) {
  if (!right) {
    console.error(what, JSON.stringify(seen));
    process.exit(1);
  }
}

async function call(path, body) {
  const headers = { "x-api-key": key, "x-api-secret": secret, "Content-Type": "application/json" };
  const answer = await fetch(base + path, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  return { code: answer.status, body: await answer.json() };
}

const ref = `J${Date.now()}`; // 20 characters at most
const made = await call("/payment/create", {
  amount: 100, customer_name: "John Doe", transaction_reference: ref, callback_url: "https://shop.example/callback?basket=7",
});
check("create", made.code === 200 && made.body.status === "success", made);
console.log(made.body.payment_url);

const pending = await call("/payment/" + made.body.invoice_id);
check("pending", pending.body.status === "pending" && pending.body.amount_paid === 0 && pending.body.paid_at === null, pending);

const page = await fetch(made.body.payment_url, { method: "POST", body: new URLSearchParams({ action: "cancel" }), redirect: "manual" }); // the payer's part
const back = new URL(page.headers.get("location")).searchParams;
check("return", back.get("basket") === "7" && back.get("status") === "cancel" && back.get("transaction_reference") === ref, String(back));

const standing = await call("/payment/" + ref);
check("cancelled", standing.code === 200 && standing.body.status === "cancelled" && standing.body.amount_paid === 0, standing);
console.log(standing.body.status);

const methods = await call("/payout/methods");
const bkash = methods.body.data.find((m) => m.name === "bKash");
check("methods", methods.code === 200 && methods.body.status === "success" && bkash.type === "mobile_banking" && bkash.currency === "BDT" &&
  Number.isInteger(bkash.id) && bkash.min_amount <= 500 && bkash.max_amount >= 500, methods);
const logo = await fetch(bkash.logo);
check("logo", logo.status === 200 && logo.headers.get("content-type") === "image/svg+xml", bkash.logo);

const asked = await call("/payout/request", {
  payout_method_id: bkash.id, amount: 500, recipient_name: "John Doe", recipient_account: "01712345678", transaction_reference: "W" + ref,
});
check("payout", asked.code === 201 && asked.body.status === "pending" && asked.body.amount === 500 && asked.body.total_amount === 500 + asked.body.fee &&
  asked.body.transaction_reference === "W" + ref, asked);
const out = await call("/payout/" + asked.body.payout_id);
check("payout's status", out.code === 200 && out.body.status === "pending" && out.body.processed_at === null && !isNaN(Date.parse(out.body.created_at)), out);
const again = await call("/payout/request", {
  payout_method_id: bkash.id, amount: 500, recipient_name: "John Doe", recipient_account: "01712345678", transaction_reference: "W" + ref,
});
check("the reference again", again.code === 422 && again.body.errors.transaction_reference.length === 1, again);
console.log(out.body.status);
