// A cinema's AsaanBill client, as its guide has them write it. Only the base URL is not AsaanBill's.
const base = process.env.SARRAF_URL + "/payment-hub/integration/integration"; // the base URL, and behind it the endpoints as they are printed
const line = JSON.parse(process.env.SARRAF_LINE);
const { username, password } = line.asaanbill;

function check(what, right, seen) {
  if (!right) {
    console.error(what, JSON.stringify(seen));
    process.exit(1);
  }
}

async function call(path, headers, body) {
  const all = { "content-type": "application/json", ...headers };
  const answer = await fetch(base + path, body ? { method: "POST", headers: all, body: JSON.stringify(body) } : { headers: all });
  return { code: answer.status, body: await answer.json() };
}

const login = await call("/login", { username }, { password });
check("login", login.code === 200 && login.body.responseCode === 200, login);
const { token, channel } = login.body.data;
const headers = { "x-auth-ph-key": token, "channel-id": channel.id, username };

const ticket = ` Movie-Ticket-${Date.now()}`;
const made = await call("/add?generationTypes=DQRC", headers, {
  payment: { title: "Star Wars", identifier: ticket, amount: "1500", description: "Star Wars movie ticket", longitude: "72.996636", latitude: "33.646342" },
});
check("add", made.code === 200 && made.body.data.amount === 1500 && made.body.data.dueDate === null, made);
check("identifier", made.body.data.identifier === ticket, made);
check("qr", /^000201010212.*6304[0-9A-F]{4}$/.test(made.body.data.qrString), made);
console.log(made.body.data.qrString);

await fetch(process.env.SARRAF_URL + "/v1/sandbox/pay", { // the payer's part
  method: "POST", headers: { Authorization: `Bearer ${line.native.api_key}`, "Content-Type": "application/json" },
  body: JSON.stringify({ target: made.body.data.psid }),
});
const paid = await call("/payment/" + made.body.data.id, headers);
check("paid", paid.body.data.status === "PROCESSED" && paid.body.data.paymentDetails.length === 1 && paid.body.data.paymentDetails[0].amount === "1500", paid);

const list = await call("/payment?pageSize=1", headers);
check("list", list.body.data.content[0].id === made.body.data.id && list.body.data.totalElements >= 1 && list.body.data.pageNo === 0, list);
const none = await call("/payment/" + "9".repeat(24), headers);
check("missing", none.code === 404 && none.body.responseMessage === "Payment with the provided PSID not found", none);
console.log(paid.body.data.status);
