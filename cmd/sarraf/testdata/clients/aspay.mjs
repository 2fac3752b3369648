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
