<?php
// A shop's AsaanBill client, as its guide has them write it. Only the base URL is not AsaanBill's.
$base = getenv('SARRAF_URL') . '/integration'; // the endpoints as they are printed
$line = json_decode(getenv('SARRAF_LINE'), true);
$user = $line['asaanbill'];

function fail($what, $seen) { fwrite(STDERR, "$what: " . json_encode($seen) . "\n"); exit(1); }

function call($url, $headers, $body = null) {
    $ch = curl_init($url);
    curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($ch, CURLOPT_HTTPHEADER, array_merge(['content-type: application/json'], $headers));
    if ($body !== null) curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode($body));
    $answer = curl_exec($ch);
    return [curl_getinfo($ch, CURLINFO_HTTP_CODE), json_decode($answer, true)];
}

[$code, $in] = call("$base/login", ['username: ' . $user['username']], ['password' => $user['password']]);
if ($code !== 200 || $in['responseCode'] !== 200 || $in['responseMessage'] !== 'Request processed successfully') fail('login', $in);
$headers = ['x-auth-ph-key: ' . $in['data']['token'], 'channel-id: ' . $in['data']['channel']['id'], 'username: ' . $user['username']];
[$code, $again] = call("$base/login", ['username: ' . $user['username']], ['password' => $user['password']]);
if ($again['data']['token'] !== $in['data']['token']) fail('another token', $again);

$payer = 'PHP-' . getmypid() . time();
$bill = ['title' => 'Muhammad Mahd Sheikh', 'identifier' => $payer, 'dueDate' => '2924-03-28', 'amount' => '50', 'amountAfterDueDate' => '55'];
[$code, $made] = call("$base/add?generationTypes=PSID", $headers, ['payment' => $bill]);
$first = $made['data'];
if ($code !== 200 || $first['amount'] !== 50.0 || $first['status'] !== 'APPROVED' || $first['paymentDetails'] !== []) fail('add', $made);
if (strlen($first['psid']) !== 24 || $first['dueDate'] !== '28-03-2924') fail('add', $made);
echo $first['psid'], "\n";

[$code, $made] = call("$base/add", $headers, ['payment' => ['amount' => '60', 'amountAfterDueDate' => '60'] + $bill]); // the amount was wrong
$second = $made['data'];
if ($second['psid'] !== $first['psid'] || $second['id'] === $first['id']) fail('the same PSID', $made);
[$code, $old] = call("$base/payment/" . $first['id'], $headers);
if ($old['data']['status'] !== 'DISCARD' || $old['data']['paidAt'] !== 'N/A') fail('discard', $old);

call(getenv('SARRAF_URL') . '/v1/sandbox/pay', ['Authorization: Bearer ' . $line['native']['api_key']], ['target' => $second['psid']]); // the payer's part
[$code, $paid] = call("$base/payment/" . $second['psid'], $headers);
if ($code !== 200 || $paid['data']['status'] !== 'PROCESSED' || $paid['data']['amount'] !== '60') fail('paid', $paid);
if (!DateTime::createFromFormat('h:iA d-M-Y', $paid['data']['paidAt'])) fail('paidAt', $paid);

[$code, $wrong] = call("$base/add", $headers, ['payment' => ['title' => 'x']]);
if ($code !== 400 || $wrong['responseCode'] !== 400 || $wrong['data'] !== null) fail('nothing to pay', $wrong);
[$code, $wrong] = call("$base/payment", ['x-auth-ph-key: wrong', $headers[1], $headers[2]]);
if ($code !== 401) fail('wrong token', $wrong);
echo $paid['data']['status'], "\n";
