package main

import (
	"net/http"
	"testing"

	"sarraf/internal/hostile"
)

// What each gateway's page documents has its shape, and what no client of it could read has not.
func TestShapesTellAnAnswerOfTheirDoor(t *testing.T) {
	const html, text, js, problem = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json", "application/problem+json"
	for _, c := range []struct {
		door   string
		status int
		kind   string
		body   string
		taken  bool
		right  bool
	}{
		{"aspay", 401, js, `{"status":"error","message":"Invalid API credentials"}`, false, true},
		{"aspay", 422, js, `{"status":"error","message":"A","errors":{"amount":["A"]}}`, false, true},
		{"aspay", 422, js, `{"status":"error","message":"A"}`, false, false},
		{"aspay", 400, js, `{"status":"error","message":"A","errors":{"amount":["A"]}}`, false, false},
		{"aspay", 404, js, `{"status":"error","message":"A","trace":"x"}`, false, false},
		{"aspay", 200, js, `{"status":"error","message":"A"}`, false, false},
		{"aspay", 404, text, `Not Found`, false, false},
		{"assanpay", 200, js, `{"success":"true","message":"Order Id already exists","data":{},"statusCode":"200"}`, false, true},
		{"assanpay", 400, js, `{"statusText":"error","status":400,"message":"Argument amount is missing."}`, false, true},
		{"assanpay", 400, js, `{"statusText":"fail","status":"400","message":"Transaction not Created"}`, false, true},
		{"assanpay", 401, js, `{"status":"error","message":"Unauthorized"}`, false, true},
		{"assanpay", 404, js, `{"status":"error","message":"Failed to retrieve payout status","data":{"status":404}}`, false, true},
		{"assanpay", 200, js, `{"success":"true","message":"Something else","data":{},"statusCode":"200"}`, false, false},
		{"assanpay", 400, js, `{"error":"amount"}`, false, false},
		{"payrequest", 200, js, `{"status":"error","error":"notoken"}`, false, true},
		{"payrequest", 200, js, `{"status":"error","error":"unknown","realerror":"id already exists"}`, false, true},
		{"payrequest", 200, js, `{"status":"error","error":"notoken","request_id":"x"}`, false, false},
		{"payrequest", 422, js, `{"status":"error","error":"notoken"}`, false, false},
		{"payrequest", 200, js, `{"status":"error"}`, false, false},
		{"asaanbill", 404, js, `{"responseCode":404,"responseMessage":"A","data":null}`, false, true},
		{"asaanbill", 400, js, `{"responseCode":400,"responseMessage":"A","data":{"payments":[{"status":"A"}]}}`, false, true},
		{"asaanbill", 200, js, `{"responseCode":200,"responseMessage":"A","data":{"token":"x"}}`, true, true},
		{"asaanbill", 200, js, `{"responseCode":200,"responseMessage":"A","data":null}`, true, false},
		{"asaanbill", 404, js, `{"responseCode":400,"responseMessage":"A","data":null}`, false, false},
		{"asaanbill", 404, js, `{"responseCode":404,"responseMessage":"A"}`, false, false},
		{"asaanbill", 404, js, `{"responseCode":404,"responseMessage":"A","data":{"trace":"x"}}`, false, false},
		{"asaanbill", 400, js, `{"responseCode":400,"responseMessage":":attribute is invalid","data":null}`, false, false},
		{"deshipay", 401, js, `{"code":401,"messages":["Unauthenticated."],"data":null}`, false, true},
		{"deshipay", 200, js, `{"code":200,"messages":[],"data":{}}`, true, true},
		{"deshipay", 422, js, `{"code":422,"messages":["Sorry! PIN does not match."],"data":null,"error_title":"E_PIN_ERROR"}`, false, true},
		{"deshipay", 422, js, `{"code":422,"messages":["Sorry! Sender account is not approved"],"data":null,"error_title":null}`, false, true},
		{"deshipay", 422, js, `{"code":422,"messages":["A"],"data":null,"error_title":null}`, false, false},
		{"deshipay", 422, js, `{"code":422,"messages":["A"],"data":null,"error_title":"E_PIN_ERROR"}`, false, false},
		{"deshipay", 422, js, `{"code":400,"messages":["A"],"data":null}`, false, false},
		{"deshipay", 422, js, `{"code":422,"messages":[],"data":null}`, false, false},
		{"deshipay", 422, js, `{"code":422,"messages":["A"],"data":{}}`, false, false},
		{"deshipay", 422, js, `{"code":422,"messages":["A"],"data":null,"trace":"x"}`, false, false},
		{"native", 404, problem, `{"title":"Not Found","status":404,"code":"route_unknown","detail":"A","request_id":"r1"}`, false, true},
		{"native", 404, problem, `{"title":"Not Found","status":400,"code":"route_unknown","detail":"A","request_id":"r1"}`, false, false},
		{"native", 404, problem, `{"title":"Not Found","status":404,"code":"no_such_code","detail":"A","request_id":"r1"}`, false, false},
		{"native", 404, problem, `{"title":"Not Found","status":404,"code":"route_unknown","detail":"A","request_id":"r2"}`, false, false},
		{"native", 404, js, `{"title":"Not Found","status":404,"code":"route_unknown","detail":"A","request_id":"r1"}`, false, false},
		{"native", 401, problem, `{"title":"Unauthorized","status":401,"code":"credentials_invalid","detail":"A","request_id":"r1"}`, false, false},
		{"checkout", 404, html, `<!doctype html><p>no`, false, true},
		{"checkout", 404, html, `no`, false, false},
		{"checkout", 404, text, `<!doctype html><p>no`, false, false},
		{"checkout", 303, "", ``, true, true},
		{"checkout", 200, "text/css; charset=utf-8", `a{}`, true, true},
		{"receipt", 200, "image/png", "x", true, true},
		{"receipt", 404, html, `<!doctype html><p>no`, false, true},
		{"receipt", 404, text, `no`, false, false},
		{"receipt", 200, "application/octet-stream", "x", true, false},
		{"health", 200, text, "alive\n", true, true},
		{"health", 404, text, "Not Found (route_unknown, request r1)\n", false, true},
		{"health", 404, text, "a stack\nof lines\n", false, false},
	} {
		a := hostile.Answer{Status: c.status, Body: []byte(c.body), Header: http.Header{"Request-Id": {"r1"}, "X-Frame-Options": {"DENY"}}}
		if c.kind != "" {
			a.Header.Set("Content-Type", c.kind)
		}
		if wrong := shapes[c.door](a, c.taken); (len(wrong) == 0) != c.right {
			t.Errorf("%s, %d %s: %q", c.door, c.status, c.body, wrong)
		}
	}
}
