package payrequest

// created answers POST /api/create/.
type created struct {
	Status string `json:"status"`
	URL    string `json:"url"`
}

// standing answers POST /api/get/.
type standing struct {
	Status string `json:"status"`
}

// failure answers whatever goes wrong.
type failure struct {
	Status    string `json:"status"`
	Error     string `json:"error"`
	RealError string `json:"realerror,omitempty"`
}

// notice is the body of a webhook.
type notice struct {
	Event    string `json:"event"`
	Status   string `json:"status"`
	ID       string `json:"id"`
	Title    string `json:"title"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	At       string `json:"at"`
}

// extra is what an invoice keeps for this dialect alone.
type extra struct {
	Type     string `json:"type"`      // link or direct
	ReturnID string `json:"return_id"` // MD5 of token and id: the token itself is kept nowhere
}
