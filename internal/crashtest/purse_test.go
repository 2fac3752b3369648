package crashtest

import (
	"encoding/json"
	"testing"
)

func TestReceiptsAreTold(t *testing.T) {
	ok := `{"code":200,"messages":["Payment is successful"],"data":{"summary":{"invoice_id":"AZCTL8S942","new_balance":"৳122,105.14"}}}`
	for body, want := range map[string]bool{
		ok: true,
		`{"code":200,"messages":[],"data":{"summary":{"nature_of_transaction":"Transfer","amount":"৳10"}}}`: false,
		`{"code":422,"messages":["Sorry! PIN does not match."],"data":null}`:                                false,
		`not JSON`: false,
	} {
		if moved(Answer{Status: 200, Body: []byte(body)}) != want {
			t.Errorf("%s", body)
		}
	}
	if moved(Answer{Status: 503, Body: []byte(ok)}) {
		t.Error("a refusal is taken for a receipt")
	}
	for text, want := range map[string]int64{"৳122,105.14": 12210514, "৳10": 1000, "৳0.05": 5} {
		if got := paisa(text); got != want {
			t.Errorf("%s is %d", text, got)
		}
	}
}

func TestTheLineNamesTheHolders(t *testing.T) {
	var line Line
	if err := json.Unmarshal([]byte(`{"deshipay":{"consumers":[{"mobile_number":"+1","pin":"2"}],"merchant":{"mobile_number":"+3","pin":"4"}}}`), &line); err != nil {
		t.Fatal(err)
	}
	if list := line.Holders(); len(list) != 1 || list[0].MobileNumber != "+1" || list[0].PIN != "2" || line.DeshiPay.Merchant.PIN != "4" {
		t.Errorf("%+v", list)
	}
	if (Line{}).Holders() != nil {
		t.Error("holders of nobody")
	}
}
