package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"sarraf/fault"
	"sarraf/internal/hostile"
)

// object is an answer's JSON object, nil when it is none.
func object(a hostile.Answer) map[string]any {
	var o map[string]any
	if json.Unmarshal(a.Body, &o) != nil {
		return nil
	}
	return o
}

// shapes hold an answer against the form that a door's answers have: what is wrong, nothing when it is right. An answer that took the
// request is held against its golden case elsewhere; here it must have the door's content type.
var shapes = map[string]func(a hostile.Answer, taken bool) []string{
	"native": nativeShape, "aspay": aspayShape, "assanpay": assanpayShape, "payrequest": payrequestShape, "asaanbill": asaanbillShape,
	"checkout": pageShape, "health": neutralShape, "billpay": billpayShape, "receipt": receiptShape,
	"deshipay": deshipayShape,
}

// kind is the answer's content type without its parameters.
func kind(a hostile.Answer) string {
	k, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return k
}

// jsonShape holds that an answer is a JSON object.
func jsonShape(a hostile.Answer) (map[string]any, []string) {
	o := object(a)
	if kind(a) != "application/json" || o == nil {
		return nil, []string{fmt.Sprintf("%q is not a JSON object: %.200s", a.Header.Get("Content-Type"), a.Body)}
	}
	return o, nil
}

func nativeShape(a hostile.Answer, taken bool) []string {
	if taken {
		if k := kind(a); k != "application/json" && k != "text/html" && k != "text/javascript" {
			return []string{"Content-Type " + k}
		}
		return nil
	}
	o := object(a)
	var wrong []string
	if kind(a) != "application/problem+json" || o == nil {
		return []string{fmt.Sprintf("%q is not a problem: %.200s", a.Header.Get("Content-Type"), a.Body)}
	}
	if status, _ := o["status"].(float64); int(status) != a.Status || a.Status < 400 {
		wrong = append(wrong, fmt.Sprintf("status %v in a problem of status %d", o["status"], a.Status))
	}
	if code, _ := o["code"].(string); !slices.Contains(fault.Codes(), fault.Code(code)) || code == string(fault.Bug) {
		wrong = append(wrong, fmt.Sprintf("code %v", o["code"]))
	}
	if o["request_id"] != a.Header.Get("Request-Id") || o["title"] != http.StatusText(a.Status) || o["detail"] == "" {
		wrong = append(wrong, "request_id, title or detail")
	}
	if a.Status == http.StatusUnauthorized && a.Header.Get("WWW-Authenticate") == "" {
		wrong = append(wrong, "401 without WWW-Authenticate")
	}
	return wrong
}

func aspayShape(a hostile.Answer, taken bool) []string {
	o, wrong := jsonShape(a)
	if wrong != nil || taken {
		return wrong
	}
	message, _ := o["message"].(string)
	if o["status"] != "error" || message == "" || a.Status < 400 {
		wrong = append(wrong, "not an error of Aspay's: "+string(a.Body))
	}
	if strings.Contains(message, ":attribute") || strings.Contains(message, ":max") {
		wrong = append(wrong, "a gap in the sentence: "+message)
	}
	errs, has := o["errors"].(map[string]any)
	if has != (a.Status == http.StatusUnprocessableEntity) || has && len(errs) == 0 {
		wrong = append(wrong, fmt.Sprintf("errors %v with status %d", o["errors"], a.Status))
	}
	return append(wrong, surplus(o, "status", "message", "errors")...)
}

// surplus lists keys beyond those that are known.
func surplus(o map[string]any, known ...string) []string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, name) {
			wrong = append(wrong, "a key that nobody knows: "+name)
		}
	}
	return wrong
}

func assanpayShape(a hostile.Answer, taken bool) []string {
	o, wrong := jsonShape(a)
	if wrong != nil || taken {
		return wrong
	}
	if message, _ := o["message"].(string); message == "" {
		wrong = append(wrong, "no message: "+string(a.Body))
	}
	switch {
	case a.Status == http.StatusOK: // an order that is there
		if o["success"] != "true" || o["statusCode"] != "200" || o["message"] != "Order Id already exists" {
			wrong = append(wrong, "200 is for an order that is there already: "+string(a.Body))
		}
		return append(wrong, surplus(o, "success", "message", "data", "statusCode")...)
	case o["statusText"] == nil && o["status"] != "error":
		wrong = append(wrong, "not an error of AssanPay's: "+string(a.Body))
	}
	return append(wrong, surplus(o, "statusText", "status", "message", "data")...)
}

