package pgtest

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Launch is Start for a program that is no test, such as a benchmark: it must call Remove when it is done.
func Launch(durable bool) (*Server, error) { return start(durable) }

// Remove kills the server and deletes what it kept.
func (s *Server) Remove() { s.remove() }

// PID is the process of the server; its workers are children of it.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Create makes an empty database and answers its URL.
func (s *Server) Create(ctx context.Context) (string, error) {
	name := fmt.Sprintf("t%d", databases.Add(1))
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return s.URL(name), err
}
