// A shop on Node.js as it was written from PayRequest's guide: fetch, JSON, and the hashes of the guide. Only the base URL is ours. What
// follows "The payer" is the trial of it.
import crypto from "node:crypto";

const base = process.env.SARRAF_URL;
const line = JSON.parse(process.env.SARRAF_LINE);
const token = line.payrequest.token;
const md5 = (text) => crypto.createHash("md5").update(text).digest("hex");

async function payrequest(path, fields) {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, ...fields }),
  });
  const answer = await response.json();
  if (answer.status === "error") throw new Error(answer.error === "unknown" ? answer.realerror : answer.error);
  return answer;
}

const create = (order) => payrequest("/api/create/", order).then((answer) => answer.url);
const status = (id) => payrequest("/api/get/", { id }).then((answer) => answer.status);

// returned is what the shop's response URL makes of its query: the outcome, or null for a query that is not of PayRequest.
function returned(id, query) {
  if (query.get("return_id") !== md5(token + id)) return null;
  return ["success", "failed"].find((outcome) => query.get("response") === md5(outcome + id)) ?? null;
}

// The payer.
async function press(page, action) {
  const response = await fetch(page, { method: "POST", body: new URLSearchParams({ action }), redirect: "manual" });
  return new URL(response.headers.get("location")).searchParams;
}

function check(good, what) {
  if (!good) throw new Error(what);
}

async function refused(promise, error) {
  const message = await promise.then(() => "nothing", (e) => e.message);
  check(message === error, `want ${error}, got ${message}`);
}

async function main() {
  const run = "JS-" + crypto.randomBytes(6).toString("hex");
  for (const [action, outcome] of [["pay:approve", "success"], ["pay:fail", "failed"]]) {
    const id = `${run}-${outcome}`;
    const order = { id, title: "Invoice #15123-14", amount: 12.25, type: "direct", response: "https://payrequest.io/responsehandler" };
    const url = await create(order);
    check(await status(id) === "pending", "not pending at first");
    const query = await press(url, action);
    check(returned(id, query) === outcome, `the payer does not come back with ${outcome}`);
    check(await status(id) === (outcome === "success" ? "paid" : "failed"), `not ${outcome} afterwards`);
    const mac = crypto.createHmac("sha256", line.native.webhook_secret); // what is beyond the guide
    check(query.get("signature") === mac.update(`${outcome}.${id}.12.25`).digest("hex"), "the signature");
    await refused(create(order), "id already exists");
  }
  const url = await create({ title: "Invoice #15123-15", amount: "12,25" });
  check((await (await fetch(url)).text()).includes("12.25"), "the link does not say how much");
  check(await status(url.slice(url.lastIndexOf("/") + 1)) === "pending", "the slug does not stand in for the id");
  await refused(create({ amount: "12,25" }), "notitle");
  await refused(create({ title: "Invoice" }), "noamount");
  await refused(create({ title: "Invoice", amount: "12,2x" }), "notvalidamount");
  await refused(status(undefined), "noid");
  await refused(status(`${run}-none`), "nosuchlink");
  console.log(url);
}

main().catch((error) => {
  console.error("payrequest.mjs:", error);
  process.exit(1);
});
