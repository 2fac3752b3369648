package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/event"
	"sarraf/fault"
)

func (a *api) registerEvents(h huma.API) {
	register(h, reads, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"Events"},
		Summary: "List events",
		Description: "In the order of their numbers. To follow them, ask for those `after` the last number you have seen. `before` " +
			"alone gives the last ones before that number.",
		Errors: []int{http.StatusUnprocessableEntity},
	}, a.listEvents)
	register(h, reads, huma.Operation{
		OperationID: "get-event", Method: http.MethodGet, Path: "/v1/events/{number}", Tags: []string{"Events"},
		Summary: "Get an event",
		Errors:  []int{http.StatusNotFound},
	}, a.getEvent)
}

type eventPage struct {
	Limit  int   `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After  int64 `query:"after" minimum:"0" doc:"A number: only later ones."`
	Before int64 `query:"before" minimum:"1" doc:"A number: only earlier ones."`
}

func (a *api) listEvents(ctx context.Context, c caller, in *eventPage) (Page[Event], error) {
	list, err := a.Events.List(ctx, c.Owner, event.Page{After: in.After, Before: in.Before, Limit: in.Limit + 1})
	if err != nil {
		return Page[Event]{}, err
	}
	page := Page[Event]{Data: make([]Event, 0, len(list)), HasMore: len(list) > in.Limit}
	if page.HasMore && in.Before > 0 && in.After == 0 {
		list = list[1:] // asked for backwards: the earliest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, e := range list {
		out, err := eventOf(e)
		if err != nil {
			return Page[Event]{}, err
		}
		page.Data = append(page.Data, out)
	}
	return page, nil
}

type eventNumber struct {
	Number int64 `path:"number" minimum:"1" doc:"The event's number."`
}

func (a *api) getEvent(ctx context.Context, c caller, in *eventNumber) (Event, error) {
	e, ok, err := a.Events.Get(ctx, c.Owner, in.Number)
	if err != nil {
		return Event{}, err
	}
	if !ok {
		return Event{}, fault.New(fault.EventMissing).On("number")
	}
	return eventOf(e)
}
