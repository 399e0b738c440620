package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	"github.com/entenancy/tenancy/examples/quickstart/ent/country"
	"github.com/entenancy/tenancy/examples/quickstart/ent/order"
	"github.com/entenancy/tenancy/examples/quickstart/ent/tag"
	"github.com/entenancy/tenancy/examples/quickstart/ent/user"
)

// api is an ordinary JSON API on an ordinary ent client. There is no tenant in
// any of its queries: the request's context carries it.
type api struct{ client *ent.Client }

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", a.listOrders)
	mux.HandleFunc("POST /orders", a.createOrder)
	mux.HandleFunc("GET /orders/{id}", a.getOrder)
	mux.HandleFunc("PATCH /orders/{id}", a.updateOrder)
	mux.HandleFunc("DELETE /orders/{id}", a.deleteOrder)
	mux.HandleFunc("GET /countries", a.listCountries)
	mux.HandleFunc("POST /countries", a.createCountry)
	return mux
}

// orderJSON is an order as the API shows it.
type orderJSON struct {
	ID         uuid.UUID  `json:"id"`
	Number     string     `json:"number"`
	Note       string     `json:"note,omitempty"`
	Customer   string     `json:"customer"`
	CustomerID uuid.UUID  `json:"customer_id"`
	Country    string     `json:"country"`
	Tags       []string   `json:"tags,omitempty"`
	Items      []itemJSON `json:"items"`
}

type itemJSON struct {
	SKU   string `json:"sku"`
	Cents int    `json:"cents"`
}

// newOrder is what a caller sends. CustomerID may name an existing customer
// instead of an address.
type newOrder struct {
	Number     string     `json:"number"`
	Customer   string     `json:"customer"`
	CustomerID *uuid.UUID `json:"customer_id"`
	Country    string     `json:"country"`
	Tags       []string   `json:"tags"`
	Items      []itemJSON `json:"items"`
}

func (a *api) listOrders(w http.ResponseWriter, r *http.Request) {
	query := a.client.Order.Query()
	if name := r.URL.Query().Get("tag"); name != "" {
		query.Where(order.HasTagsWith(tag.Name(name)))
	}
	orders, err := withEdges(query).Order(order.ByNumber()).All(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	shown := make([]orderJSON, len(orders))
	for i, o := range orders {
		shown[i] = show(o)
	}
	reply(w, http.StatusOK, shown)
}

func (a *api) getOrder(w http.ResponseWriter, r *http.Request) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	o, err := withEdges(a.client.Order.Query().Where(order.ID(id))).Only(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, show(o))
}

func (a *api) createOrder(w http.ResponseWriter, r *http.Request) {
	var n newOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&n); err != nil {
		http.Error(w, "the body is not an order", http.StatusBadRequest)
		return
	}
	id, err := a.place(r.Context(), n)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusCreated, map[string]any{"id": id})
}

// place writes an order with all that belongs to it, or nothing.
func (a *api) place(ctx context.Context, n newOrder) (uuid.UUID, error) {
	tx, err := a.client.Tx(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	id, err := placeIn(ctx, tx.Client(), n)
	if err != nil {
		return uuid.Nil, errors.Join(err, tx.Rollback())
	}
	return id, tx.Commit()
}

func placeIn(ctx context.Context, c *ent.Client, n newOrder) (uuid.UUID, error) {
	customer, err := customerOf(ctx, c, n)
	if err != nil {
		return uuid.Nil, err
	}
	destination, err := c.Country.Query().Where(country.Code(n.Country)).OnlyID(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	create := c.Order.Create().SetNumber(n.Number).SetCustomerID(customer).SetCountryID(destination)
	for _, name := range n.Tags {
		id, err := tagID(ctx, c, name)
		if err != nil {
			return uuid.Nil, err
		}
		create.AddTagIDs(id)
	}
	o, err := create.Save(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	return o.ID, c.Item.MapCreateBulk(n.Items, func(item *ent.ItemCreate, i int) {
		item.SetSku(n.Items[i].SKU).SetCents(n.Items[i].Cents).SetOrder(o)
	}).Exec(ctx)
}

// customerOf returns the customer's id: the one that was sent, or that of the
// user with the address, who is created if there is none.
func customerOf(ctx context.Context, c *ent.Client, n newOrder) (uuid.UUID, error) {
	if n.CustomerID != nil {
		return *n.CustomerID, nil // anything a caller likes: the write checks it
	}
	id, err := c.User.Query().Where(user.Email(n.Customer)).OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	created, err := c.User.Create().SetEmail(n.Customer).Save(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	return created.ID, nil
}

func tagID(ctx context.Context, c *ent.Client, name string) (uuid.UUID, error) {
	id, err := c.Tag.Query().Where(tag.Name(name)).OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	created, err := c.Tag.Create().SetName(name).Save(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	return created.ID, nil
}

func (a *api) updateOrder(w http.ResponseWriter, r *http.Request) {
	var change struct {
		Note string `json:"note"`
	}
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil || json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&change) != nil {
		http.Error(w, "the body is not a change to an order", http.StatusBadRequest)
		return
	}
	if err := a.client.Order.UpdateOneID(id).SetNote(change.Note).Exec(r.Context()); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *api) deleteOrder(w http.ResponseWriter, r *http.Request) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if err := a.client.Order.DeleteOneID(id).Exec(r.Context()); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// listCountries answers every tenant alike.
func (a *api) listCountries(w http.ResponseWriter, r *http.Request) {
	codes, err := a.client.Country.Query().Order(country.ByCode()).Select(country.FieldCode).Strings(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, codes)
}

// createCountry is a mistake on purpose: an endpoint that lets tenants write
// what all of them share. The client refuses it.
func (a *api) createCountry(w http.ResponseWriter, r *http.Request) {
	if err := a.client.Country.Create().SetCode("XX").Exec(r.Context()); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func withEdges(q *ent.OrderQuery) *ent.OrderQuery {
	return q.WithCustomer().WithCountry().WithTags().WithItems()
}

func show(o *ent.Order) orderJSON {
	shown := orderJSON{
		ID:         o.ID,
		Number:     o.Number,
		Note:       o.Note,
		Customer:   o.Edges.Customer.Email,
		CustomerID: o.Edges.Customer.ID,
		Country:    o.Edges.Country.Code,
	}
	for _, t := range o.Edges.Tags {
		shown.Tags = append(shown.Tags, t.Name)
	}
	for _, i := range o.Edges.Items {
		shown.Items = append(shown.Items, itemJSON{i.Sku, i.Cents})
	}
	return shown
}

// fail answers with what a caller may know. The rows of another tenant are not
// forbidden but not there, which is all that the caller learns.
func fail(w http.ResponseWriter, err error) {
	switch {
	case ent.IsNotFound(err):
		http.Error(w, "not found", http.StatusNotFound)
	case errors.Is(err, tenancy.ErrCrossTenant), errors.Is(err, tenancy.ErrGlobalWrite):
		http.Error(w, "refused", http.StatusForbidden)
	case ent.IsConstraintError(err):
		http.Error(w, "conflict", http.StatusConflict)
	default:
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
