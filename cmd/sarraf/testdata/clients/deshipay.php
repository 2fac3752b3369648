<?php
// A wallet app's DeshiPay client, as its guide has them write it. Only the base URL is not DeshiPay's.
$base = getenv('SARRAF_URL') . '/api/v1';
$line = json_decode(getenv('SARRAF_LINE'), true)['deshipay'];
$me = $line['consumers'][1];
$shop = $line['merchant'];

function fail($what, $seen) { fwrite(STDERR, "$what: " . json_encode($seen, JSON_UNESCAPED_UNICODE) . "\n"); exit(1); }

function call($method, $path, $body = null, $token = null) {
    $ch = curl_init($GLOBALS['base'] . $path);
    curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($ch, CURLOPT_CUSTOMREQUEST, $method);
    $headers = ['Content-Type: application/json'];
    if ($token !== null) $headers[] = "Authorization: Bearer $token";
    curl_setopt($ch, CURLOPT_HTTPHEADER, $headers);
    if ($body !== null) curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode($body));
    $answer = json_decode(curl_exec($ch), true);
    if ($answer['code'] !== curl_getinfo($ch, CURLINFO_HTTP_CODE)) fail("$method $path", $answer);
    return $answer;
}

$in = call('POST', '/auth/signin', ['mobile_number' => '0' . substr($me['mobile_number'], 4), 'pin' => $me['pin']]); // as it is dialled
if ($in['code'] !== 200 || $in['data']['user']['mobile_number'] !== $me['mobile_number']) fail('signin', $in);
$token = $in['data']['token'];

$info = call('POST', '/private/transaction/manual-payment/merchant-info', ['receiver_mobile_number' => $shop['mobile_number']], $token);
$merchant = $info['data']['merchant'];
if ($merchant['mobile_number'] !== $shop['mobile_number'] || base64_decode($merchant['qr_code'], true) === false) fail('merchant-info', $info);

$ask = ['receiver_mobile_number' => $shop['mobile_number'], 'amount' => 12.25];
$quote = call('POST', '/private/transaction/manual-payment/summary', $ask, $token);
$summary = $quote['data']['summary'];
if ($summary['amount'] !== '৳12.25' || $summary['charge'] !== '৳0.00' || $summary['total_payable'] !== '৳12.25' || $summary['remarks'] !== '') fail('summary', $quote);

$wrong = call('POST', '/private/transaction/request-money/execute', $ask + ['pin' => 'Test QR'], $token);
if ($wrong['code'] !== 422 || $wrong['messages'] !== ['The pin must be 4 digits.', 'Sorry! PIN does not match.'] || $wrong['error_title'] !== 'E_PIN_ERROR') fail('pin', $wrong);
$paid = call('POST', '/private/transaction/request-money/execute', $ask + ['pin' => $me['pin']], $token);
if ($paid['messages'] !== ['Payment is successful'] || $paid['data']['summary']['recipient']['type'] !== 'merchant') fail('execute', $paid);
$receipt = $paid['data']['summary'];
if (!preg_match('/^[0-9A-Z]{10}$/', $receipt['invoice_id']) || $receipt['fee'] !== '৳0.00') fail('receipt', $paid);
if (!DateTime::createFromFormat('d F, Y h:i A', $receipt['date'] . ' ' . $receipt['time'])) fail('date', $paid);
$again = call('POST', '/private/transaction/manual-payment/execute', $ask + ['pin' => $me['pin']], $token);
if ($again !== $paid) fail('once', $again);

$code = call('POST', '/private/transaction/request-money/execute', ['qr_text' => $merchant['qr_code'], 'amount' => '50', 'pin' => $me['pin']], $token);
if ($code['code'] !== 200 || $code['data']['summary']['amount'] !== '৳50.00') fail('by QR', $code);
$bad = call('POST', '/private/transaction/request-money/execute', ['qr_text' => strrev($merchant['qr_code']), 'amount' => 50, 'pin' => $me['pin']], $token);
if ($bad !== ['code' => 422, 'messages' => ['Invalid QR Code. Please try again'], 'data' => null]) fail('foreign QR', $bad);
echo $receipt['invoice_id'], ' ', $receipt['new_balance'], "\n";
