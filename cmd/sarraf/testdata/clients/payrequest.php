<?php
// A shop in PHP as it was written from PayRequest's guide, for PHP 5.6 and later: curl, a form, and the hashes of the guide. Only the base
// URL is ours. What follows "The payer" is the trial of it.

function payrequest($path, array $fields)
{
    $curl = curl_init(getenv('SARRAF_URL') . $path);
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => http_build_query($fields),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
    ]);
    $answer = json_decode(curl_exec($curl), true);
    curl_close($curl);
    return $answer;
}

function create($token, array $order)
{
    $answer = payrequest('/api/create/', [
        'token' => $token,
        'id' => $order['id'],
        'title' => 'Invoice #' . $order['number'],
        'amount' => number_format($order['total'], 2, ',', '.'),
        'name' => $order['name'],
        'type' => $order['type'],
        'response' => 'https://payrequest.io/responsehandler?order=' . $order['number'],
    ]);
    if ($answer['status'] !== 'success') {
        throw new Exception($answer['error'] === 'unknown' ? $answer['realerror'] : $answer['error']);
    }
    return $answer['url'];
}

function isPaid($token, $id)
{
    $answer = payrequest('/api/get/', ['token' => $token, 'id' => $id]);
    return $answer['status'] === 'paid';
}

// returned is what the shop's response URL makes of its query: the outcome, or null for a query that is not of PayRequest.
function returned($token, $id, array $get)
{
    if ($get['return_id'] !== md5($token . $id)) {
        return null;
    }
    foreach (['success', 'failed'] as $status) {
        if ($get['response'] === md5($status . $id)) {
            return $status;
        }
    }
    return null;
}

// The payer.
function press($page, $action)
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/x-www-form-urlencoded',
        'content' => http_build_query(['action' => $action]),
        'follow_location' => 0,
        'ignore_errors' => true,
    ]]);
    file_get_contents($page, false, $context);
    foreach ($http_response_header as $line) {
        if (stripos($line, 'Location: ') === 0) {
            parse_str(parse_url(substr($line, 10), PHP_URL_QUERY), $get);
            return $get;
        }
    }
    return [];
}

function check($good, $what)
{
    if (!$good) {
        fwrite(STDERR, "payrequest.php: $what\n");
        exit(1);
    }
}

$line = json_decode(getenv('SARRAF_LINE'), true);
$token = $line['payrequest']['token'];
$run = 'PHP-' . bin2hex(openssl_random_pseudo_bytes(6));

foreach (['pay:approve' => 'success', 'cancel' => 'failed'] as $action => $outcome) {
    $id = "$run-$outcome";
    $order = ['id' => $id, 'number' => 1512314, 'total' => 1234.5, 'name' => 'Jan de Vries', 'type' => 'direct'];
    $url = create($token, $order);
    check(!isPaid($token, $id), 'paid before it was');
    $get = press($url, $action);
    check(isset($get['order']) && $get['order'] === '1512314', 'the shop has lost its own parameter');
    check(returned($token, $id, $get) === $outcome, "the payer does not come back with $outcome");
    check(isPaid($token, $id) === ($outcome === 'success'), "not $outcome afterwards");
    $secret = $line['native']['webhook_secret']; // what is beyond the guide
    check(hash_equals(hash_hmac('sha256', "$outcome.$id.1234.50", $secret), $get['signature']), 'the signature');
    try {
        create($token, $order);
        check(false, 'the id was taken twice');
    } catch (Exception $e) {
        check($e->getMessage() === 'id already exists', $e->getMessage());
    }
}

$url = create($token, ['id' => "$run-link", 'number' => 1, 'total' => 0.29, 'name' => '', 'type' => 'link']);
check(strpos(file_get_contents($url), '0.29') !== false, 'the link does not say how much');
try {
    create('spJA4nChfSPDRSkD-Znb6iw-2WGkDR37GyxZ-GZomUo', $order);
    check(false, 'a made-up token');
} catch (Exception $e) {
    check($e->getMessage() === 'novalidtoken', $e->getMessage());
}
echo $url, "\n";