func payrequestShape(a hostile.Answer, taken bool) []string {
	o, wrong := jsonShape(a)
	if wrong != nil || taken {
		return wrong
	}
	known := []int{
		http.StatusOK, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests,
		http.StatusServiceUnavailable,
	}
	if code, _ := o["error"].(string); o["status"] != "error" || code == "" || !slices.Contains(known, a.Status) {
		wrong = append(wrong, fmt.Sprintf("not an error of PayRequest's: %d %s", a.Status, a.Body))
	}
	return append(wrong, surplus(o, "status", "error", "realerror")...)
}

// billpayShape is of the answers to banks, which are texts alone: those of an inquiry, or those of a payment.
func billpayShape(a hostile.Answer, taken bool) []string {
	o, wrong := jsonShape(a)
	if wrong != nil {
		return wrong
	}
	widths := map[string]int{
		"response_Code": 2, "consumer_Detail": 30, "bill_status": 1, "due_date": 8, "amount_within_dueDate": 14, "amount_after_dueDate": 14,
		"billing_month": 4, "date_paid": 8, "amount_paid": 12, "tran_auth_Id": 6, "reserved": 0,
	}
	if o["identification_parameter"] != nil {
		widths = map[string]int{"response_Code": 2, "identification_parameter": -1, "reserved": 0}
	}
	for name, width := range widths {
		if text, ok := o[name].(string); !ok || width >= 0 && len([]rune(text)) != width {
			wrong = append(wrong, fmt.Sprintf("%s is %q", name, o[name]))
		}
	}
	code, _ := o["response_Code"].(string)
	if !taken && code == "00" || a.Status != http.StatusOK && (a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed || code != "04") {
		wrong = append(wrong, fmt.Sprintf("%d with code %s", a.Status, code))
	}
	return append(wrong, surplus(o, slices.Collect(maps.Keys(widths))...)...)
}

func asaanbillShape(a hostile.Answer, taken bool) []string {
	o, wrong := jsonShape(a)
	if wrong != nil {
		return wrong
	}
	if code, _ := o["responseCode"].(float64); int(code) != a.Status || taken != (a.Status == http.StatusOK) {
		wrong = append(wrong, fmt.Sprintf("responseCode %v with status %d", o["responseCode"], a.Status))
	}
	if message, _ := o["responseMessage"].(string); message == "" || strings.Contains(message, ":attribute") || strings.Contains(message, ":max") {
		wrong = append(wrong, "responseMessage "+message)
	}
	data, has := o["data"]
	echoes, _ := data.(map[string]any)
	if !has || taken != (data != nil) && echoes["payments"] == nil {
		wrong = append(wrong, fmt.Sprintf("data %v with status %d", data, a.Status))
	}
	return append(wrong, surplus(o, "responseCode", "responseMessage", "data")...)
}

// pageShape is of the payers' pages: HTML, or an asset.
func pageShape(a hostile.Answer, taken bool) []string {
	if taken && a.Status == http.StatusSeeOther {
		return nil
	}
	if k := kind(a); taken && (k == "text/css" || k == "text/javascript" || k == "image/svg+xml") {
		return nil
	}
	var wrong []string
	if a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		wrong = append(wrong, "Content-Type "+a.Header.Get("Content-Type"))
	}
	if !taken && (a.Status < 400 || !strings.Contains(strings.ToLower(string(a.Body)), "<!doctype html>")) {
		wrong = append(wrong, fmt.Sprintf("not an error page: %d %.200s", a.Status, a.Body))
	}
	if a.Header.Get("X-Frame-Options") != "DENY" {
		wrong = append(wrong, "it may be framed")
	}
	return wrong
}

// neutralShape is the answer in nobody's territory: one line of text, or a problem to who speaks JSON.
func neutralShape(a hostile.Answer, taken bool) []string {
	switch kind(a) {
	case "text/plain":
		if n := strings.Count(string(a.Body), "\n"); n != 1 || !taken && !strings.Contains(string(a.Body), "request ") {
			return []string{fmt.Sprintf("not one line: %.200q", a.Body)}
		}
		return nil
	case "application/problem+json":
		if o := object(a); o != nil && o["code"] != nil && o["code"] != string(fault.Bug) && o["request_id"] == a.Header.Get("Request-Id") {
			return nil
		}
	}
	return []string{fmt.Sprintf("neither a line nor a problem: %q %.200s", a.Header.Get("Content-Type"), a.Body)}
}
