<?php
// A shop's AssanPay client, as its guide has them write it. Only the base URL is not AssanPay's.
$base = getenv('SARRAF_URL') . '/';
$line = json_decode(getenv('SARRAF_LINE'), true);
$merchantId = $line['assanpay']['merchant_id'];

function fail($what, $seen) { fwrite(STDERR, "$what: " . json_encode($seen) . "\n"); exit(1); }

function call($url, $fields = null, $json = true) {
    $ch = curl_init($url);
    curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($ch, CURLOPT_HEADER, true);
    if ($fields !== null) {
        curl_setopt($ch, CURLOPT_POST, true);
        curl_setopt($ch, CURLOPT_POSTFIELDS, $json ? json_encode($fields) : http_build_query($fields));
        if ($json) curl_setopt($ch, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
    }
    $answer = curl_exec($ch);
    if ($answer === false) fail('no answer', curl_error($ch));
    $size = curl_getinfo($ch, CURLINFO_HEADER_SIZE);
    preg_match('/^location: (\S+)/mi', substr($answer, 0, $size), $location);
    return ['code' => curl_getinfo($ch, CURLINFO_HTTP_CODE), 'to' => $location[1] ?? null, 'body' => json_decode(substr($answer, $size), true)];
}

$order = 'php-' . getmypid() . '-' . time();
$request = ['amount' => '10', 'order_id' => $order, 'store_name' => 'Your store', 'link' => 'https://shop.example/thanks'];
$r = call($base . "payment-request/qr/$merchantId", $request);
if ($r['body']['status'] !== 'true') fail('create', $r);
$data = $r['body']['data'];
if ($data['amount'] !== '10' || $data['order_id'] !== $order || $data['provider'] !== null) fail('data', $data);
echo $data['completeLink'], "\n";

$again = call($base . "payment-request/qr/$merchantId", $request, false);
if ($again['body']['message'] !== 'Order Id already exists' || $again['body']['statusCode'] !== '200') fail('again', $again);

$status = call($base . "payment/all-inquiry/$merchantId?transactionId=$order");
if ($status['body']['data']['transactionStaus'] !== 'Pending') fail('pending', $status);

$paid = call($data['completeLink'], ['action' => 'pay:approve'], false); // the payer's part
parse_str(parse_url($paid['to'] ?? '', PHP_URL_QUERY) ?? '', $query);
if (($query['status'] ?? '') !== 'success' || $query['order_id'] !== $order || $query['transactionId'] !== $data['transactionId']) fail('return', $paid);

$status = call($base . "payment/all-inquiry/$merchantId?transactionId=" . $data['transactionId']);
if ($status['body']['data']['transactionStaus'] !== 'Completed' || $status['body']['data']['transactionAmount'] !== '10') fail('completed', $status);
echo $status['body']['data']['transactionStaus'], "\n";

$missing = call($base . "payment/all-inquiry/$merchantId?transactionId=nothing");
if ($missing['body']['data']['errcode'] !== 'validation' || $missing['code'] !== 404) fail('missing', $missing);
