package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestOperatorsKeysAreManagedByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		made := regexp.MustCompile(`^id: (\S+)\napi_key: (op_\S{40,})$`)
		first := made.FindStringSubmatch(mustRun(t, "operator", "key", "issue", "Night shift", "--database", dsn))
		second := made.FindStringSubmatch(mustRun(t, "operator", "key", "issue", "Day shift", "--database", dsn))
		if first == nil || second == nil || first[2] == second[2] {
			t.Fatalf("%v %v", first, second)
		}
		mustRun(t, "operator", "key", "revoke", first[1], "--database", dsn)
		list := mustRun(t, "operator", "key", "list", "--database", dsn)
		if !regexp.MustCompile(`(?m)^`+first[1]+` +Night shift +\S+ \S+ +\S+ \S+$`).MatchString(list) ||
			!regexp.MustCompile(`(?m)^`+second[1]+` +Day shift +\S+ \S+ +-$`).MatchString(list) ||
			strings.Contains(list, first[2]) {
			t.Errorf("list: %s", list)
		}
		for _, args := range [][]string{{"issue", " "}, {"issue", strings.Repeat("x", 101)}, {"issue", "a\x00b"}, {"issue"}, {"revoke", second[2]}} {
			code, out, errs := command(t, append(append([]string{"operator", "key"}, args...), "--database", dsn)...)
			if code != exitUsage || strings.Contains(out+errs, second[2]) {
				t.Errorf("%q: %d %s%s", args, code, out, errs)
			}
		}
		code, _, errs := command(t, "operator", "key", "revoke", "nothing", "--database", dsn)
		if code != exitFailed || !strings.Contains(errs, "sarraf operator key list") {
			t.Errorf("%d %s", code, errs)
		}
		proveClean(t, dsn)
	})
}
