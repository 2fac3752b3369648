// Package webhook tells merchants what happened, by calling the addresses they gave.
//
// A delivery is one sending of one event to one endpoint. The package signs it (Standard Webhooks, version v1), calls the
// endpoint through a client that cannot be talked into reaching our own network, keeps apart the lanes of different
// endpoints, and says when to try again. Deliveries are at least once, with one stable id.
package webhook
