<?php
// A shop's Aspay client, as its guide has them write it. Only the base URL is not Aspay's.
$base = getenv('SARRAF_URL') . '/api';
$keys = json_decode(getenv('SARRAF_LINE'), true)['aspay'];

function fail($what, $seen) { fwrite(STDERR, "$what: " . json_encode($seen) . "\n"); exit(1); }

function call($url, $keys, $body = null) {
    $ch = curl_init($url);
    curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($ch, CURLOPT_HTTPHEADER, ['x-api-key: ' . $keys['api_key'], 'x-api-secret: ' . $keys['api_secret'], 'Content-Type: application/json']);
    if ($body !== null) curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode($body));
    $answer = curl_exec($ch);
    return [curl_getinfo($ch, CURLINFO_HTTP_CODE), json_decode($answer, true)];
}

$ref = 'P' . getmypid() . time();
[$code, $made] = call("$base/payment/create", $keys, [
    'amount' => 100.5, 'customer_name' => 'John Doe', 'transaction_reference' => $ref, 'callback_url' => 'https://shop.example/callback',
]);
if ($code !== 200 || $made['status'] !== 'success') fail('create', $made);
echo $made['payment_url'], "\n";
[$code, $standing] = call("$base/payment/" . $made['invoice_id'], $keys);
if ($code !== 200 || $standing['status'] !== 'pending' || $standing['amount_paid'] !== 0 || $standing['paid_at'] !== null) fail('pending', $standing);

$ch = curl_init($made['payment_url']); // the payer's part
curl_setopt_array($ch, [CURLOPT_RETURNTRANSFER => true, CURLOPT_POSTFIELDS => 'action=pay%3Aapprove']);
curl_exec($ch);
parse_str(parse_url(curl_getinfo($ch, CURLINFO_REDIRECT_URL), PHP_URL_QUERY), $query);
if ($query['status'] !== 'success' || $query['invoice_id'] !== $made['invoice_id'] || $query['transaction_reference'] !== $ref) fail('return', $query);

[$code, $all] = call("$base/payment/batch/status", $keys, ['ids' => [$ref, 'nothing']]);
if ($all['total_found'] !== 1 || $all['invoices'][0]['status'] !== 'paid' || $all['invoices'][0]['amount_paid'] !== 100.5) fail('batch', $all);
[$code, $wrong] = call("$base/payment/create", ['api_key' => 'x', 'api_secret' => 'y'], []);
if ($code !== 401 || $wrong['message'] !== 'Invalid API credentials') fail('wrong key', $wrong);
echo $all['invoices'][0]['status'], "\n";

[$code, $methods] = call("$base/payout/methods", $keys);
if ($code !== 200 || $methods['status'] !== 'success' || $methods['data'][0]['currency'] !== 'BDT') fail('methods', $methods);
$want = [
    'payout_method_id' => $methods['data'][0]['id'], 'amount' => 250.5, 'recipient_name' => 'John Doe', 'recipient_account' => '01712345678',
    'transaction_reference' => "W$ref", 'description' => 'Winnings', 'callback_url' => 'https://shop.example/payouts',
];
[$code, $out] = call("$base/payout/request", $keys, $want);
if ($code !== 201 || $out['status'] !== 'pending' || $out['amount'] !== 250.5 || $out['total_amount'] !== $out['amount'] + $out['fee']) fail('payout', $out);
[$code, $all] = call("$base/payout/batch/status", $keys, ['ids' => [$out['payout_id'], "W$ref", 'nothing']]);
if ($code !== 200 || $all['total_requested'] !== 3 || $all['total_found'] !== 1 || $all['payouts'][0]['payout_id'] !== $out['payout_id']) fail('payouts', $all);
if ($all['payouts'][0]['status'] !== 'pending' || $all['not_found_ids'] !== ['nothing']) fail('payouts', $all);
[$code, $wrong] = call("$base/payout/request", $keys, ['amount' => 1, 'transaction_reference' => "V$ref"] + $want);
if ($code !== 422 || $wrong['status'] !== 'error' || !isset($wrong['errors']['amount'][0])) fail('too little', $wrong);
echo $all['payouts'][0]['status'], "\n";
