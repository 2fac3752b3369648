package httpx

// AppendString appends s to b as a JSON string, to the byte as WriteJSON writes it: for answers that are put together by hand where
// requests are many.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			e := encoders.Get().(*encoder)
			defer e.free()
			return append(b, e.encode(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// AppendJSON appends v to b as WriteJSON writes it. A value that cannot be encoded is a mistake in the program: it panics.
func AppendJSON(b []byte, v any) []byte {
	e := encoders.Get().(*encoder)
	defer e.free()
	return append(b, e.encode(v)...)
}
