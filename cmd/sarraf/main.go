// Command sarraf is a self-hosted payment platform in one binary: it collects money, keeps the books and tells merchants, in the
// words of the gateways they are integrated with.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses. Everything that fails says on standard error what failed and what to do.
const (
	exitFailed = 1 // the work failed
	exitUsage  = 2 // the arguments cannot be read
)

// commands is the command line. Every flag is an environment variable SARRAF_* too; secrets come by environment or file only.
type commands struct {
	Serve    serveCmd    `cmd:"" help:"Serve the front doors, the hosted pages and the workers."`
	Demo     demoCmd     `cmd:"" help:"Serve on a throwaway database with a demo merchant, all in sandbox mode."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database's schema up to date."`
	Audit    auditCmd    `cmd:"" help:"Prove the books. Exit status 1 on any discrepancy."`
	Backup   backupCmd   `cmd:"" help:"Copy the database into a file, while it is served, and prove the copy."`
	Restore  restoreCmd  `cmd:"" help:"Prove a backup, and put it in the database's place."`
	Doctor   doctorCmd   `cmd:"" help:"Check configuration, clock, database and reachability, and say what to mend. Exit status 1 when something fails."`
	Health   healthCmd   `cmd:"" help:"Ask the server on this machine whether it is alive; for a container's health check."`
	Explain  explainCmd  `cmd:"" help:"Tell what an id of any kind means: the invoice, its payments, entries, events, webhooks, and who asked."`
	Bulk     bulkCmd     `cmd:"" help:"Hand in a CSV of bills (AsaanBill), and show how they are made."`
	Merchant merchantCmd `cmd:"" help:"Manage merchants, their credentials, users and fees."`
	Wallet   walletCmd   `cmd:"" help:"Manage wallets: who has money here, their PINs, limits and fees."`
	Operator operatorCmd `cmd:"" help:"Manage what the house's own people use."`
	Channel  channelCmd  `cmd:"" help:"Manage the channels through which banks reach the house."`
	Bank     bankCmd     `cmd:"" help:"Play a bank that asks for bills and pays them, for developers."`
	Settle   settleCmd   `cmd:"" help:"Match a rail's settlement file with the receipts, and post what agrees. Exit status 1 when something is to be looked at."`
	Refund   refundCmd   `cmd:"" help:"Give the money of a payment back, whole or in part, over the rail that took it."`
	Payout   payoutCmd   `cmd:"" help:"The desk: list what goes out, approve it, carry out by hand what no rail does, and take banks' answers."`
	Method   methodCmd   `cmd:"" help:"Manage the ways in which merchants pay out."`
	Receipt  receiptCmd  `cmd:"" help:"Check wallets' receipts, and print the public key they are checked with."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes; tests give their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
	started  func(*app) // told of the house once it serves; nil outside of tests
}

func main() {
	// Requests leave little behind and the live heap is small, so that by its default rule the collector would run many times a
	// second. GOGC, when it is set, wins.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once, which it is made to survive
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// errFound says that a command did its work and what it looked for is there; it has said so itself.
var errFound = errors.New("found")

// run carries out one command line and answers the exit status.
func run(ctx context.Context, args []string, io streams) int {
	exited := -1
	parser, err := newParser(ctx, io, func(code int) { exited = code })
	if err != nil {
		return complain(io, err)
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err != nil {
		fmt.Fprintf(io.err, "sarraf: %v\nTry sarraf --help.\n", err)
		return exitUsage
	}
	return complain(io, parsed.Run())
}

// newParser reads command lines; exit is called where one asks for help.
func newParser(ctx context.Context, io streams, exit func(int)) (*kong.Kong, error) {
	return kong.New(&commands{}, kong.Name("sarraf"), kong.UsageOnError(),
		kong.Description("A self-hosted payment platform that speaks the APIs of existing gateways over one set of books."),
		kong.DefaultEnvars("SARRAF"), kong.Writers(io.out, io.err), kong.Exit(exit),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(io))
}

// usageError is a mistake in the arguments that only the command itself can see.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func complain(io streams, err error) int {
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return exitFailed
	case errors.As(err, &wrong):
		fmt.Fprintf(io.err, "sarraf: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(io.err, "sarraf: %v\n", err)
	return exitFailed
}
