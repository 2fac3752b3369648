package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// pgProgram is one of PostgreSQL's own programs.
type pgProgram struct {
	path  string
	major int // its version
}

var programVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// pgPrograms finds the programs of that name that know servers of the major version: in folder, or when that is "" on the PATH and in
// Debian's place. The nearest version comes first, since what a newer pg_dump writes may hold words that the older server does not
// know. None is an error that says how to get one.
func pgPrograms(ctx context.Context, name, folder string, major int) ([]pgProgram, error) {
	var paths []string
	if folder != "" {
		paths = []string{filepath.Join(folder, name)}
	} else {
		if p, err := exec.LookPath(name); err == nil {
			paths = append(paths, p)
		}
		debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		paths = append(paths, debian...)
	}
	var fit []pgProgram
	var others []string
	for _, p := range paths {
		out, err := pgProgram{path: p}.run(ctx, "", "--version")
		found := programVersion.FindSubmatch(out)
		if err != nil || found == nil {
			continue // it is not there, or is something else
		}
		v, err := strconv.Atoi(string(found[1]))
		if err == nil && v >= major {
			fit = append(fit, pgProgram{p, v})
		} else {
			others = append(others, fmt.Sprintf("%s is of version %s", p, found[1]))
		}
	}
	if len(fit) == 0 {
		also := ""
		if len(others) > 0 {
			also = " (" + strings.Join(others, ", ") + ")"
		}
		return nil, fmt.Errorf("%s of PostgreSQL %d or later is needed and was not found%s: install Debian's package postgresql-client-%d, "+
			"or name the folder that has it with --pg-bin", name, major, also, major)
	}
	slices.SortStableFunc(fit, func(a, b pgProgram) int { return cmp.Compare(a.major, b.major) })
	return fit, nil
}

// run runs the program and answers what it said on its standard output.
func (p pgProgram) run(ctx context.Context, password string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.path, args...)
	// What every user of the machine can list are the arguments; the password goes where only this one can look.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "SARRAF_") || password != "" && strings.HasPrefix(v, "PGPASSWORD=")
	})
	if password != "" {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", p.path, err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

// understood are the parameters of a postgres:// URL that PostgreSQL's own programs take as they stand; who and where is read from it
// by the driver, and the rest is the driver's or the session's.
var understood = []string{
	"sslmode", "sslrootcert", "sslcert", "sslkey", "sslsni", "sslnegotiation", "channel_binding", "krbsrvname", "gssencmode",
	"target_session_attrs", "connect_timeout", "options", "service",
}

// libpq is what PostgreSQL's programs are told of where to connect, and the password, which is told apart. database is another one of
// the same server, or "" for the one that dsn names.
func libpq(dsn, database string) (address, password string, err error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	u, err2 := url.Parse(dsn)
	if err != nil || err2 != nil {
		return "", "", fmt.Errorf("database: cannot read %s", redact(dsn))
	}
	at := cfg.ConnConfig
	if database == "" {
		database = at.Database
	}
	hosts, ports := []string{at.Host}, []string{strconv.Itoa(int(at.Port))}
	for _, f := range at.Fallbacks { // also the same server once more, without TLS
		if port := strconv.Itoa(int(f.Port)); f.Host != hosts[len(hosts)-1] || port != ports[len(ports)-1] {
			hosts, ports = append(hosts, f.Host), append(ports, port)
		}
	}
	var b strings.Builder
	add := func(name, value string) {
		value = strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), `'`, `\'`)
		fmt.Fprintf(&b, "%s='%s' ", name, value)
	}
	add("host", strings.Join(hosts, ","))
	add("port", strings.Join(ports, ","))
	add("user", at.User)
	add("dbname", database)
	add("application_name", "sarraf backup")
	query := u.Query()
	for _, name := range understood {
		if query.Has(name) {
			add(name, query.Get(name))
		}
	}
	if query.Has("sslpassword") {
		return "", "", errors.New("database: a key with a pass phrase (sslpassword) cannot be handed to PostgreSQL's programs safely: use one without")
	}
	return strings.TrimSpace(b.String()), at.Password, nil
}
