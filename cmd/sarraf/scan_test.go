package main

import (
	"fmt"
	"net/http"
	"testing"

	"sarraf/internal/scantest"
	"sarraf/qr"
)

// Every sort of code that a merchant can ask for, drawn and read by another program, is the payload that was answered, and says in our own
// parser's words what is to be paid, to whom, and by which PSID.
func TestEveryCodeThatIsAskedForIsReadByAnotherDecoder(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		u := d.login()
		bill := `{"payment":{"title":"Fee","identifier":"%s","dueDate":"2036-03-28","amount":"1234.5","amountAfterDueDate":"1300"}}`
		asked := []struct{ kind, body, method, amount string }{
			{"PSID", fmt.Sprintf(bill, "FS-1"), qr.Static, "1234.50"},
			{"SQRC_WITH_AMOUNT", fmt.Sprintf(bill, "FS-2"), qr.Static, "1234.50"},
			{"SQRC_WITHOUT_AMOUNT", `{"payment":{"title":"Ali Tuck Shop","identifier":"ali-tuck-shop-1"}}`, qr.Static, ""},
			{"DQRC", `{"payment":{"amount":"1500","longitude":"72.996636","latitude":"33.646342"}}`, qr.Dynamic, "1500.00"},
		}
		var images [][]byte
		var answers []map[string]any
		for _, a := range asked {
			r := d.bill(u, "/add?generationTypes="+a.kind, a.body)
			data, _ := r.json["data"].(map[string]any)
			text, _ := data["qrString"].(string)
			img, err := qr.PNG(text, 3)
			if r.status != http.StatusOK || err != nil {
				t.Fatalf("%s: %d %s, %v", a.kind, r.status, r.text, err)
			}
			images, answers = append(images, img), append(answers, data)
		}
		for i, read := range scantest.Read(t, images...) {
			a, data := asked[i], answers[i]
			p, err := qr.Decode(read)
			if read != data["qrString"] || err != nil {
				t.Fatalf("%s: read %q of %v, %v", a.kind, read, data["qrString"], err)
			}
			for _, want := range []struct {
				path []string
				text string
			}{
				{[]string{qr.IDMethod}, a.method},
				{[]string{qr.IDAmount}, a.amount},
				{[]string{qr.IDCurrency}, "586"},
				{[]string{qr.IDCountry}, "PK"},
				{[]string{qr.IDMore, qr.IDBill}, fmt.Sprint(data["psid"])},
				{[]string{qr.IDMore, qr.IDReference}, fmt.Sprint(data["id"])},
			} {
				if got, _ := p.Find(want.path...); got != want.text {
					t.Errorf("%s: %v is %q, want %q", a.kind, want.path, got, want.text)
				}
			}
			if iban, _ := p.Find("28", "02"); !qr.PakistanIBAN(iban) {
				t.Errorf("%s: the account is %q", a.kind, iban)
			}
		}
	})
}
