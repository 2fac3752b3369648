// Checks receipts without a network and without anything of the browser's own cryptography, which some browsers do not give to a file.
// docs/receipts.md tells the form of a text; SHA-512 is of FIPS 180-4, Ed25519 of RFC 8032. It has no secrets to keep, so that it need
// not take the same time for everything.
"use strict";
(() => {
  const at = id => document.getElementById(id);
  const mask64 = (1n << 64n) - 1n;

  // The whole part of the k-th root, by Newton's method from above.
  const root = (n, k) => {
    let x = 1n << BigInt(Math.ceil(n.toString(2).length / k));
    for (;;) {
      const y = (BigInt(k - 1) * x + n / x ** BigInt(k - 1)) / BigInt(k);
      if (y >= x) return x;
      x = y;
    }
  };

  const primes = [];
  for (let n = 2; primes.length < 80; n++) if (primes.every(p => n % p)) primes.push(n);
  const start = primes.slice(0, 8).map(p => root(BigInt(p) << 128n, 2) & mask64);
  const rounds = primes.map(p => root(BigInt(p) << 192n, 3) & mask64);

  const turn = (x, n) => (x >> n) | (x << (64n - n)) & mask64;

  const sha512 = bytes => {
    const padded = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
    const h = start.slice();
    for (let block = 0; block < padded.length; block += 128) {
      const w = [];
      for (let i = 0; i < 80; i++) {
        if (i < 16) {
          w.push(view.getBigUint64(block + 8 * i));
          continue;
        }
        const a = w[i - 15], b = w[i - 2];
        w.push((w[i - 16] + w[i - 7] + (turn(a, 1n) ^ turn(a, 8n) ^ a >> 7n) + (turn(b, 19n) ^ turn(b, 61n) ^ b >> 6n)) & mask64);
      }
      let [a, b, c, d, e, f, g, k] = h;
      for (let i = 0; i < 80; i++) {
        const one = k + (turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n)) + (e & f ^ ~e & mask64 & g) + rounds[i] + w[i];
        const two = (turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n)) + (a & b ^ a & c ^ b & c);
        [k, g, f, e, d, c, b, a] = [g, f, e, d + one & mask64, c, b, a, one + two & mask64];
      }
      [a, b, c, d, e, f, g, k].forEach((v, i) => { h[i] = h[i] + v & mask64; });
    }
    const out = new DataView(new ArrayBuffer(64));
    h.forEach((v, i) => out.setBigUint64(8 * i, v));
    return new Uint8Array(out.buffer);
  };

  // The curve -x² + y² = 1 + dx²y² over the field of P, in extended coordinates.
  const P = (1n << 255n) - 19n;
  const L = (1n << 252n) + 27742317777372353535851937790883648493n;
  const mod = x => { const r = x % P; return r < 0n ? r + P : r; };
  const power = (base, e) => {
    let r = 1n;
    for (let b = mod(base); e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) r = mod(r * b);
    return r;
  };
  const inverse = x => power(x, P - 2n);
  const D = mod(-121665n * inverse(121666n));
  const rootOfMinusOne = power(2n, (P - 1n) / 4n);

  const add = ([x, y, z, t], [u, v, w, s]) => {
    const a = mod((y - x) * (v - u)), b = mod((y + x) * (v + u)), c = mod(2n * t * s * D), d = mod(2n * z * w);
    const e = b - a, f = d - c, g = d + c, h = b + a;
    return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
  };
  const times = (n, point) => {
    let r = [0n, 1n, 1n, 0n];
    for (let p = point; n > 0n; n >>= 1n, p = add(p, p)) if (n & 1n) r = add(r, p);
    return r;
  };

  const little = bytes => bytes.reduceRight((n, b) => n << 8n | BigInt(b), 0n);

  // The point of 32 bytes, null for none.
  const point = bytes => {
    const all = little(bytes), y = mod(all & (1n << 255n) - 1n), u = mod(y * y - 1n), v = mod(D * y * y + 1n);
    let x = mod(u * v ** 3n * power(u * v ** 7n, (P - 5n) / 8n));
    if (mod(v * x * x) !== u) x = mod(x * rootOfMinusOne);
    if (mod(v * x * x) !== u) return null;
    if ((x & 1n) !== all >> 255n) x = mod(-x);
    return [x, y, 1n, mod(x * y)];
  };
  const bytesOf = ([x, y, z]) => {
    const i = inverse(z);
    let n = mod(y * i) | (mod(x * i) & 1n) << 255n;
    return Uint8Array.from({length: 32}, () => { const b = Number(n & 255n); n >>= 8n; return b; });
  };

  const unhex = text => Uint8Array.from(text.match(/../g), h => parseInt(h, 16));
  const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, "0")).join("");
  const joined = (...parts) => Uint8Array.from(parts.flatMap(p => Array.from(p)));
  const equal = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);

  const base = point(unhex("58" + "66".repeat(31)));

  const verify = (key, message, signature) => {
    const a = point(key), s = little(signature.slice(32)), r = signature.slice(0, 32);
    if (!a || signature.length !== 64 || s >= L) return false;
    const k = little(sha512(joined(r, key, message))) % L;
    const back = [mod(-a[0]), a[1], a[2], mod(-a[3])];
    return equal(bytesOf(add(times(s, base), times(k, back))), r);
  };

  // The published examples must come out right, and an altered one wrong, before this page says anything of a receipt.
  const works = () => {
    const key = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const signature = unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    const altered = signature.slice();
    altered[40] ^= 1;
    return hex(sha512(new TextEncoder().encode("abc"))).startsWith("ddaf35a193617abacc417349ae204131") &&
      verify(key, unhex("72"), signature) === true && verify(key, unhex("73"), signature) === false &&
      verify(key, unhex("72"), altered) === false;
  };

  // A text that is none, or not in its one form.
  class Malformed extends Error {}
  const must = ok => { if (!ok) throw new Malformed(); };

  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const decode = text => {
    must(text.length <= 4096);
    text = text.replace(/[ \t-\r]/g, "").replace(/[a-z]/g, c => c.toUpperCase());
    must(/^SR1:[A-Z2-7]*$/.test(text));
    const out = [];
    let bits = 0, n = 0;
    for (const c of text.slice(4)) {
      n = n << 5 | letters.indexOf(c);
      if ((bits += 5) >= 8) out.push(n >> (bits -= 8));
      n &= (1 << bits) - 1;
    }
    must(bits < 5 && n === 0 && out.length > 64);
    return Uint8Array.from(out);
  };

  const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
  const kinds = [, "Send money", "Payment", "Top-up", "Refund"];
  const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

  const parse = body => {
    let rest = body;
    const take = n => {
      must(rest.length >= n);
      const b = rest.slice(0, n);
      rest = rest.slice(n);
      return b;
    };
    const number = most => {
      let v = 0n;
      for (let i = 0n; ; i++) {
        const b = BigInt(take(1)[0]);
        v |= (b & 127n) << 7n * i;
        must(v <= most && i < 10n && !(b === 0n && i > 0n));
        if (b < 128n) return v;
      }
    };
    const utf8 = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true});
    const said = most => {
      const b = take(Number(number(most)));
      let s;
      try { s = utf8.decode(b); } catch { throw new Malformed(); }
      must(!unprintable.test(s));
      return s;
    };
    const ascii = n => String.fromCharCode(...take(n));
    const most = (1n << 63n) - 1n;
    const flags = take(1)[0], id = hex(take(4)), receipt = ascii(10), currency = ascii(3), decimals = take(1)[0];
    const seconds = Number(number(253402300799n)), offset = Number(number(2160n)) - 1080;
    const amount = number(most), fee = number(most - amount);
    const from = [said(96n), said(24n)], to = [said(96n), said(24n)], note = said(120n);
    const kind = kinds[flags & 127];
    must(rest.length === 0 && /^[0-9A-Z]{10}$/.test(receipt) && /^[A-Z]{3}$/.test(currency) && decimals <= 4 && amount > 0n && kind);

    const two = n => String(n).padStart(2, "0");
    const t = new Date((seconds + offset * 60) * 1000), east = Math.abs(offset);
    const date = t.getUTCDate() + " " + months[t.getUTCMonth()] + " " + String(t.getUTCFullYear()).padStart(4, "0") + ", " +
      ((t.getUTCHours() + 11) % 12 + 1) + ":" + two(t.getUTCMinutes()) + ":" + two(t.getUTCSeconds()) + (t.getUTCHours() < 12 ? " AM" : " PM") +
      " (UTC" + (offset < 0 ? "-" : "+") + two(Math.floor(east / 60)) + ":" + two(east % 60) + ")";
    const units = n => {
      const s = n.toString().padStart(decimals + 1, "0"), point = s.length - decimals;
      return (decimals ? s.slice(0, point) + "." + s.slice(point) : s) + " " + currency;
    };
    const party = p => p.filter(Boolean).join(", ");
    const rows = [
      ["Mode", flags & 128 ? "test: no real money moved" : ""], ["Receipt", receipt], ["Kind", kind], ["Date", date], ["From", party(from)],
      ["To", party(to)], ["Amount", units(amount)], ["Fee", units(fee)], ["Total", units(amount + fee)], ["Note", note],
    ];
    return {id, test: (flags & 128) !== 0, rows: rows.filter(r => r[1])};
  };

  const keysOf = text => {
    const keys = [];
    for (const line of text.split("\n")) {
      const words = line.split(/[ \t\r]+/).filter(Boolean);
      if (!words.length || words[0].startsWith("#")) continue;
      const last = words[words.length - 1];
      if (words.length > 2 || !/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(last)) return null;
      const key = Uint8Array.from(atob(last), c => c.charCodeAt(0)), id = hex(sha512(key).slice(0, 4));
      if (words.length === 2 && words[0] !== id) return null;
      keys.push({key, id});
    }
    return keys;
  };

  // What is to be said of a text: {state: "valid" | "test" | "wrong" | "unknown", head, body, rows}.
  const judge = (text, keyLines) => {
    const wrong = body => ({state: "wrong", head: "Not valid", body, rows: []});
    if (!text.trim()) return {state: "unknown", head: "Nothing to check", body: "Put in the text of a receipt's code.", rows: []};
    const keys = keysOf(keyLines);
    if (!keys || !keys.length) {
      return {state: "unknown", head: "Not checked", body: "The keys cannot be read. Put in the house's public keys, one a line.", rows: []};
    }
    let raw, said;
    try {
      raw = decode(text);
      said = parse(raw.slice(0, -64));
    } catch (e) {
      if (!(e instanceof Malformed)) throw e;
      return wrong("This is no receipt's text, or not the whole of it, or it was damaged.");
    }
    const message = joined(new TextEncoder().encode("sarraf receipt 1\0"), raw.slice(0, -64)), signature = raw.slice(-64);
    const named = keys.filter(k => k.id === said.id);
    if (named.some(k => verify(k.key, message, signature) === true)) {
      const rows = said.rows.concat([["Key", said.id]]);
      if (said.test) return {state: "test", head: "A test receipt", body: "The house signed it while playing: no real money moved.", rows};
      return {state: "valid", head: "Valid", body: "The house signed this receipt, word for word. Compare it with what you were shown.", rows};
    }
    if (named.length) return wrong("The signature does not fit: the receipt was altered, or somebody else made it.");
    return {
      state: "unknown", head: "Not confirmed", rows: [],
      body: "It names the key " + said.id + ", which is not among the trusted keys: it is from elsewhere, or the house has changed its key.",
    };
  };

  const result = at("result"), button = at("check");
  const show = v => {
    const head = document.createElement("h2"), body = document.createElement("p");
    head.textContent = v.head;
    body.textContent = v.body;
    result.className = "result is-" + v.state;
    result.replaceChildren(head, body);
    if (!v.rows.length) return;
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [name, value] of v.rows) {
      const row = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd"), bdi = document.createElement("bdi");
      dt.textContent = name;
      bdi.textContent = value;
      dd.append(bdi);
      row.append(dt, dd);
      list.append(row);
    }
    result.append(list);
  };
  const cannot = () => {
    button.disabled = true;
    button.textContent = "This browser cannot check receipts";
    show({state: "unknown", head: "Not checked", body: "This browser cannot do the arithmetic. Nothing was checked: try another one.", rows: []});
  };
  const check = () => {
    try {
      show(judge(at("text").value, at("keys").value));
    } catch {
      cannot();
    }
  };
  const clear = () => show({state: "none", head: "Not checked yet", body: "Nothing has been checked since the text or the keys were changed.", rows: []});

  let ready = false;
  try { ready = works() === true; } catch { ready = false; }
  if (!ready) {
    cannot();
    return;
  }
  button.disabled = false;
  button.textContent = "Check";
  button.addEventListener("click", check);
  at("text").addEventListener("input", clear);
  at("keys").addEventListener("input", clear);
  if (location.protocol === "file:") at("save").hidden = true;
  const fromLink = () => { // a text has nothing in it that a link must escape
    if (location.hash.length < 2) return;
    at("text").value = location.hash.slice(1);
    check();
  };
  window.addEventListener("hashchange", fromLink);
  fromLink();
})();
