package deshipay

import (
	"testing"

	"sarraf/dialect/dialecttest"
)

func TestDocumentedRequestsGetTheDocumentedAnswers(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Run(t, "testdata", h.target) })
}

func TestExamplesOfThePageWorkAsPrinted(t *testing.T) {
	eachEngine(t, func(t *testing.T, h *house) { dialecttest.Page(t, "README.md", h.target) })
}
