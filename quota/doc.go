// Package quota holds each tenant to so much of something that is used up and
// does not come back by itself: seats, projects, bytes stored, messages a month.
//
//	quotas, err := quota.New(store, map[string]quota.Quota{
//		"projects": {Limit: 10, Plans: map[string]int64{"gold": 500}},
//	})
//	...
//	if err := quotas.Consume(ctx, "projects", 1); err != nil {
//		return err // tenancy.ErrQuotaExceeded, if it has ten of them
//	}
//	if err := create(ctx, project); err != nil {
//		return errors.Join(err, quotas.Release(tenancy.Detach(ctx), "projects", 1))
//	}
//
// The tenant comes from the context. Consume counts and refuses in one step: of
// any number at once, in any number of processes, exactly as many succeed as
// the limit has room for.
//
// For requests in a time, see package ratelimit. What is counted anew each month
// has the month in its name: ConsumeIn(ctx, "messages", "2026-11", 1).
// Such counters are kept until ForgetBefore or the end of the tenant.
//
// # Stores
//
// Counters are kept by a [Store]: [NewMemory] in the process, for one process
// and for tests; [NewRedis]; or, with package registry, in the tables of the
// tenants' registry, which is what to take where a lost counter matters.
package quota
